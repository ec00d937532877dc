// ByteQueue: bytes that wait, in order. Large pieces are kept as they come, small ones copied together, so that what is kept is never
// much more than what waits.

/** Smaller pieces are copied. */
const SMALL_BYTES = 4096;
const BLOCK_BYTES = 16_384;

interface Block {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
  /** Made here: there may be room at its end. */
  readonly isOwn: boolean;
}

export class ByteQueue {
  readonly #blocks: Block[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes bytes, which nobody changes any more. */
  append(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#byteLength += bytes.byteLength;
    const isSmall = bytes.byteLength < SMALL_BYTES;
    // A piece of something large would keep all of it.
    if (!isSmall && bytes.byteLength * 2 >= bytes.buffer.byteLength) {
      this.#blocks.push({ bytes, start: 0, end: bytes.byteLength, isOwn: false });
      return;
    }
    const last = this.#blocks.at(-1);
    if (last?.isOwn && last.bytes.byteLength - last.end >= bytes.byteLength) {
      last.bytes.set(bytes, last.end);
      last.end += bytes.byteLength;
      return;
    }
    // A small one between two large ones: what is large next begins another block.
    const blockBytes = last && !last.isOwn ? SMALL_BYTES : BLOCK_BYTES;
    const block = new Uint8Array(Math.max(blockBytes, bytes.byteLength));
    block.set(bytes);
    this.#blocks.push({ bytes: block, start: 0, end: bytes.byteLength, isOwn: true });
  }

  /** Copies bytes from `offset` on into all of `target`; they must be there. */
  copyTo(target: Uint8Array, offset: number): void {
    let skip = offset;
    let done = 0;
    for (const { bytes, start, end } of this.#blocks) {
      const length = end - start;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const part = Math.min(length - skip, target.byteLength - done);
      target.set(bytes.subarray(start + skip, start + skip + part), done);
      done += part;
      skip = 0;
      if (done === target.byteLength) return;
    }
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    let left = Math.min(count, this.#byteLength);
    this.#byteLength -= left;
    while (left > 0) {
      const first = this.#blocks[0] as Block;
      const part = Math.min(left, first.end - first.start);
      first.start += part;
      left -= part;
      if (first.start === first.end) this.#blocks.shift();
    }
  }

  /** Takes some of the first bytes out; null if there are none. */
  shift(): Uint8Array | null {
    const first = this.#blocks.shift();
    if (!first) return null;
    this.#byteLength -= first.end - first.start;
    return first.bytes.subarray(first.start, first.end);
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#byteLength = 0;
  }
}
