// BufferPool: host memory that data passes through between a guest and a back-end, used again and again.
const SMALLEST_BYTES = 4096;

export class BufferPool {
  readonly #maxBytes: number;
  /** Free buffers by their length, a power of two. */
  readonly #free: Map<number, Uint8Array[]> = new Map();
  #freeBytes = 0;

  /** @param maxBytes kept while nobody uses them */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A buffer of at least `byteLength`, with any contents. */
  take(byteLength: number): Uint8Array {
    let size = SMALLEST_BYTES;
    while (size < byteLength) size *= 2;
    const buffer = this.#free.get(size)?.pop();
    if (!buffer) return new Uint8Array(size);
    this.#freeBytes -= size;
    return buffer;
  }

  /** Gives back what {@link take} returned. */
  give(buffer: Uint8Array): void {
    const size = buffer.byteLength;
    if (this.#freeBytes + size > this.#maxBytes) return;
    const same = this.#free.get(size);
    if (same) same.push(buffer);
    else this.#free.set(size, [buffer]);
    this.#freeBytes += size;
  }
}
