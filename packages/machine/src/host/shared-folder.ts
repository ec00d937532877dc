// SharedFolder: a folder of the host's as the files of a 9P server. Linux only.
// No path leads out of it. Every file the guest knows is held by a descriptor (O_PATH), every name is looked up by one step from its
// directory's descriptor (/proc/self/fd/N/name), never following a symbolic link: whatever is renamed or replaced meanwhile, by
// whomever, a descriptor stays the file it was opened as. Symbolic links are the guest's to follow, in its own view.
import * as fs from 'node:fs';
import {
  type P9Attributes,
  type P9Changes,
  type P9Entry,
  P9Error,
  type P9File,
  type P9FileSystem,
  type P9Node,
  type P9Volume,
} from '@proxeny/virtio';

/** Linux: names a file without opening it. Not among Node's constants. */
const O_PATH = 0o10000000;
const { constants } = fs;
const O_CLOEXEC = 0o2000000;
const HOLD = O_PATH | O_CLOEXEC | constants.O_NOFOLLOW;
/** What a guest may ask for when it opens a file: the rest is ours to say. */
const GUEST_FLAGS = constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC;
const SAFE_FLAGS = O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY;
/** No file becomes set-user-ID by a guest's wish. */
const PERMISSIONS = 0o777;
const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;
const S_IFLNK = 0o120000n;

const EIO = 5;
const EINVAL = 22;
const ENFILE = 23;
const EROFS = 30;
const EOPNOTSUPP = 95;
const ESTALE = 116;

/** Files that guests hold of one folder, those above them included. */
const MAX_NODES = 8192;

/** One number for files of all file systems beneath the folder. */
function inodeOf({ ino, dev }: { readonly ino: bigint; readonly dev: bigint }): bigint {
  return BigInt.asUintN(64, ino ^ (dev << 48n));
}

/** Does something with the host's files; its errors become the guest's. */
function ask<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).errno;
    const isHosts = typeof errno === 'number' && errno < 0 && errno > -4096;
    throw error instanceof P9Error
      ? error
      : new P9Error(isHosts ? -errno : EIO, String(error), { cause: error });
  }
}

