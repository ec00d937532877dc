// ShareFolder: operations through a client of a share. It goes along paths name by name and refuses by itself what a kernel refuses before
// it asks a server.
import { ClientError, type FileClient } from './file-client.js';
import { contentsOf, type FileOperation, HELD_SLOTS, type OperationNamed } from './operation.js';
import { digestOf, listOf, type Outcome, type StressTarget, statsOf } from './stress-target.js';

const ENOENT = 2;
const ENOTDIR = 20;
const EISDIR = 21;
const EINVAL = 22;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
/** Of a transfer: a client cuts longer ones. */
const MAX_TRANSFER = 16384;

export class ShareFolder implements StressTarget {
  readonly #client: FileClient;
  readonly #held: (number | null)[] = Array<number | null>(HELD_SLOTS).fill(null);

  constructor(client: FileClient) {
    this.#client = client;
  }

  do(operation: FileOperation, seed: number): Outcome {
    try {
      return this.#do(operation, seed);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return `errno ${error.errno}`;
    }
  }

  close(): void {
    for (const file of this.#held) if (file !== null) this.#client.close(file);
  }

  #do(operation: FileOperation, seed: number): Outcome {
    const client = this.#client;
    switch (operation.what) {
      case 'hold': {
        const file = this.#with(operation.path, (node) => this.#open(node));
        const before = this.#held[operation.slot];
        if (before !== null) client.close(before);
        this.#held[operation.slot] = file;
        return 'ok';
      }
      case 'writeHeld': {
        const file = this.#held[operation.slot];
        if (file === null) return 'nothing held';
        return this.#write(file, operation.offset, contentsOf(seed, operation.length));
      }
      case 'write':
      case 'read':
        return this.#with(operation.path, (node) => {
          const file = this.#open(node);
          try {
            return operation.what === 'write'
              ? this.#write(file, operation.offset, contentsOf(seed, operation.length))
              : this.#read(file, operation.offset, operation.length);
          } finally {
            client.close(file);
          }
        });
      case 'rename':
        return this.#inBoth(operation, (from, name, to, toName) =>
          client.rename(from, name, to, toName),
        );
      case 'link':
        return this.#with(operation.path, (node) =>
          this.#in(operation.to, (to, toName) => {
            client.link(node, to, toName);
            return 'ok';
          }),
        );
      case 'create':
      case 'mkdir':
      case 'symlink':
      case 'unlink':
      case 'rmdir':
        return this.#in(operation.path, (directory, name) => {
          this.#onName(operation, directory, name);
          return 'ok';
        });
      default:
        return this.#with(operation.path, (node) => this.#onNode(operation, node));
    }
  }

  #onNode(
    operation: OperationNamed<'chmod' | 'truncate' | 'readdir' | 'readlink' | 'stat'>,
    node: number,
  ): Outcome {
    const client = this.#client;
    const { mode, links, size } = client.attributes(node);
    const kind = mode & S_IFMT;
    switch (operation.what) {
      case 'stat':
        return statsOf(mode, links, size);
      case 'readlink':
        if (kind !== S_IFLNK) throw new ClientError(EINVAL);
        return client.readLink(node);
    }
    // The others go on through links, which lead nowhere.
    if (kind === S_IFLNK) throw new ClientError(ENOENT);
    switch (operation.what) {
      case 'chmod':
        client.chmod(node, operation.mode);
        return 'ok';
      case 'truncate':
        if (kind === S_IFDIR) throw new ClientError(EISDIR);
        client.truncate(node, operation.size);
        return 'ok';
      case 'readdir':
        if (kind !== S_IFDIR) throw new ClientError(ENOTDIR);
        return listOf(client.list(node));
    }
  }

  #onName(
    operation: OperationNamed<'create' | 'mkdir' | 'symlink' | 'unlink' | 'rmdir'>,
    directory: number,
    name: string,
  ): void {
    const client = this.#client;
    switch (operation.what) {
      case 'create': {
        const { node, file } = client.create(directory, name, operation.mode);
        client.close(file);
        client.forget(node);
        return;
      }
      case 'mkdir':
        return client.makeDirectory(directory, name, operation.mode);
      case 'symlink':
        return client.makeSymlink(directory, name, operation.target);
      case 'unlink':
      case 'rmdir':
        return client.remove(directory, name, operation.what === 'rmdir');
    }
  }

  #open(node: number): number {
    const kind = this.#client.attributes(node).mode & S_IFMT;
    if (kind === S_IFDIR) throw new ClientError(EISDIR);
    if (kind === S_IFLNK) throw new ClientError(ENOENT);
    return this.#client.openFile(node);
  }

  #write(file: number, offset: number, bytes: Uint8Array): Outcome {
    let done = 0;
    while (done < bytes.length) {
      const part = bytes.subarray(done, done + MAX_TRANSFER);
      done += this.#client.write(file, offset + done, part);
    }
    return `${done}`;
  }

  #read(file: number, offset: number, length: number): Outcome {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < length; ) {
      const part = this.#client.read(file, offset + done, Math.min(length - done, MAX_TRANSFER));
      if (part.length === 0) break;
      parts.push(part);
      done += part.length;
    }
    return digestOf(Buffer.concat(parts));
  }

  /** Has a path's node while something is done. */
  #with<T>(path: string, use: (node: number) => T): T {
    const names = path === '.' ? [] : path.split('/');
    let node = this.#client.root;
    try {
      for (const name of names) {
        this.#mustBeDirectory(node);
        const next = this.#client.lookup(node, name);
        this.#client.forget(node);
        node = next;
      }
      return use(node);
    } finally {
      this.#client.forget(node);
    }
  }

  /** Has the directory of a path, and the name in it. */
  #in<T>(path: string, use: (directory: number, name: string) => T): T {
    const slash = path.lastIndexOf('/');
    return this.#with(slash < 0 ? '.' : path.slice(0, slash), (directory) => {
      this.#mustBeDirectory(directory);
      return use(directory, path.slice(slash + 1));
    });
  }

  #inBoth(
    { path, to }: { readonly path: string; readonly to: string },
    use: (from: number, name: string, to: number, toName: string) => void,
  ): Outcome {
    return this.#in(path, (from, name) =>
      this.#in(to, (directory, toName) => {
        use(from, name, directory, toName);
        return 'ok';
      }),
    );
  }

  #mustBeDirectory(node: number): void {
    const kind = this.#client.attributes(node).mode & S_IFMT;
    if (kind === S_IFLNK) throw new ClientError(ENOENT);
    if (kind !== S_IFDIR) throw new ClientError(ENOTDIR);
  }
}
