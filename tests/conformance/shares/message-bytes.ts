// Messages as clients write them, and answers as they read them: little-endian.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class MessageBytes {
  readonly #parts: Uint8Array[] = [];
  #byteLength = 0;

  u8(value: number): this {
    return this.bytes(Uint8Array.of(value));
  }

  u16(value: number): this {
    return this.bytes(Uint8Array.of(value & 0xff, value >>> 8));
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.bytes(new Uint8Array(Uint32Array.of(value).buffer));
    return this;
  }

  u64(...values: readonly number[]): this {
    for (const value of values) this.u32(value >>> 0, Math.floor(value / 2 ** 32));
    return this;
  }

  /** After its length in 2 bytes. */
  text(value: string): this {
    const bytes = encoder.encode(value);
    return this.u16(bytes.length).bytes(bytes);
  }

  /** Before a NUL. */
  terminated(value: string): this {
    return this.bytes(encoder.encode(`${value}\0`));
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(value);
    this.#byteLength += value.length;
    return this;
  }

  /** All of it, with its length in the first 4 bytes. */
  finished(): Uint8Array {
    const all = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    new DataView(all.buffer).setUint32(0, all.length, true);
    return all;
  }
}

/** Reads an answer; whoever asks for more than there is gets a RangeError. */
export class AnswerBytes {
  readonly #view: DataView;
  readonly #all: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#all = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#all.length;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    if (this.at > this.#all.length) throw new RangeError('the answer is too short');
    return this.#all.subarray(at, at + count);
  }

  text(count = this.u16()): string {
    return decoder.decode(this.bytes(count));
  }

  rest(): Uint8Array {
    return this.bytes(this.#all.length - this.at);
  }

  #take(count: number): number {
    const at = this.at;
    this.at += count;
    return at;
  }
}
