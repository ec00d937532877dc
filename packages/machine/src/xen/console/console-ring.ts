// ConsoleRing: the back-end of a paravirtual console: two rings of bytes in a page shared with the guest. io/console.h.
// The guest may write anything at any time: counts that cannot be are left alone until they make sense again.
// Nothing is lost either way: while our reader is not ready the guest's output stays in its ring, and input waits here.
import { xencons_interface } from '@proxeny/abi';
import type { EventPort, SharedPage } from '../shared-page.js';

const { fields } = xencons_interface.of(64);
const IN_BYTES = fields.in.byteLength;
const OUT_BYTES = fields.out.byteLength;

export interface ConsoleRingOptions {
  readonly page: SharedPage;
  readonly port: EventPort;
  /** What the guest prints; the array is the receiver's. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Whether `onOutput` takes more now. When it does again, call {@link ConsoleRing.service}. Default: always. */
  readonly isReady?: () => boolean;
}

export class ConsoleRing {
  readonly #options: ConsoleRingOptions;
  /** Input that the ring has no room for. */
  readonly #input: Uint8Array[] = [];
  #queuedInput = 0;
  #isClosed = false;

  /** Starts at once: what is in the ring already is printed. */
  constructor(options: ConsoleRingOptions) {
    this.#options = options;
    options.port.onEvent(() => this.service());
    this.service();
  }

  /** Bytes given to {@link send} that the guest's ring has not taken yet. */
  get queuedInput(): number {
    return this.#queuedInput;
  }

  /** Types `bytes` at the guest. They are queued without loss; the caller must not change them. */
  send(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    this.#input.push(bytes);
    this.#queuedInput += bytes.length;
    this.service();
  }

  /** Moves bytes both ways as far as there is room. */
  service(): void {
    if (this.#isClosed) return;
    const hasRead = this.#readOutput();
    const hasWritten = this.#writeInput();
    if (hasRead || hasWritten) this.#options.port.notify();
  }

  /** Prints what is left in the ring and touches the page no more. */
  close(): void {
    if (this.#isClosed) return;
    this.#readOutput();
    this.#isClosed = true;
    this.#input.length = 0;
    this.#queuedInput = 0;
  }

  #readOutput(): boolean {
    const { page, onOutput, isReady } = this.#options;
    if (isReady && !isReady()) return false;
    const consumer = page.readU32(fields.out_cons.offset);
    const count = (page.readU32(fields.out_prod.offset) - consumer) >>> 0;
    if (count === 0 || count > OUT_BYTES) return false;
    const bytes = new Uint8Array(count);
    const at = consumer % OUT_BYTES;
    const first = Math.min(count, OUT_BYTES - at);
    page.copyFrom(fields.out.offset + at, bytes.subarray(0, first));
    page.copyFrom(fields.out.offset, bytes.subarray(first));
    page.writeU32(fields.out_cons.offset, (consumer + count) >>> 0);
    onOutput(bytes);
    return true;
  }

  #writeInput(): boolean {
    const { page } = this.#options;
    if (this.#queuedInput === 0) return false;
    const start = page.readU32(fields.in_prod.offset);
    const used = (start - page.readU32(fields.in_cons.offset)) >>> 0;
    if (used >= IN_BYTES) return false;
    let producer = start;
    let room = IN_BYTES - used;
    while (room > 0) {
      const next = this.#input[0];
      if (!next) break;
      const at = producer % IN_BYTES;
      const count = Math.min(next.length, room, IN_BYTES - at);
      page.copyTo(fields.in.offset + at, next.subarray(0, count));
      if (count === next.length) this.#input.shift();
      else this.#input[0] = next.subarray(count);
      producer = (producer + count) >>> 0;
      room -= count;
      this.#queuedInput -= count;
    }
    page.writeU32(fields.in_prod.offset, producer);
    return true;
  }
}
