// ConsolePort: bytes of one port that wait for buffers of the driver, output that waits for our end, and what both ends said of it.
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import type { Virtqueue } from '../queue/virtqueue.js';

/** Longer output is handed on in pieces. */
const MAX_PIECE_BYTES = 65_536;

/** Where output goes. */
export interface OutputSink {
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly isReady?: () => boolean;
}

export class ConsolePort {
  /** A buffer of which only the first `#printedBytes` bytes are printed. */
  #held: DescriptorChain | null = null;
  #printedBytes = 0;
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

  /** Output waits for {@link drain} to go on. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  /** Bytes of the buffer that waits, which are printed. */
  get printedBytes(): number {
    return this.#printedBytes;
  }

  /** The buffer that waits is the queue's next one: of a saved state. */
  restore(printedBytes: number): void {
    this.#held = null;
    this.#printedBytes = printedBytes;
  }

  /** Prints what the driver wrote, at most `maxBytes` and no more than `sink` takes; the rest waits. */
  drain(queue: Virtqueue, sink: OutputSink, maxBytes: number): void {
    let left = maxBytes;
    for (let chain = this.#held ?? queue.pop(); chain !== null; chain = queue.pop()) {
      this.#held = chain;
      while (this.#printedBytes < chain.readableBytes) {
        if (left <= 0 || sink.isReady?.() === false) return;
        const rest = chain.readableBytes - this.#printedBytes;
        const bytes = new Uint8Array(Math.min(rest, left, MAX_PIECE_BYTES));
        left -= chain.read(this.#printedBytes, bytes);
        this.#printedBytes += bytes.length;
        sink.onOutput(bytes);
      }
      this.forget();
      queue.push(chain, 0);
    }
  }

  /** The buffer that waited is not ours any more. */
  forget(): void {
    this.#held = null;
    this.#printedBytes = 0;
  }

  /** The driver is gone. Input that waits stays: it is for whoever comes next. */
  reset(): void {
    this.isReady = false;
    this.isOpen = false;
    this.forget();
  }
}