class SharedFile implements P9File {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(offset: number, target: Uint8Array): number {
    return ask(() => fs.readSync(this.#fd, target, 0, target.length, offset));
  }

  write(offset: number, source: Uint8Array): number {
    return ask(() => fs.writeSync(this.#fd, source, 0, source.length, offset));
  }

  sync(): void {
    ask(() => fs.fsyncSync(this.#fd));
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/** A file that is held by a descriptor. */
class SharedNode implements P9Node {
  readonly #fd: number;
  readonly #isReadOnly: boolean;
  /** Of a symbolic link, read when it was found. */
  readonly #target: string | null;
  /** Where it was found; null for the folder itself. */
  readonly #place: { readonly parent: SharedNode; readonly name: string } | null;
  /** How many nodes its folder has. */
  readonly #held: { count: number };
  #users = 1;

  constructor(
    fd: number,
    isReadOnly: boolean,
    place: { readonly parent: SharedNode; readonly name: string } | null,
    target: string | null = null,
  ) {
    this.#fd = fd;
    this.#isReadOnly = isReadOnly;
    this.#target = target;
    this.#place = place;
    this.#held = place === null ? { count: 0 } : place.parent.#held;
    this.#held.count++;
    place?.parent.share();
  }

  /** The file itself, whatever it is called by now. Not for symbolic links. */
  get #itself(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  #at(name: string): string {
    return `${this.#itself}/${name}`;
  }

  #mayChange(): void {
    if (this.#isReadOnly) throw new P9Error(EROFS, 'the folder is shared read-only');
  }

  share(): P9Node {
    this.#users++;
    return this;
  }

  close(): void {
    // One after the other: a guest may have gone deep.
    for (let node: SharedNode | null = this; node !== null; node = node.#place?.parent ?? null) {
      if (--node.#users > 0) return;
      node.#held.count--;
      fs.closeSync(node.#fd);
    }
  }
  #mayHoldMore(): void {
    if (this.#held.count >= MAX_NODES) throw new P9Error(ENFILE, 'too many files are held');
  }

  attributes(): P9Attributes {
    const stats = ask(() => fs.fstatSync(this.#fd, { bigint: true }));
    const { mode, uid, gid, nlink, rdev, size, blksize, blocks, ...times } = stats;
    return {
      ...{ mode, uid, gid, rdev, size, blocks },
      inode: inodeOf(stats),
      links: nlink,
      blockBytes: blksize,
      atimeNs: times.atimeNs,
      mtimeNs: times.mtimeNs,
      ctimeNs: times.ctimeNs,
    };
  }

  change(changes: P9Changes): void {
    this.#mayChange();
    if (this.#target !== null) throw new P9Error(EOPNOTSUPP, 'a symbolic link has no attributes');
    const path = this.#itself;
    const { mode, uid, gid, size, atime, mtime } = changes;
    ask(() => {
      if (uid !== undefined || gid !== undefined) fs.chownSync(path, uid ?? -1, gid ?? -1);
      if (mode !== undefined) fs.chmodSync(path, mode & PERMISSIONS);
      if (size !== undefined) fs.truncateSync(path, size);
      if (atime === undefined && mtime === undefined) return;
      const now = Date.now() / 1000;
      const old = fs.fstatSync(this.#fd);
      const time = (wish: number | 'now' | undefined, before: number) =>
        wish === 'now' ? now : (wish ?? before / 1000);
      fs.utimesSync(path, time(atime, old.atimeMs), time(mtime, old.mtimeMs));
    });
  }

  volume(): P9Volume {
    const found = ask(() => fs.statfsSync(this.#itself, { bigint: true }));
    return {
      blockBytes: Number(found.bsize),
      blocks: found.blocks,
      freeBlocks: found.bfree,
      availableBlocks: found.bavail,
      files: found.files,
      freeFiles: found.ffree,
    };
  }

  /** Regular files only: opening a pipe or a device may wait, or do something. */
  open(flags: number): P9File {
    if ((flags & GUEST_FLAGS) !== 0) this.#mayChange();
    if ((this.attributes().mode & S_IFMT) !== S_IFREG)
      throw new P9Error(EOPNOTSUPP, 'only regular files can be opened');
    return new SharedFile(ask(() => fs.openSync(this.#itself, (flags & GUEST_FLAGS) | SAFE_FLAGS)));
  }

  readLink(): string {
    if (this.#target === null) throw new P9Error(EINVAL, 'this is no symbolic link');
    return this.#target;
  }

  child(name: string): P9Node {
    this.#mayHoldMore();
    const path = this.#at(name);
    const fd = ask(() => fs.openSync(path, HOLD));
    try {
      const isLink = (fs.fstatSync(fd, { bigint: true }).mode & S_IFMT) === S_IFLNK;
      const target = isLink ? ask(() => fs.readlinkSync(path)) : null;
      return new SharedNode(fd, this.#isReadOnly, { parent: this, name }, target);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  list(): readonly P9Entry[] {
    const entries: P9Entry[] = [];
    for (const name of ask(() => fs.readdirSync(this.#itself))) {
      const stats = fs.lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
      // One that has gone since is not there.
      if (stats) entries.push({ name, type: Number(stats.mode >> 12n), inode: inodeOf(stats) });
    }
    return entries;
  }

  create(name: string, flags: number, mode: number): { node: P9Node; file: P9File } {
    this.#mayChange();
    this.#mayHoldMore();
    // There was no such file a moment ago, says the client; one that is there now, or a link, is not opened in its place.
    const create = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const allFlags = (flags & GUEST_FLAGS) | SAFE_FLAGS | create;
    const fd = ask(() => fs.openSync(this.#at(name), allFlags, mode & PERMISSIONS));
    try {
      const held = ask(() => fs.openSync(`/proc/self/fd/${fd}`, O_PATH | O_CLOEXEC));
      const node = new SharedNode(held, this.#isReadOnly, { parent: this, name });
      return { node, file: new SharedFile(fd) };
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  makeDirectory(name: string, mode: number): void {
    this.#mayChange();
    ask(() => fs.mkdirSync(this.#at(name), mode & PERMISSIONS));
  }

  makeSymlink(name: string, target: string): void {
    this.#mayChange();
    if (target === '' || target.includes('\0')) throw new P9Error(EINVAL, 'this is no target');
    ask(() => fs.symlinkSync(target, this.#at(name)));
  }

  /** A second name. There is no way from a descriptor to one, so the first name must still be what it was. */
  link(name: string, node: P9Node): void {
    this.#mayChange();
    if (!(node instanceof SharedNode) || node.#place === null)
      throw new P9Error(EOPNOTSUPP, 'this gets no second name');
    const { parent, name: first } = node.#place;
    ask(() => fs.linkSync(parent.#at(first), this.#at(name)));
    const made = ask(() => fs.lstatSync(this.#at(name), { bigint: true }));
    if (inodeOf(made) === node.attributes().inode) return;
    ask(() => fs.unlinkSync(this.#at(name)));
    throw new P9Error(ESTALE, 'the file is called otherwise by now');
  }

  rename(name: string, to: P9Node, toName: string): void {
    this.#mayChange();
    if (!(to instanceof SharedNode)) throw new P9Error(EINVAL, 'this is another file system');
    ask(() => fs.renameSync(this.#at(name), to.#at(toName)));
  }

  remove(name: string, isDirectory: boolean): void {
    this.#mayChange();
    ask(() => (isDirectory ? fs.rmdirSync(this.#at(name)) : fs.unlinkSync(this.#at(name))));
  }
}

export interface SharedFolderOptions {
  /** Guests change nothing in it. */
  readonly isReadOnly?: boolean;
}

export class SharedFolder implements P9FileSystem {
  readonly #root: SharedNode;

  /**
   * Holds a folder.
   * @throws Error that names the path, and what to do
   */
  constructor(path: string, options: SharedFolderOptions = {}) {
    if (!fs.existsSync('/proc/self/fd'))
      throw new Error('folders can be shared on Linux only, with /proc mounted');
    const fd = fs.openSync(path, O_PATH | O_CLOEXEC | constants.O_DIRECTORY);
    this.#root = new SharedNode(fd, options.isReadOnly ?? false, null);
  }

  root(): P9Node {
    return this.#root.share();
  }

  /** Lets go of the folder; what guests have open stays until they close it. */
  close(): void {
    this.#root.close();
  }
}
