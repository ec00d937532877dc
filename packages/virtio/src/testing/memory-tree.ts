// MemoryTree: files in memory as a file server's, for tests. Directories, files and links, without times or owners.
import {
  type DirectoryEntry,
  type FileAttributes,
  type FileChanges,
  FileError,
  type FileNode,
  type FileSystem,
  type FileVolume,
  type OpenFile,
} from '../files/file-system.js';
import { EEXIST, EFBIG, EINVAL, ENOENT, ENOTDIR } from '../spec/errno.js';

const KINDS = { directory: 0o040755n, file: 0o100644n, link: 0o120777n } as const;

export class MemoryNode implements FileNode {
  static made = 0;
  readonly kind: keyof typeof KINDS;
  readonly inode = BigInt(++MemoryNode.made);
  readonly children: Map<string, MemoryNode> = new Map();
  bytes: Uint8Array = new Uint8Array();
  target = '';
  changes: FileChanges = {};
  /** Holders beside the tree itself. */
  users = 0;
  openFiles = 0;

  constructor(kind: keyof typeof KINDS) {
    this.kind = kind;
  }

  add(name: string, node: MemoryNode): MemoryNode {
    if (this.children.has(name)) throw new FileError(EEXIST, name);
    this.children.set(name, node);
    return node;
  }

  share(): FileNode {
    this.users++;
    return this;
  }

  close(): void {
    this.users--;
  }

  attributes(): FileAttributes {
    const none = 0n;
    return {
      ...{ mode: KINDS[this.kind], inode: this.inode, uid: 7n, gid: 8n, links: 1n, rdev: none },
      ...{ size: BigInt(this.bytes.length), blockBytes: 4096n, blocks: 1n },
      ...{ atimeNs: 1_500_000_000n, mtimeNs: none, ctimeNs: none },
    };
  }

  change(changes: FileChanges): void {
    this.changes = changes;
  }

  volume(): FileVolume {
    const many = 9n;
    const free = { freeBlocks: many, availableBlocks: many, freeFiles: many };
    return { blockBytes: 4096, blocks: many, files: many, ...free };
  }

  open(): OpenFile {
    this.openFiles++;
    return {
      read: (offset, target) => {
        const part = this.bytes.subarray(offset, offset + target.length);
        target.set(part);
        return part.length;
      },
      write: (offset, source) => {
        if (offset + source.length > 1 << 20) throw new FileError(EFBIG, 'too large');
        const bytes = new Uint8Array(Math.max(this.bytes.length, offset + source.length));
        bytes.set(this.bytes);
        bytes.set(source, offset);
        this.bytes = bytes;
        return source.length;
      },
      sync: () => {},
      close: () => {
        this.openFiles--;
      },
    };
  }

  readLink(): string {
    if (this.kind !== 'link') throw new FileError(EINVAL, 'no link');
    return this.target;
  }

  child(name: string): FileNode {
    if (this.kind !== 'directory') throw new FileError(ENOTDIR, name);
    const found = this.children.get(name);
    if (!found) throw new FileError(ENOENT, name);
    return found.share();
  }

  list(): readonly DirectoryEntry[] {
    return [...this.children].map(([name, { kind, inode }]) => ({
      ...{ name, inode },
      type: Number(KINDS[kind] >> 12n),
    }));
  }

  create(name: string): { node: FileNode; file: OpenFile } {
    const node = this.add(name, new MemoryNode('file'));
    return { node: node.share(), file: node.open() };
  }

  makeDirectory(name: string): FileNode {
    return this.add(name, new MemoryNode('directory')).share();
  }

  makeSymlink(name: string, target: string): FileNode {
    const made = this.add(name, new MemoryNode('link'));
    made.target = target;
    return made.share();
  }

  link(name: string, node: FileNode): void {
    this.add(name, node as MemoryNode);
  }

  rename(name: string, to: FileNode, toName: string): void {
    const moved = this.child(name) as MemoryNode;
    moved.close();
    this.children.delete(name);
    (to as MemoryNode).children.set(toName, moved);
  }

  remove(name: string): void {
    if (!this.children.delete(name)) throw new FileError(ENOENT, name);
  }
}

export class MemoryTree implements FileSystem {
  readonly top = new MemoryNode('directory');

  root(): FileNode {
    return this.top.share();
  }
}
