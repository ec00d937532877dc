// ImageView: bounded little-endian reads from an untrusted file. Reading past the end is an ImageError, never garbage.
import { hex, ImageError } from './load-error.js';

/** A file (or part of one) with its name for messages. */
export class ImageView {
  readonly bytes: Uint8Array;
  /** What the file is, for messages: `bzImage`, `ELF image`. */
  readonly what: string;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get byteLength(): number {
    return this.bytes.byteLength;
  }

  u8(at: number): number {
    this.need(at, 1, 'a field');
    return this.bytes[at];
  }

  u16(at: number): number {
    this.need(at, 2, 'a field');
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.need(at, 4, 'a field');
    return this.#view.getUint32(at, true);
  }

  /** Unsigned 64-bit file offset, size or physical address; more than 2^53 − 1 is malformed. */
  u64(at: number): number {
    const value = this.u32(at + 4) * 0x1_0000_0000 + this.u32(at);
    if (!Number.isSafeInteger(value)) {
      throw new ImageError(
        'malformed',
        `${this.what}: the 64-bit value at offset ${hex(at)} is impossibly large; the file is damaged`,
      );
    }
    return value;
  }

  /** 64-bit linear address as a signed canonical value (0xffffffff81000000 → −0x7f000000). */
  linear64(at: number): number {
    const value = (this.u32(at + 4) | 0) * 0x1_0000_0000 + this.u32(at);
    if (value < -(2 ** 47) || value >= 2 ** 47) {
      throw new ImageError(
        'malformed',
        `${this.what}: the address at offset ${hex(at)} is not canonical; the file is damaged`,
      );
    }
    return value;
  }

  /** A view of part of the file (not a copy). */
  slice(at: number, byteLength: number, part: string): Uint8Array {
    this.need(at, byteLength, part);
    return this.bytes.subarray(at, at + byteLength);
  }

  /** The NUL-terminated ASCII string at `at`, at most `limit` bytes; ends with the file at the latest. */
  text(at: number, limit: number): string {
    this.need(at, 0, 'a string');
    let end = at;
    while (end < this.bytes.length && end - at < limit && this.bytes[end] !== 0) end++;
    return String.fromCharCode(...this.bytes.subarray(at, end));
  }

  /** Throws unless `at … at + byteLength` lies within the file. */
  need(at: number, byteLength: number, part: string): void {
    if (at >= 0 && byteLength >= 0 && at + byteLength <= this.bytes.byteLength) return;
    throw new ImageError(
      'truncated',
      `${this.what} is truncated: ${part} at offset ${hex(at)} needs ${byteLength} bytes, ` +
        `the file has ${this.bytes.byteLength}; fetch or copy it again`,
    );
  }
}
