// One guest in the foreground: its console on our terminal or pipes, its end or ours as an exit code. A reset builds the machine anew.
import {
  type ConsoleInput,
  type ConsoleOutput,
  type MachineStatistics,
  StdioConsole,
} from '@proxeny/machine/pc';
import { EXIT_FAILURE, EXIT_GUEST_CRASH, EXIT_OK, EXIT_SIGNAL, EXIT_TIMEOUT } from './exit-code.js';
import type { ForegroundGuest, GuestBuilder } from './foreground-guest.js';
import { InputFeed } from './input-feed.js';
import type { ScriptStep } from './script.js';
import { ScriptRunner } from './script-runner.js';

/** Ctrl-D. */
const END_OF_INPUT = 4;
const LINE_FEED = 10;

export interface SessionOptions {
  readonly build: GuestBuilder;
  readonly input: ConsoleInput;
  readonly output: ConsoleOutput;
  /** The console takes part: the guest's on `input` and `output`. */
  readonly serial: boolean;
  readonly steps: readonly ScriptStep[];
  readonly timeoutMs?: number;
  /** A reset ends the session instead of starting the guest again. */
  readonly endOnReset: boolean;
  /** When the input ends, type Ctrl-D. */
  readonly typeEndOfInput: boolean;
  readonly onDebug?: (byte: number) => void;
  /** Asked between slices, beside the console: whether something else must drain first. */
  readonly hold?: () => Promise<void> | null;
  /** One line for the user. */
  readonly say: (message: string) => void;
}

/** Why we ended the guest, decided once. */
interface Verdict {
  readonly exitCode: number;
  readonly message: string;
}

