// Files for hostile drivers: a directory with a file and a link in it, which stay as they are. All numbers that a guest could be told are
// all ones.
import {
  type DirectoryEntry,
  type FileAttributes,
  FileError,
  type FileNode,
  type FileSystem,
  type FileVolume,
  type OpenFile,
} from '@proxeny/virtio';

const ENOENT = 2;
const ONES = 0xffff_ffff_ffff_ffffn;
const KINDS = { directory: 0o040777n, file: 0o100777n, link: 0o120777n } as const;
const byName = { a: 'directory', b: 'file', c: 'link' } as const;

class HostileNode implements FileNode {
  readonly #files: HostileFiles;
  readonly #kind: keyof typeof KINDS;

  constructor(files: HostileFiles, kind: keyof typeof KINDS) {
    this.#files = files;
    this.#kind = kind;
  }

  share(): FileNode {
    this.#files.held++;
    return this;
  }

  close(): void {
    this.#files.held--;
  }

  attributes(): FileAttributes {
    return {
      ...{ mode: KINDS[this.#kind], inode: ONES, uid: 0xffffn, gid: 0xffffn, links: 0xffn },
      ...{ rdev: 0n, size: ONES, blockBytes: 4096n, blocks: ONES },
      ...{ atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n },
    };
  }

  change(): void {}

  volume(): FileVolume {
    const free = { freeBlocks: ONES, availableBlocks: ONES, freeFiles: ONES };
    return { blockBytes: 4096, blocks: ONES, files: ONES, ...free };
  }

  open(): OpenFile {
    this.#files.held++;
    return {
      read: (_offset, target) => target.fill(0xff).length,
      write: (_offset, source) => source.length,
      sync: () => {},
      close: () => {
        this.#files.held--;
      },
    };
  }

  readLink(): string {
    return 'a/b';
  }

  child(name: string): FileNode {
    const kind = byName[name as keyof typeof byName];
    if (kind === undefined) throw new FileError(ENOENT, name);
    return this.#files.node(kind);
  }

  list(): readonly DirectoryEntry[] {
    return Object.keys(byName).map((name) => ({ name, type: 15, inode: ONES }));
  }

  create(): { node: FileNode; file: OpenFile } {
    return { node: this.#files.node('file'), file: this.open() };
  }

  makeDirectory(): FileNode {
    return this.#files.node('directory');
  }

  makeSymlink(): FileNode {
    return this.#files.node('link');
  }

  link(): void {}
  rename(): void {}
  remove(): void {}
}

export class HostileFiles implements FileSystem {
  /** Nodes and files that are held. */
  held = 0;
  readonly #nodes = {
    directory: new HostileNode(this, 'directory'),
    file: new HostileNode(this, 'file'),
    link: new HostileNode(this, 'link'),
  };

  node(kind: keyof typeof KINDS): FileNode {
    return this.#nodes[kind].share();
  }

  root(): FileNode {
    return this.node('directory');
  }
}
