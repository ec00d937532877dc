// SharedNode: a file, directory or symbolic link of a shared folder. Linux only.
// Every name is looked up by one step from its directory's descriptor (/proc/self/fd/N/name), never following a symbolic link.
import * as fs from 'node:fs';
import {
  type DirectoryEntry,
  EINVAL,
  ENFILE,
  EOPNOTSUPP,
  EROFS,
  ESTALE,
  type FileAttributes,
  type FileChanges,
  FileError,
  type FileNode,
  type FileOwner,
  type FileVolume,
  fileKindOf,
  type OpenFile,
  S_IFLNK,
  S_IFREG,
} from '@proxeny/virtio';
import type { DescriptorBudget } from './descriptor-budget.js';
import { HeldFile, HOLD, keyOf, O_CLOEXEC, O_PATH, statsAt } from './held-file.js';
import { ask } from './host-answer.js';
import type { IdMap } from './id-map.js';
import { SharedFile } from './shared-file.js';

const { constants } = fs;
/** What a guest may ask for when it opens a file: the rest is ours to say. */
const GUEST_FLAGS = constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC;
const SAFE_FLAGS = O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY;
/** No file becomes set-user-ID by a guest's wish. */
const PERMISSIONS = 0o777;
const S_ISGID = 0o2000n;

/** Files that guests know at once. */
const MAX_KNOWN = 262_144;

/** What the nodes of one folder have in common. */
export interface SharedFolderState {
  readonly isReadOnly: boolean;
  readonly budget: DescriptorBudget;
  /** By {@link HeldFile.key}. */
  readonly known: Map<string, SharedNode>;
  readonly users: IdMap;
  readonly groups: IdMap;
  /** The host lets us give files away. */
  readonly mayChown: boolean;
}

/** One number for files of all file systems beneath the folder. */
function inodeOf({ ino, dev }: { readonly ino: bigint; readonly dev: bigint }): bigint {
  return BigInt.asUintN(64, ino ^ (dev << 48n));
}

export class SharedNode implements FileNode {
  readonly #folder: SharedFolderState;
  readonly #file: HeldFile;
  /** Of a symbolic link, read when it was found. */
  readonly #target: string | null;

  /** The folder itself. @param fd becomes the node's own */
  static root(folder: SharedFolderState, fd: number): SharedNode {
    return new SharedNode(folder, fd, fs.fstatSync(fd, { bigint: true }), null);
  }

  private constructor(
    folder: SharedFolderState,
    fd: number,
    stats: fs.BigIntStats,
    target: string | null,
  ) {
    if (folder.known.size >= MAX_KNOWN) throw new FileError(ENFILE, 'too many files are known');
    this.#folder = folder;
    this.#target = target;
    const { budget, known } = folder;
    const key = keyOf(stats);
    this.#file = new HeldFile({ budget, fd, stats, onClosed: () => known.delete(key) });
    known.set(key, this);
  }

  /** What a guest knows under a name that is about to go: it is held, whatever happens to its names. */
  #heldAt(path: string): SharedNode | null {
    const stats = statsAt(path);
    const node = (stats && this.#folder.known.get(keyOf(stats))) ?? null;
    // So that it has one.
    return node && node.#file.descriptor >= 0 ? node : null;
  }

