// MemoryTree: files in memory as a 9P server's, for tests. Directories, files and links, without times or owners.
import {
  type P9Attributes,
  type P9Changes,
  type P9Entry,
  P9Error,
  type P9File,
  type P9FileSystem,
  type P9Node,
  type P9Volume,
} from '../p9/p9-file-system.js';

const ENOENT = 2;
const EEXIST = 17;
const ENOTDIR = 20;
const EINVAL = 22;
const KINDS = { directory: 0o040755n, file: 0o100644n, link: 0o120777n } as const;

export class MemoryNode implements P9Node {
  static made = 0;
  readonly kind: keyof typeof KINDS;
  readonly inode = BigInt(++MemoryNode.made);
  readonly children: Map<string, MemoryNode> = new Map();
  bytes: Uint8Array = new Uint8Array();
  target = '';
  changes: P9Changes = {};
  /** Holders beside the tree itself. */
  users = 0;
  openFiles = 0;

  constructor(kind: keyof typeof KINDS) {
    this.kind = kind;
  }

  add(name: string, node: MemoryNode): MemoryNode {
    if (this.children.has(name)) throw new P9Error(EEXIST, name);
    this.children.set(name, node);
    return node;
  }

  share(): P9Node {
    this.users++;
    return this;
  }

  close(): void {
    this.users--;
  }

  attributes(): P9Attributes {
    const none = 0n;
    return {
      ...{ mode: KINDS[this.kind], inode: this.inode, uid: 7n, gid: 8n, links: 1n, rdev: none },
      ...{ size: BigInt(this.bytes.length), blockBytes: 4096n, blocks: 1n },
      ...{ atimeNs: 1_500_000_000n, mtimeNs: none, ctimeNs: none },
    };
  }

  change(changes: P9Changes): void {
    this.changes = changes;
  }

  volume(): P9Volume {
    const many = 9n;
    const free = { freeBlocks: many, availableBlocks: many, freeFiles: many };
    return { blockBytes: 4096, blocks: many, files: many, ...free };
  }

  open(): P9File {
    this.openFiles++;
    return {
      read: (offset, target) => {
        const part = this.bytes.subarray(offset, offset + target.length);
        target.set(part);
        return part.length;
      },
      write: (offset, source) => {
        if (offset + source.length > 1 << 20) throw new P9Error(27, 'too large');
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
    if (this.kind !== 'link') throw new P9Error(EINVAL, 'no link');
    return this.target;
  }

  child(name: string): P9Node {
    if (this.kind !== 'directory') throw new P9Error(ENOTDIR, name);
    const found = this.children.get(name);
    if (!found) throw new P9Error(ENOENT, name);
    return found.share();
  }

  list(): readonly P9Entry[] {
    return [...this.children].map(([name, { kind, inode }]) => ({
      ...{ name, inode },
      type: Number(KINDS[kind] >> 12n),
    }));
  }

  create(name: string): { node: P9Node; file: P9File } {
    const node = this.add(name, new MemoryNode('file'));
    return { node: node.share(), file: node.open() };
  }

  makeDirectory(name: string): void {
    this.add(name, new MemoryNode('directory'));
  }

  makeSymlink(name: string, target: string): void {
    this.add(name, new MemoryNode('link')).target = target;
  }

  link(name: string, node: P9Node): void {
    this.add(name, node as MemoryNode);
  }

  rename(name: string, to: P9Node, toName: string): void {
    const moved = this.child(name) as MemoryNode;
    moved.close();
    this.children.delete(name);
    (to as MemoryNode).children.set(toName, moved);
  }

  remove(name: string): void {
    if (!this.children.delete(name)) throw new P9Error(ENOENT, name);
  }
}

export class MemoryTree implements P9FileSystem {
  readonly top = new MemoryNode('directory');

  root(): P9Node {
    return this.top.share();
  }
}
