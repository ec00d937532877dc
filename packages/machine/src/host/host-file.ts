// HostFile: a disk image's file on the host. A flush is fdatasync; a discard punches a hole where that can be done. Short transfers that
// the host's page cache answers are done at once, the others by Node's threads.
import {
  fdatasync,
  read as fsRead,
  readSync as fsReadSync,
  readvSync as fsReadvSync,
  write as fsWrite,
  writeSync as fsWriteSync,
  writevSync as fsWritevSync,
  ftruncate,
  type NoParamCallback,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { BlockError, bytesIn } from '../storage/block-backend.js';
import type { ByteFile } from '../storage/byte-file.js';
import { HolePuncher } from './hole-puncher.js';
import { type FileIdentity, ImageLock } from './image-lock.js';
import { Promptness } from './promptness.js';

export interface HostFileOptions {
  readonly isReadOnly?: boolean;
  /** Makes the file, which must not exist. */
  readonly isNew?: boolean;
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
  if (code === 'EEXIST')
    return new BlockError('exists', `${path}: exists already: remove it, or use another name`, {
      cause: error,
    });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return new BlockError('io', `${path}: may not be opened: check its mode, or use it read-only`, {
      cause: error,
    });
  return blockError(path, 'open', error);
}

export class HostFile implements ByteFile {
  readonly name: string;
  readonly isReadOnly: boolean;
  /** Which file it is, by whatever name. */
  readonly identity: FileIdentity;
  byteLength: number;
  readonly #fd: number;
  readonly #close: () => Promise<void>;
  readonly #holes: HolePuncher;
  readonly #promptness = new Promptness();

  private constructor(
    path: string,
    fd: number,
    { size, dev, ino }: FileIdentity & { readonly size: number },
    isReadOnly: boolean,
    close: () => Promise<void>,
  ) {
    this.name = path;
    this.byteLength = size;
    this.isReadOnly = isReadOnly;
    this.identity = { dev, ino };
    this.#fd = fd;
    this.#close = close;
    this.#holes = new HolePuncher(fd);
  }

  /**
   * Opens an image, alone if it is to be written.
   * @throws BlockError `not-found`, `exists`, `locked`, `bad-image` or `io`; the message names the path and what to do.
   */
  static async open(path: string, options: HostFileOptions = {}): Promise<HostFile> {
    const isReadOnly = options.isReadOnly ?? false;
    const flags = options.isNew ? 'wx+' : isReadOnly ? 'r' : 'r+';
    const handle = await open(path, flags).catch((error: unknown) => {
      throw openError(path, error);
    });
    try {
      const stats = await handle.stat();
      if (!stats.isFile())
        throw new BlockError('bad-image', `${path}: is no regular file: give a disk image`);
      let lock: ImageLock | null = null;
      if (isReadOnly) await ImageLock.checkForReading(stats, path);
      else lock = await ImageLock.forWriting(stats, path);
      return new HostFile(path, handle.fd, stats, isReadOnly, async () => {
        await Promise.all([handle.close(), lock?.release()]);
      });
    } catch (error) {
      await handle.close();
      throw error instanceof BlockError ? error : openError(path, error);
    }
  }

  async read(at: number, target: Uint8Array): Promise<number> {
    let done = 0;
    while (done < target.byteLength) {
      const part = await this.#transfer(reading, target, done, at + done);
      if (part === 0) break;
      done += part;
    }
    return done;
  }

  async write(at: number, source: Uint8Array): Promise<void> {
    // Even of a write that fails a part may be in the file.
    this.byteLength = Math.max(this.byteLength, at + source.byteLength);
    for (let done = 0; done < source.byteLength; )
      done += await this.#transfer(writing, source, done, at + done);
  }

  readNow(at: number, targets: readonly Uint8Array[]): boolean {
    return this.#transferNow(fsReadvSync, targets, at);
  }

  writeNow(at: number, sources: readonly Uint8Array[]): boolean {
    if (this.isReadOnly || at + bytesIn(sources) > this.byteLength) return false;
    return this.#transferNow(fsWritevSync, sources, at);
  }

  #transferNow(
    transfer: (fd: number, buffers: readonly Uint8Array[], position: number) => number,
    buffers: readonly Uint8Array[],
    position: number,
  ): boolean {
    if (!this.#promptness.mayTry()) return false;
    const byteLength = bytesIn(buffers);
    const startMs = performance.now();
    try {
      return transfer(this.#fd, buffers, position) === byteLength;
    } catch {
      return false;
    } finally {
      this.#promptness.note(performance.now() - startMs, byteLength);
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
        throw blockError(this.name, kind.name, error);
      } finally {
        this.#promptness.note(performance.now() - startMs);
      }
    }
    return new Promise((resolve, reject) => {
      // FileHandle's interface takes twice the time.
      kind.later(this.#fd, buffer, offset, length, position, (error, count) => {
        if (error) reject(blockError(this.name, kind.name, error));
        else resolve(count);
      });
    });
  }

  async flush(): Promise<void> {
    await this.#call('fdatasync', (done) => fdatasync(this.#fd, done));
  }

  async resize(byteLength: number): Promise<void> {
    await this.#call('ftruncate', (done) => ftruncate(this.#fd, byteLength, done));
    this.byteLength = byteLength;
  }

  #call(what: string, start: (done: NoParamCallback) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      start((error) => {
        if (error) reject(blockError(this.name, what, error));
        else resolve();
      });
    });
  }

  async discard(at: number, byteLength: number): Promise<void> {
    const first = Math.ceil(at / PAGE_BYTES) * PAGE_BYTES;
    const end = Math.floor((at + byteLength) / PAGE_BYTES) * PAGE_BYTES;
    if (end - first >= MIN_HOLE_BYTES) await this.#holes.punch(first, end - first);
  }

  async writeZeroes(at: number, byteLength: number): Promise<void> {
    if (byteLength >= MIN_HOLE_BYTES && (await this.#holes.punch(at, byteLength))) return;
    const zeroes = new Uint8Array(Math.min(byteLength, ZEROES_BYTES));
    for (let done = 0; done < byteLength; done += zeroes.byteLength)
      await this.write(at + done, zeroes.subarray(0, byteLength - done));
  }

  async close(): Promise<void> {
    await this.#close();
  }
}
