// P9FileSystem: the files that a 9P server shows. Whoever has files implements it; every method may throw a P9Error, which the guest gets,
// and any other error becomes EIO.
// Names come from a guest: they are checked by the server, which passes only single names, neither empty nor `.` nor `..`, without `/`
// and without NUL. That no symbolic link leads out of what is shown is the implementer's affair: links are the guest's to follow.

/** An error with Linux' number for it. */
export class P9Error extends Error {
  override readonly name = 'P9Error';
  readonly errno: number;
  constructor(errno: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errno = errno;
  }
}

/** What a file is, as stat(2) has it. Times in nanoseconds since 1970. */
export interface P9Attributes {
  /** Kind and permissions, Linux' numbers. */
  readonly mode: bigint;
  readonly inode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly links: bigint;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blockBytes: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** What is to be changed of a file. A time in seconds, or `now`. */
export interface P9Changes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: number | 'now';
  readonly mtime?: number | 'now';
}

export interface P9Entry {
  readonly name: string;
  /** Linux' DT_ number, which is its mode's kind: 4 a directory, 8 a file, 10 a symbolic link. */
  readonly type: number;
  readonly inode: bigint;
}

/** Linux' statfs. */
export interface P9Volume {
  readonly blockBytes: number;
  readonly blocks: bigint;
  readonly freeBlocks: bigint;
  readonly availableBlocks: bigint;
  readonly files: bigint;
  readonly freeFiles: bigint;
}

/** A file that is open. */
export interface P9File {
  /** Fills `target` from `offset` on; returns how many bytes there were. */
  read(offset: number, target: Uint8Array): number;
  write(offset: number, source: Uint8Array): number;
  sync(): void;
  close(): void;
}

/** A file, directory or symbolic link. */
export interface P9Node {
  /** Who else needs it says so; each {@link P9Node.close} takes one back. */
  share(): P9Node;
  close(): void;
  attributes(): P9Attributes;
  change(changes: P9Changes): void;
  volume(): P9Volume;
  /** @param flags Linux' O_ numbers; of a file */
  open(flags: number): P9File;
  /** Of a symbolic link. */
  readLink(): string;
  /** Of directories, all that follow. */
  child(name: string): P9Node;
  list(): readonly P9Entry[];
  create(name: string, flags: number, mode: number): { node: P9Node; file: P9File };
  makeDirectory(name: string, mode: number): void;
  makeSymlink(name: string, target: string): void;
  link(name: string, node: P9Node): void;
  rename(name: string, to: P9Node, toName: string): void;
  remove(name: string, isDirectory: boolean): void;
}

export interface P9FileSystem {
  /** The directory that is shown, shared for the caller. */
  root(): P9Node;
}
