// Reads and writes the parts of messages about files: little-endian integers, texts, bytes.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is read is hostile: beyond the end, everything is 0 or empty, and `isBad` says so. */
export class MessageReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;
  isBad = false;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  /** Exact to 2^53; above, rounded. */
  u64(): number {
    const low = this.u32();
    return this.u32() * 4294967296 + low;
  }

  /** The same, signed. */
  s64(): number {
    const low = this.u32();
    return (this.u32() | 0) * 4294967296 + low;
  }

  /** A text after its length in 2 bytes. */
  text(): string {
    return decoder.decode(this.bytes(this.u16()));
  }

  /** A text before a NUL. */
  terminatedText(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    // Without one, it goes on beyond the end.
    const text = this.bytes((end < 0 ? this.#bytes.length + 1 : end) - this.#at);
    this.skip(1);
    return decoder.decode(text);
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? new Uint8Array() : this.#bytes.subarray(at, at + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      this.isBad = true;
      return -1;
    }
    this.#at = at + count;
    return at;
  }
}

/** Writes into a buffer; a RangeError where it ends. Who writes lists asks {@link MessageWriter.room} first. */
export class MessageWriter {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
  }

  /** Bytes written, from the start of the buffer. */
  get end(): number {
    return this.#at;
  }

  get room(): number {
    return this.#bytes.length - this.#at;
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value), true);
    this.#at += 8;
  }

  /** Bytes after their length in 2. */
  text(value: Uint8Array): void {
    this.u16(value.length);
    this.bytes(value);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Takes the last `count` bytes back. */
  rewind(count: number): void {
    this.#at -= count;
  }

  /** Writes `count` into the 4 bytes before the last `count` ones. */
  countBefore(count: number): void {
    this.#view.setUint32(this.#at - count - 4, count, true);
  }

  /** The next `count` bytes, for somebody else to fill. */
  reserve(count: number): Uint8Array {
    if (count > this.room) throw new RangeError('the message is longer than its buffer');
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }
}

/** Text in UTF-8, or null if that has more than `room` bytes. */
export function encoded(text: string, room: number): Uint8Array | null {
  const bytes = encoder.encode(text);
  return bytes.length <= room ? bytes : null;
}
