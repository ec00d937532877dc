// ConsolePort: bytes of one port that wait for buffers of the driver, and what both ends said of it.
import type { Virtqueue } from '../queue/virtqueue.js';

export class ConsolePort {
  /** The driver has it. */
  isReady = false;
  /** A program of the guest holds it open. */
  isOpen = false;
  readonly #input: Uint8Array[] = [];
  #queuedBytes = 0;

  /** Bytes that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#input.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** Gives the driver what waits, as far as it has buffers. */
  fill(queue: Virtqueue): void {
    while (this.#queuedBytes > 0) {
      const chain = queue.pop();
      if (chain === null) return;
      let written = 0;
      while (this.#input.length > 0 && written < chain.writableBytes) {
        const [next] = this.#input;
        const count = chain.write(written, next);
        written += count;
        this.#queuedBytes -= count;
        if (count === next.length) this.#input.shift();
        else this.#input[0] = next.subarray(count);
      }
      queue.push(chain, written);
    }
  }

  /** The driver is gone. What waits stays: it is for whoever comes next. */
  reset(): void {
    this.isReady = false;
    this.isOpen = false;
  }
}
