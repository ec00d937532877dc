// A guest's serial console on this process' terminal or pipes. On a terminal the keyboard goes to the guest raw, and Ctrl-] to us;
// whatever ends the process by its own will puts the terminal back. Guest bytes go out unmodified, in chunks.
// Back-pressure: `ready()` tells whether the output takes more; whoever runs the guest must wait for it, so nothing piles up here.

/** Ctrl-], which leaves the console. */
const LEAVE = 0x1d;
const CHUNK_BYTES = 4096;

/** The terminal's or pipe's reading end, as far as it is used: `process.stdin` fits. */
export interface ConsoleInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  on(event: 'end' | 'error', listener: () => void): unknown;
  removeAllListeners(): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Where the guest's bytes go: `process.stdout` fits. */
export interface ConsoleOutput {
  readonly isTTY?: boolean;
  readonly writableNeedDrain: boolean;
  write(bytes: Uint8Array): boolean;
  once(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface StdioConsoleOptions {
  readonly input: ConsoleInput;
  readonly output: ConsoleOutput;
  /** Bytes that were typed or came from a pipe. */
  readonly onInput: (bytes: Uint8Array) => void;
  /** The pipe or file on the input has ended. */
  readonly onInputEnd: () => void;
  /** Ctrl-] was typed on a terminal. */
  readonly onLeave: () => void;
  /** The output is gone: whoever read it has closed it. */
  readonly onOutputLost: (error: Error) => void;
}

/** One console. Open it once, close it once. */
export class StdioConsole {
  readonly #options: StdioConsoleOptions;
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES);
  #length = 0;
  #isFlushing = false;
  #isRaw = false;
  #isOpen = false;
  #isLost = false;
  #drained: Promise<void> | null = null;
  #onDrained: () => void = () => {};
  readonly #restore = (): void => this.#setRaw(false);
  /** A shell that continues us after a stop has its own idea of the terminal. */
  readonly #continue = (): void => {
    if (this.#isRaw) this.#options.input.setRawMode?.(true);
  };

  constructor(options: StdioConsoleOptions) {
    this.#options = options;
    options.output.on('error', (error) => {
      this.#isLost = true;
      this.#onDrained();
      options.onOutputLost(error);
    });
  }

  /** The input is a terminal in raw mode (after {@link StdioConsole.open}). */
  get isInteractive(): boolean {
    return this.#isRaw;
  }

  /** Starts to read, on a terminal in raw mode. */
  open(): void {
    const { input, onInput, onInputEnd, onLeave } = this.#options;
    this.#isOpen = true;
    if (input.isTTY === true) this.#setRaw(true);
    input.on('data', (bytes) => {
      const end = this.#isRaw ? bytes.indexOf(LEAVE) : -1;
      const typed = end < 0 ? bytes : bytes.subarray(0, end);
      if (typed.length > 0) onInput(typed);
      if (end >= 0) onLeave();
    });
    input.on('end', onInputEnd);
    // A terminal that hung up reads as an error; for a guest that is the end of its input.
    input.on('error', onInputEnd);
    input.resume();
  }

  /** Holds back or takes again the input: the guest has enough to read. */
  holdInput(hold: boolean): void {
    if (!this.#isOpen) return;
    if (hold) this.#options.input.pause();
    else this.#options.input.resume();
  }

  /** One byte from the guest. It leaves with the next turn of the event loop, or when a chunk is full. */
  write(byte: number): void {
    this.#chunk[this.#length++] = byte;
    if (this.#length === CHUNK_BYTES) this.flush();
    else if (!this.#isFlushing) {
      this.#isFlushing = true;
      setImmediate(() => {
        this.#isFlushing = false;
        this.flush();
      });
    }
  }

  /** Hands on what was written. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#chunk.slice(0, this.#length);
    this.#length = 0;
    if (!this.#isLost) this.#options.output.write(bytes);
  }

  /** null when the output takes more; else a promise for the moment when it does. */
  ready(): Promise<void> | null {
    const { output } = this.#options;
    if (this.#isLost || !output.writableNeedDrain) return null;
    this.#drained ??= new Promise((resolve) => {
      this.#onDrained = () => {
        this.#drained = null;
        resolve();
      };
      output.once('drain', () => this.#onDrained());
    });
    return this.#drained;
  }

  /** Hands on what was written, stops reading and puts the terminal back. */
  close(): void {
    this.flush();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#setRaw(false);
    const { input } = this.#options;
    input.removeAllListeners();
    input.on('error', () => {});
    input.pause();
  }

  #setRaw(raw: boolean): void {
    if (this.#isRaw === raw) return;
    try {
      this.#options.input.setRawMode?.(raw);
    } catch {
      // Not our terminal any more (hung up, or we are in the background): it is read as it is.
      if (raw) return;
    }
    this.#isRaw = raw;
    const change = raw ? 'on' : 'off';
    process[change]('exit', this.#restore);
    process[change]('SIGCONT', this.#continue);
  }
}
