// Ps2Output: what a PS/2 device has to send: replies to commands first, then its events.
// Invariant: both queues are bounded; a command from the host throws away replies that were not taken, as on the wire.

/** Bytes of events a device keeps: the size of a keyboard's buffer. */
export const PS2_EVENT_BYTES = 16;
const REPLY_BYTES = 8;

/** Saved queues of a PS/2 device. */
export interface Ps2OutputState {
  readonly replies: readonly number[];
  readonly events: readonly number[];
  readonly lastByte: number;
}

/** The sending half of a PS/2 device. */
export class Ps2Output {
  readonly #onData: () => void;
  readonly #replies: number[] = [];
  readonly #events: number[] = [];
  #lastByte = 0;

  constructor(onData: () => void) {
    this.#onData = onData;
  }

  get isEmpty(): boolean {
    return this.#replies.length === 0 && this.#events.length === 0;
  }

  /** The last byte sent, for the Resend command. */
  get lastByte(): number {
    return this.#lastByte;
  }

  /** The next byte; 0 when there is none. */
  take(): number {
    const byte = this.#replies.shift() ?? this.#events.shift() ?? 0;
    this.#lastByte = byte;
    return byte;
  }

  /** Replaces pending replies. */
  reply(...bytes: number[]): void {
    this.#replies.splice(0, REPLY_BYTES, ...bytes.slice(0, REPLY_BYTES));
    this.#onData();
  }

  /** Queues the bytes of one event, all or none. Returns whether they fit. */
  event(bytes: readonly number[]): boolean {
    if (this.#events.length + bytes.length > PS2_EVENT_BYTES) return false;
    this.#events.push(...bytes);
    this.#onData();
    return true;
  }

  clearEvents(): void {
    this.#events.length = 0;
  }

  save(): Ps2OutputState {
    return {
      replies: this.#replies.slice(),
      events: this.#events.slice(),
      lastByte: this.#lastByte,
    };
  }

  /** Takes checked queues. */
  load(replies: readonly number[], events: readonly number[], lastByte: number): void {
    this.#replies.splice(0, REPLY_BYTES, ...replies.slice(0, REPLY_BYTES));
    this.#events.splice(0, PS2_EVENT_BYTES, ...events.slice(0, PS2_EVENT_BYTES));
    this.#lastByte = lastByte;
  }
}