export class GuestSession {
  readonly #options: SessionOptions;
  readonly #console: StdioConsole;
  readonly #feed: InputFeed;
  readonly #script: ScriptRunner | null;
  #guest: ForegroundGuest | null = null;
  #verdict: Verdict | null = null;
  #isMatched = false;
  #lastOutputMs = performance.now();
  #lastByte = LINE_FEED;
  /** Output that the script has not seen yet. */
  readonly #unseen: number[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#console = new StdioConsole({
      input: options.input,
      output: options.output,
      onInput: (bytes) => this.#typed(bytes),
      onInputEnd: () => {
        if (options.typeEndOfInput) this.#feed.push(Uint8Array.of(END_OF_INPUT, END_OF_INPUT));
      },
      onLeave: () => this.#decide(EXIT_OK, 'left the guest; it has ended'),
      onOutputLost: () =>
        this.#decide(EXIT_FAILURE, 'standard output was closed; the guest has ended'),
    });
    this.#feed = new InputFeed({
      target: () => ({
        send: (bytes) => this.#guest?.send(bytes),
        queued: () => this.#guest?.queuedInput() ?? 0,
        isOpen: () => this.#guest?.isListening() ?? false,
      }),
      holdInput: (hold) => this.#console.holdInput(hold),
      lastOutputMs: () => this.#lastOutputMs,
    });
    this.#script =
      options.steps.length === 0
        ? null
        : new ScriptRunner({
            steps: options.steps,
            send: (bytes) => this.#guest?.send(bytes),
            press: (names) => this.#guest?.press?.(names),
            onMatched: () => {
              this.#isMatched = true;
              this.#decide(EXIT_OK, '');
            },
          });
  }

  /**
   * Runs the guest to its end, or ours. Returns the exit code.
   * @throws ImageError, ConfigError, HvError: the guest cannot be built
   */
  async run(): Promise<number> {
    const { timeoutMs, serial, input, say } = this.#options;
    const guest = await this.#build();
    const release = this.#handleSignals();
    const timer =
      timeoutMs === undefined ? null : setTimeout(() => this.#timedOut(timeoutMs), timeoutMs);
    try {
      if (serial) this.#console.open();
      if (this.#console.isInteractive) say('Ctrl-] leaves the guest');
      else if (serial && input.isTTY === true) say('the terminal does not allow raw mode');
      this.#script?.start();
      return await this.#runToEnd(guest);
    } finally {
      if (timer) clearTimeout(timer);
      this.#script?.stop();
      this.#feed.stop();
      this.#console.close();
      release();
    }
  }

  /** What the guest that ran last did. */
  get statistics(): MachineStatistics | null {
    return this.#guest?.statistics() ?? null;
  }

  async #runToEnd(first: ForegroundGuest): Promise<number> {
    const { endOnReset, say } = this.#options;
    let guest = first;
    for (;;) {
      const end = await guest.run();
      this.#showScript();
      const verdict = this.#verdict;
      if (verdict) {
        if (verdict.message !== '') this.#sayBelow(verdict.message);
        return verdict.exitCode;
      }
      if (end.reason === 'reset' && !endOnReset) {
        say('the guest has reset; starting it again');
        guest = await this.#build();
        // A guest that resets at once must not keep signals and timeouts out.
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      if (end.reason === 'crash') {
        if (end.message !== '') this.#sayBelow(`the guest crashed: ${end.message}`);
        return EXIT_GUEST_CRASH;
      }
      const awaited = this.#script?.awaited;
      if (awaited && !this.#isMatched) {
        const how = { reset: 'reset', exit: 'ended' }[end.reason as string] ?? 'powered off';
        this.#sayBelow(`the guest ${how} before ${awaited} appeared`);
        return EXIT_FAILURE;
      }
      return end.reason === 'exit' ? end.code : EXIT_OK;
    }
  }

  async #build(): Promise<ForegroundGuest> {
    const { build, serial, onDebug, hold, say } = this.#options;
    this.#guest = null; // so that its memory can go
    const guest = await build({
      onOutput: (bytes) => {
        if (serial) this.#printed(bytes);
      },
      onLine: (line) => {
        if (serial) this.#printLine(line);
      },
      onMessage: (message) => {
        this.#console.flush();
        this.#startLine();
        say(message);
      },
      onDebug: (byte) => onDebug?.(byte),
      hold: () => this.#console.ready() ?? hold?.() ?? null,
    });
    // Somebody may have ended the session meanwhile.
    if (this.#verdict) guest.stop();
    this.#guest = guest;
    return guest;
  }

  #printed(bytes: Uint8Array): void {
    for (const byte of bytes) this.#console.write(byte);
    this.#lastOutputMs = performance.now();
    this.#lastByte = bytes[bytes.length - 1];
    if (this.#script === null) return;
    if (this.#unseen.length === 0) setImmediate(() => this.#showScript());
    for (const byte of bytes) this.#unseen.push(byte);
    if (this.#unseen.length >= 4096) this.#showScript();
  }

  /** A line of another guest's, below what stands in the line of this one. */
  #printLine(line: string): void {
    const start = this.#lastByte === LINE_FEED ? '' : '\n';
    for (const byte of new TextEncoder().encode(start + line)) this.#console.write(byte);
    this.#lastByte = LINE_FEED;
  }

  #showScript(): void {
    const bytes = Uint8Array.from(this.#unseen);
    this.#unseen.length = 0;
    if (bytes.length > 0 && !this.#isMatched) this.#script?.push(bytes);
  }

  /** A user sees what the guest does and types when it listens; a pipe does not. */
  #typed(bytes: Uint8Array): void {
    if (this.#console.isInteractive) this.#guest?.send(Uint8Array.from(bytes));
    else this.#feed.push(Uint8Array.from(bytes));
  }

  #timedOut(timeoutMs: number): void {
    this.#showScript();
    const awaited = this.#script?.awaited;
    const line = awaited ? this.#script?.lastLine : '';
    this.#decide(
      EXIT_TIMEOUT,
      `timeout after ${timeoutMs / 1000} s${awaited ? `, waiting for ${awaited}` : ''}${line ? `; the last line was "${line}"` : ''}`,
    );
  }

  #decide(exitCode: number, message: string): void {
    this.#verdict ??= { exitCode, message };
    this.#guest?.stop();
  }

  /** On a line of its own, below what the guest has printed. */
  #sayBelow(message: string): void {
    this.#console.close();
    this.#startLine();
    this.#options.say(message);
  }

  /** On a terminal, our words do not begin in the middle of a line of the guest's. */
  #startLine(): void {
    const { output } = this.#options;
    if (output.isTTY === true && this.#lastByte !== LINE_FEED)
      output.write(Uint8Array.of(LINE_FEED));
  }

  #handleSignals(): () => void {
    const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
    const removals = Object.entries(numbers).map(([name, number]) => {
      const listener = (): void => this.#decide(EXIT_SIGNAL + number, `ended by ${name}`);
      process.on(name, listener);
      return () => process.off(name, listener);
    });
    return () => {
      for (const remove of removals) remove();
    };
  }
}
