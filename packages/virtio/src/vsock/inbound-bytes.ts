// InboundBytes: what a guest has sent and its stream has not taken, in one piece: many small packets cost no more than one large one.

const FIRST_BYTES = 4096;

export class InboundBytes {
  #bytes: Uint8Array = new Uint8Array();
  #length = 0;

  get byteLength(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(FIRST_BYTES, length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** All there is; it is the caller's. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array();
    this.#length = 0;
    return bytes;
  }
}
