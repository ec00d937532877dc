// GrowingOutput: decompressed bytes in one array that grows by doubling up to a limit, so hostile input cannot eat the host.
import { ImageError, mebibytes } from '../load-error.js';

export class GrowingOutput {
  /** Only the first `length` bytes count. */
  bytes: Uint8Array;
  length = 0;
  readonly #limit: number;
  readonly #format: string;

  /** @param expected size to start with, in bytes; a hint only. */
  constructor(format: string, limit: number, expected = 0) {
    this.#format = format;
    this.#limit = limit;
    this.bytes = new Uint8Array(Math.min(limit, Math.max(expected, 0x10000)));
  }

  /** Makes room for `more` bytes after `length`; throws when that would pass the limit. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > this.#limit) {
      throw tooLong(this.#format, this.#limit);
    }
    const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** The error of every decoder for data that contradicts its format. */
export function damaged(format: string, what: string, cause?: unknown): ImageError {
  return new ImageError(
    'unpack-failed',
    `${format} data is damaged: ${what}; fetch or copy the file again`,
    cause === undefined ? undefined : { cause },
  );
}

/** The error of every decoder for data that would unpack to more than `limit` bytes. */
export function tooLong(format: string, limit: number): ImageError {
  return new ImageError(
    'unpack-failed',
    `${format} data unpacks to more than the ${mebibytes(limit)} allowed; it is damaged or not a kernel`,
  );
}
