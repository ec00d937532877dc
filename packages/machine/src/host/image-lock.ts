// ImageLock: one writer for a disk image, or many readers, among all processes of this host.
// A lock is a listening socket in Linux's abstract name space, named by the file's device and inode: every path and hard link to a file
// means the same lock, and it ends with the process however that dies. Readers only look whether there is a writer.
import { createConnection, createServer, type Server } from 'node:net';
import { platform } from 'node:os';
import { BlockError } from '../storage/block-backend.js';

/** What names a file: `fs.Stats` fits. */
export interface FileIdentity {
  readonly dev: number | bigint;
  readonly ino: number | bigint;
}

function nameOf(file: FileIdentity): string {
  return `\0proxeny/image/${file.dev}:${file.ino}`;
}

function lockedError(path: string): BlockError {
  return new BlockError(
    'locked',
    `${path}: another machine writes this image: stop it first, or give each machine a copy or an overlay`,
  );
}

export class ImageLock {
  readonly #server: Server | null;

  private constructor(server: Server | null) {
    this.#server = server;
  }

  /** Becomes the one writer. @throws BlockError `locked`; `path` is for its message. */
  static async forWriting(file: FileIdentity, path: string): Promise<ImageLock> {
    if (platform() !== 'linux') return new ImageLock(null);
    const server = createServer((connection) => connection.destroy());
    const problem = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once('error', resolve);
      server.listen(nameOf(file), () => resolve(null));
    });
    if (problem?.code === 'EADDRINUSE') throw lockedError(path);
    if (problem) throw new BlockError('io', `${path}: cannot be locked`, { cause: problem });
    server.unref();
    return new ImageLock(server);
  }

  /** @throws BlockError `locked` if there is a writer. */
  static async checkForReading(file: FileIdentity, path: string): Promise<void> {
    if (platform() !== 'linux') return;
    const isWritten = await new Promise<boolean>((resolve) => {
      const connection = createConnection(nameOf(file));
      connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
      connection.once('connect', () => connection.destroy());
    });
    if (isWritten) throw lockedError(path);
  }

  async release(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }
}
