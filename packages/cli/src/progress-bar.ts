// ProgressBar: how far a long task is, on a terminal; nothing where there is none.

const WIDTH = 30;

/** Where it is drawn: `process.stderr` fits. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class ProgressBar {
  readonly #output: ProgressOutput;
  readonly #total: number;
  #shown = '';

  /** @param total what `show` counts up to */
  constructor(output: ProgressOutput, total: number) {
    this.#output = output;
    this.#total = total;
  }

  show(done: number): void {
    if (!this.#output.isTTY) return;
    const share = this.#total === 0 ? 1 : done / this.#total;
    const filled = Math.round(share * WIDTH);
    const bar = '#'.repeat(filled).padEnd(WIDTH, '.');
    const text = `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %`;
    if (text === this.#shown) return;
    this.#shown = text;
    this.#output.write(`\r${text}`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#shown !== '') this.#output.write(`\r${' '.repeat(this.#shown.length)}\r`);
    this.#shown = '';
  }
}
