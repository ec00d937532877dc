// Bytes of our standard input on their way to a guest's serial port. A pipe is read before the guest has set up its port, which would
// throw them away; so they wait until the guest raises DTR, or, with guests that never do, until it has been silent for long.
// Memory is bounded: the pipe is held while the guest has enough.

/** The serial port, as far as it is used. */
export interface FeedTarget {
  send(bytes: Uint8Array): void;
  /** Bytes sent and not taken yet. */
  queued(): number;
  /** The guest has opened its port. */
  isOpen(): boolean;
}

const ENOUGH_BYTES = 16 * 1024;
const POLL_MS = 10;
/** Silence after which a guest is taken to wait for input, though it has not raised DTR. */
const SILENCE_MS = 10_000;

export interface InputFeedOptions {
  readonly target: () => FeedTarget;
  /** Holds the pipe back, or takes more from it. */
  readonly holdInput: (hold: boolean) => void;
  /** When the guest last printed, by `performance.now()`. */
  readonly lastOutputMs: () => number;
}

export class InputFeed {
  readonly #options: InputFeedOptions;
  readonly #waiting: Uint8Array[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: InputFeedOptions) {
    this.#options = options;
  }

  /** Bytes from the pipe. */
  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#options.holdInput(true);
    this.#feed();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting.length = 0;
  }

  #feed(): void {
    this.#timer = null;
    const target = this.#options.target();
    const silenceMs = performance.now() - this.#options.lastOutputMs();
    const isListening = target.isOpen() || silenceMs > SILENCE_MS;
    while (isListening && this.#waiting.length > 0 && target.queued() < ENOUGH_BYTES)
      target.send(this.#waiting.shift() as Uint8Array);
    if (this.#waiting.length === 0) this.#options.holdInput(false);
    else {
      this.#timer ??= setTimeout(() => this.#feed(), POLL_MS);
    }
  }
}
