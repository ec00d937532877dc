// Runs a script of steps against a guest's output.
import { OutputMatcher } from './output-matcher.js';
import type { ScriptStep } from './script.js';

export interface ScriptRunnerOptions {
  readonly steps: readonly ScriptStep[];
  /** Types bytes at the guest's console. */
  readonly send: (bytes: Uint8Array) => void;
  /** Presses keys of its keyboard together. */
  readonly press: (names: readonly string[]) => void;
  /** The last step is done, and it was an `expect`: the guest has shown what was asked for. */
  readonly onMatched: () => void;
}

export class ScriptRunner {
  readonly #options: ScriptRunnerOptions;
  readonly #matcher = new OutputMatcher();
  #next = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ScriptRunnerOptions) {
    this.#options = options;
  }

  /** Starts; sends what stands before the first `expect`. */
  start(): void {
    this.#proceed();
  }

  /** Ends its timer. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** What the guest has printed. */
  push(bytes: Uint8Array): void {
    this.#matcher.push(bytes);
    this.#proceed();
  }

  /** What is being waited for, for messages; null when every `expect` has matched. */
  get awaited(): string | null {
    const step = this.#options.steps.slice(this.#next).find((each) => each.kind === 'expect');
    return step === undefined ? null : `/${step.source}/`;
  }

  /** The guest's last line, for messages. */
  get lastLine(): string {
    return this.#matcher.lastLine;
  }

  #proceed(): void {
    const { steps, send, press, onMatched } = this.#options;
    while (this.#timer === null && this.#next < steps.length) {
      const step = steps[this.#next];
      if (step.kind === 'expect' && !this.#matcher.take(step.pattern)) return;
      this.#next++;
      if (step.kind === 'send') send(step.bytes);
      if (step.kind === 'press') for (const names of step.chords) press(names);
      if (step.kind === 'wait') this.#wait(step.durationMs);
      if (step.kind === 'expect' && this.#next === steps.length) onMatched();
    }
  }

  #wait(durationMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#proceed();
    }, durationMs);
  }
}
