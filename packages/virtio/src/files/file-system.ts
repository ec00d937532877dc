// FileSystem: the files that a 9P or FUSE server shows. Whoever has files implements it; every method may throw a FileError, which the
// guest gets, and any other error becomes EIO. It keeps what is common to all protocols: what may be done, how much may be held at once,
// and that nothing outside of what is shown is reached.
// Names come from a guest: they are checked by the server (file-name.ts), which passes only single names. That no symbolic link leads
// out is the implementer's affair: links are the guest's to follow.

/** An error with Linux' number for it. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly errno: number;
  constructor(errno: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errno = errno;
  }
}

/** What a file is, as stat(2) has it. Times in nanoseconds since 1970. */
export interface FileAttributes {
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
export interface FileChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: number | 'now';
  readonly mtime?: number | 'now';
}

/** The guest's user and group that make a file: whose it shall be, where that can be. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface DirectoryEntry {
  readonly name: string;
  /** Linux' DT_ number, which is its mode's kind: 4 a directory, 8 a file, 10 a symbolic link. */
  readonly type: number;
  readonly inode: bigint;
}

/** Linux' statfs. */
export interface FileVolume {
  readonly blockBytes: number;
  readonly blocks: bigint;
  readonly freeBlocks: bigint;
  readonly availableBlocks: bigint;
  readonly files: bigint;
  readonly freeFiles: bigint;
}

/** A file that is open. */
export interface OpenFile {
  /** Fills `target` from `offset` on; returns how many bytes there were. */
  read(offset: number, target: Uint8Array): number;
  write(offset: number, source: Uint8Array): number;
  sync(): void;
  close(): void;
}

/** A file, directory or symbolic link. A file has one node as long as somebody holds it, by whatever names it is found. */
export interface FileNode {
  /** Who else needs it says so; each {@link FileNode.close} takes one back. Whoever gets a node from another closes it. */
  share(): FileNode;
  close(): void;
  attributes(): FileAttributes;
  change(changes: FileChanges): void;
  volume(): FileVolume;
  /** @param flags Linux' O_ numbers; of a file */
  open(flags: number): OpenFile;
  /** Of a symbolic link. */
  readLink(): string;
  /** Of directories, all that follow. */
  child(name: string): FileNode;
  list(): readonly DirectoryEntry[];
  create(
    name: string,
    flags: number,
    mode: number,
    owner: FileOwner,
  ): { node: FileNode; file: OpenFile };
  makeDirectory(name: string, mode: number, owner: FileOwner): FileNode;
  makeSymlink(name: string, target: string, owner: FileOwner): FileNode;
  link(name: string, node: FileNode): void;
  rename(name: string, to: FileNode, toName: string): void;
  remove(name: string, isDirectory: boolean): void;
}

export interface FileSystem {
  /** The directory that is shown, shared for the caller. */
  root(): FileNode;
}
