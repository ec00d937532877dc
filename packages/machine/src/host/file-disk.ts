// FileDisk: a raw disk image in a file of the host. A flush is fdatasync; a discard punches a hole where that can be done. Short
// transfers that the host's page cache answers are done at once, the others by Node's threads.
import {
  fdatasync,
  read as fsRead,
  readSync as fsReadSync,
  write as fsWrite,
  writeSync as fsWriteSync,
  type NoParamCallback,
} from 'node:fs';
import { open } from 'node:fs/promises';
import {
  type BlockBackend,
  BlockError,
  SECTOR_BYTES,
  sectorsIn,
} from '../storage/block-backend.js';
import { DiskGuard } from '../storage/disk-guard.js';
import { HolePuncher } from './hole-puncher.js';
import { ImageLock } from './image-lock.js';
import { Promptness } from './promptness.js';

export interface FileDiskOptions {
  readonly isReadOnly?: boolean;
}

/** Shorter ranges are not worth a hole: they are left as they are by a discard, and written by writeZeroes. */
const MIN_HOLE_BYTES = 64 * 1024;
/** Longer transfers are never tried at once. */
const MAX_PROMPT_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;
const ZEROES_BYTES = 256 * 1024;

/** A system call that moves bytes, in both of its forms. */
interface TransferKind {
  /** For messages. */
  readonly name: string;
  readonly now: (
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => number;
  readonly later: (
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, count: number) => void,
  ) => void;
}

const reading: TransferKind = { name: 'read', now: fsReadSync, later: fsRead };
const writing: TransferKind = { name: 'write', now: fsWriteSync, later: fsWrite };

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}

/** What the host said, in our terms. */
function blockError(path: string, what: string, error: unknown): BlockError {
  const code = isErrno(error) ? error.code : undefined;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  const reason = error instanceof Error ? error.message : String(error);
  return new BlockError(isFull ? 'no-space' : 'io', `${path}: ${what}: ${reason}`, {
    cause: error,
  });
}

function openError(path: string, error: unknown): BlockError {
  const code = isErrno(error) ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new BlockError('not-found', `${path}: there is no such image`, { cause: error });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return new BlockError('io', `${path}: may not be opened: check its mode, or use it read-only`, {
      cause: error,
    });
  return blockError(path, 'open', error);
}

export class FileDisk implements BlockBackend {
  readonly path: string;
  readonly sectorCount: number;
  readonly blockBytes = SECTOR_BYTES;
  readonly isReadOnly: boolean;
  readonly #fd: number;
  readonly #close: () => Promise<void>;
  readonly #guard: DiskGuard;
  readonly #holes: HolePuncher;
  readonly #promptness = new Promptness();

  private constructor(
    path: string,
    fd: number,
    byteLength: number,
    isReadOnly: boolean,
    close: () => Promise<void>,
  ) {
    this.path = path;
    this.sectorCount = byteLength / SECTOR_BYTES;
    this.isReadOnly = isReadOnly;
    this.#fd = fd;
    this.#close = close;
    this.#guard = new DiskGuard(this);
    this.#holes = new HolePuncher(fd);
  }

  /**
   * Opens an image, alone if it is to be written.
   * @throws BlockError `not-found`, `locked`, `bad-image` or `io`; the message names the path and what to do.
   */
  static async open(path: string, options: FileDiskOptions = {}): Promise<FileDisk> {
    const isReadOnly = options.isReadOnly ?? false;
    const handle = await open(path, isReadOnly ? 'r' : 'r+').catch((error: unknown) => {
      throw openError(path, error);
    });
    try {
      const stats = await handle.stat();
      if (!stats.isFile())
        throw new BlockError('bad-image', `${path}: is no regular file: give a disk image`);
      if (stats.size % SECTOR_BYTES !== 0) {
        throw new BlockError(
          'bad-image',
          `${path}: ${stats.size} bytes are not whole sectors: pad it to a multiple of ${SECTOR_BYTES}`,
        );
      }
      let lock: ImageLock | null = null;
      if (isReadOnly) await ImageLock.checkForReading(stats, path);
      else lock = await ImageLock.forWriting(stats, path);
      return new FileDisk(path, handle.fd, stats.size, isReadOnly, async () => {
        await handle.close();
        await lock?.release();
      });
    } catch (error) {
      await handle.close();
      throw error instanceof BlockError ? error : openError(path, error);
    }
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#guard.run(false, sector, sectorsIn(target), async () => {
      const start = sector * SECTOR_BYTES;
      for (let done = 0; done < target.byteLength; ) {
        const part = await this.#transfer(reading, target, done, start + done);
        if (part === 0)
          throw new BlockError('io', `${this.path}: ends before byte ${start + done}`);
        done += part;
      }
    });
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#guard.run(true, sector, sectorsIn(source), () =>
      this.#writeAll(source, sector * SECTOR_BYTES),
    );
  }

  async #writeAll(source: Uint8Array, start: number): Promise<void> {
    for (let done = 0; done < source.byteLength; ) {
      done += await this.#transfer(writing, source, done, start + done);
    }
  }

  /** One system call; how many bytes it moved. */
  #transfer(
    kind: TransferKind,
    buffer: Uint8Array,
    offset: number,
    position: number,
  ): Promise<number> | number {
    const length = buffer.byteLength - offset;
    if (length <= MAX_PROMPT_BYTES && this.#promptness.mayTry()) {
      const startMs = performance.now();
      try {
        return kind.now(this.#fd, buffer, offset, length, position);
      } catch (error) {
        throw blockError(this.path, kind.name, error);
      } finally {
        this.#promptness.note(performance.now() - startMs);
      }
    }
    return new Promise((resolve, reject) => {
      // FileHandle's interface takes twice the time.
      kind.later(this.#fd, buffer, offset, length, position, (error, count) => {
        if (error) reject(blockError(this.path, kind.name, error));
        else resolve(count);
      });
    });
  }

  async flush(): Promise<void> {
    await this.#guard.run(false, 0, 0, () => this.#synchronise());
  }

  async #synchronise(): Promise<void> {
    if (!this.isReadOnly) await this.#call('fdatasync', (done) => fdatasync(this.#fd, done));
  }

  #call(what: string, start: (done: NoParamCallback) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      start((error) => {
        if (error) reject(blockError(this.path, what, error));
        else resolve();
      });
    });
  }

  async discard(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, async () => {
      const first = Math.ceil((sector * SECTOR_BYTES) / PAGE_BYTES) * PAGE_BYTES;
      const end = Math.floor(((sector + count) * SECTOR_BYTES) / PAGE_BYTES) * PAGE_BYTES;
      if (end - first >= MIN_HOLE_BYTES) await this.#holes.punch(first, end - first);
    });
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, async () => {
      const start = sector * SECTOR_BYTES;
      const byteLength = count * SECTOR_BYTES;
      if (byteLength >= MIN_HOLE_BYTES && (await this.#holes.punch(start, byteLength))) return;
      const zeroes = new Uint8Array(Math.min(byteLength, ZEROES_BYTES));
      for (let done = 0; done < byteLength; done += zeroes.byteLength) {
        await this.#writeAll(zeroes.subarray(0, byteLength - done), start + done);
      }
    });
  }

  async close(): Promise<void> {
    if (!(await this.#guard.close())) return;
    try {
      await this.#synchronise();
    } finally {
      await this.#close();
    }
  }
}