  /** Every method begins so: from here to its end, no descriptor is closed that it has a path of. */
  #begin(opened = 0): void {
    this.#folder.budget.makeRoom(opened);
  }

  #mayChange(opened = 0): void {
    this.#begin(opened);
    if (this.#folder.isReadOnly) throw new FileError(EROFS, 'the folder is shared read-only');
  }

  share(): FileNode {
    this.#file.share();
    return this;
  }

  close(): void {
    this.#file.close();
  }

  attributes(): FileAttributes {
    this.#begin();
    const stats = this.#file.stats;
    const { mode, uid, gid, nlink, rdev, size, blksize, blocks, ...times } = stats;
    return {
      ...{ mode, rdev, size, blocks, inode: inodeOf(stats), links: nlink, blockBytes: blksize },
      uid: BigInt(this.#folder.users.toGuest(Number(uid))),
      gid: BigInt(this.#folder.groups.toGuest(Number(gid))),
      atimeNs: times.atimeNs,
      mtimeNs: times.mtimeNs,
      ctimeNs: times.ctimeNs,
    };
  }

  change(changes: FileChanges): void {
    this.#mayChange();
    const { mode, size, atime, mtime } = changes;
    if (this.#target !== null && (mode ?? size) !== undefined)
      throw new FileError(EOPNOTSUPP, 'a symbolic link has neither permissions nor a size');
    const uid = this.#hostId(this.#folder.users, changes.uid);
    const gid = this.#hostId(this.#folder.groups, changes.gid);
    // Of a symbolic link too, this is the link itself.
    const path = this.#file.path;
    ask(() => {
      if (uid !== -1 || gid !== -1) fs.chownSync(path, uid, gid);
      if (mode !== undefined) fs.chmodSync(path, mode & PERMISSIONS);
      if (size !== undefined) fs.truncateSync(path, size);
      if (atime === undefined && mtime === undefined) return;
      const now = Date.now() / 1000;
      const old = fs.fstatSync(this.#file.descriptor);
      const time = (wish: number | 'now' | undefined, before: number) =>
        wish === 'now' ? now : (wish ?? before / 1000);
      fs.utimesSync(path, time(atime, old.atimeMs), time(mtime, old.mtimeMs));
    });
  }

  /** Of a user or group that a guest names; -1 for none. */
  #hostId(map: IdMap, id: number | undefined): number {
    if (id === undefined) return -1;
    const found = map.toHost(id);
    if (found === null) throw new FileError(EINVAL, `nobody here is the guest's ${id}`);
    return found;
  }

  volume(): FileVolume {
    this.#begin();
    const found = ask(() => fs.statfsSync(this.#file.path, { bigint: true }));
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
  open(flags: number): OpenFile {
    if ((flags & GUEST_FLAGS) !== 0) this.#mayChange(1);
    else this.#begin(1);
    if (fileKindOf(this.#file.stats.mode) !== S_IFREG)
      throw new FileError(EOPNOTSUPP, 'only regular files can be opened');
    const path = this.#file.path;
    const fd = ask(() => fs.openSync(path, (flags & GUEST_FLAGS) | SAFE_FLAGS));
    return new SharedFile(fd, this.#folder.budget);
  }

  readLink(): string {
    if (this.#target === null) throw new FileError(EINVAL, 'this is no symbolic link');
    return this.#target;
  }

  child(name: string): FileNode {
    this.#begin(1);
    const path = this.#file.at(name);
    return this.#found(name, () => fs.openSync(path, HOLD));
  }

  /** The node of a file that `open` opens, which is called so; the one there was, if the guest knows it already. */
  #found(name: string, open: () => number): SharedNode {
    const fd = ask(open);
    try {
      const stats = fs.fstatSync(fd, { bigint: true });
      let node = this.#folder.known.get(keyOf(stats));
      if (node) {
        node.#file.share();
        node.#file.adopt(fd);
      } else {
        const isLink = fileKindOf(stats.mode) === S_IFLNK;
        const target = isLink ? ask(() => fs.readlinkSync(this.#file.at(name))) : null;
        node = new SharedNode(this.#folder, fd, stats, target);
      }
      node.#file.isAt(this.#file, name);
      return node;
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  list(): readonly DirectoryEntry[] {
    this.#begin();
    const entries: DirectoryEntry[] = [];
    for (const name of ask(() => fs.readdirSync(this.#file.path))) {
      const stats = statsAt(this.#file.at(name));
      // One that has gone since is not there.
      if (stats) entries.push({ name, type: Number(stats.mode >> 12n), inode: inodeOf(stats) });
    }
    return entries;
  }

  create(
    name: string,
    flags: number,
    mode: number,
    owner: FileOwner,
  ): { node: FileNode; file: OpenFile } {
    this.#mayChange(2);
    // There was no such file a moment ago, says the client; one that is there now, or a link, is not opened in its place.
    const create = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const allFlags = (flags & GUEST_FLAGS) | SAFE_FLAGS | create;
    const path = this.#file.at(name);
    const file = new SharedFile(
      ask(() => fs.openSync(path, allFlags, mode & PERMISSIONS)),
      this.#folder.budget,
    );
    try {
      const node = this.#found(name, () => fs.openSync(file.path, O_PATH | O_CLOEXEC));
      return { node: node.#made(this, owner, mode), file };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  makeDirectory(name: string, mode: number, owner: FileOwner): FileNode {
    return this.#make(name, owner, mode, (path) => fs.mkdirSync(path, mode & PERMISSIONS));
  }

  makeSymlink(name: string, target: string, owner: FileOwner): FileNode {
    if (target === '' || target.includes('\0')) throw new FileError(EINVAL, 'this is no target');
    return this.#make(name, owner, null, (path) => fs.symlinkSync(target, path));
  }

  #make(
    name: string,
    owner: FileOwner,
    mode: number | null,
    make: (path: string) => void,
  ): FileNode {
    this.#mayChange(1);
    const path = this.#file.at(name);
    ask(() => make(path));
    return this.#found(name, () => fs.openSync(path, HOLD)).#made(this, owner, mode);
  }

  /** A new file gets its permissions, which the guest has masked already, and its owner, if the host lets us. */
  #made(parent: SharedNode, owner: FileOwner, mode: number | null): this {
    try {
      this.#giveTo(owner, parent);
      const permissions = (mode ?? 0) & PERMISSIONS;
      if (mode !== null && (Number(this.#file.stats.mode) & PERMISSIONS) !== permissions)
        ask(() => fs.chmodSync(this.#file.path, permissions));
      return this;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #giveTo(owner: FileOwner, parent: SharedNode): void {
    const { mayChown, users, groups } = this.#folder;
    if (!mayChown) return;
    const stats = this.#file.stats;
    const [uid, gid] = [Number(stats.uid), Number(stats.gid)];
    const newUid = users.toHost(owner.uid) ?? uid;
    // A directory may say whose group files in it are of.
    const isFixed = (parent.#file.stats.mode & S_ISGID) !== 0n;
    const newGid = isFixed ? gid : (groups.toHost(owner.gid) ?? gid);
    if (newUid === uid && newGid === gid) return;
    try {
      fs.chownSync(this.#file.path, newUid, newGid);
    } catch {
      // A root of a container may have no such user, and a file system no owners: it stays ours.
    }
  }

  /** A second name. There is no way from a descriptor to one, so a name that it was found by must still lead to it. */
  link(name: string, node: FileNode): void {
    this.#mayChange();
    if (!(node instanceof SharedNode) || node.#folder !== this.#folder)
      throw new FileError(EINVAL, 'this is another file system');
    const path = this.#file.at(name);
    for (const first of node.#file.paths()) {
      ask(() => fs.linkSync(first, path));
      const made = statsAt(path);
      if (made && keyOf(made) === node.#file.key) return node.#file.isAt(this.#file, name);
      ask(() => fs.unlinkSync(path));
    }
    throw new FileError(ESTALE, 'the file is called otherwise by now');
  }

  rename(name: string, to: FileNode, toName: string): void {
    this.#mayChange();
    if (!(to instanceof SharedNode) || to.#folder !== this.#folder)
      throw new FileError(EINVAL, 'this is another file system');
    const [from, target] = [this.#file.at(name), to.#file.at(toName)];
    const moved = this.#heldAt(from);
    const replaced = this.#heldAt(target);
    ask(() => fs.renameSync(from, target));
    // Of two names of one file, both stay.
    if (moved !== null && moved === replaced) return;
    if (replaced) replaced.#file.isNotAt(to.#file, toName);
    if (!moved) return;
    moved.#file.isNotAt(this.#file, name);
    moved.#file.isAt(to.#file, toName);
  }

  remove(name: string, isDirectory: boolean): void {
    this.#mayChange();
    const path = this.#file.at(name);
    const gone = this.#heldAt(path);
    ask(() => (isDirectory ? fs.rmdirSync(path) : fs.unlinkSync(path)));
    if (gone) gone.#file.isNotAt(this.#file, name);
  }
}
