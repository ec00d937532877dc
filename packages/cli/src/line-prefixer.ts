// LinePrefixer: the output of a guest that is not on the terminal, as whole lines with its name before each. Terminal commands and other
// control characters are left out: only the guest on the terminal may command it. A line that is too long is broken.
import { plainText } from './terminal-text.js';

const MAX_LINE_CHARACTERS = 1024;

export class LinePrefixer {
  readonly #prefix: string;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #line = '';

  /** @param onLine gets each line, with its prefix and a line feed */
  constructor(name: string, onLine: (line: string) => void) {
    this.#prefix = `${name}: `;
    this.#onLine = onLine;
  }

  /** Takes the next bytes, in UTF-8. */
  push(bytes: Uint8Array): void {
    const parts = (this.#line + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#line = parts.pop() ?? '';
    for (const part of parts) this.#print(part);
    while (this.#line.length > MAX_LINE_CHARACTERS) {
      this.#print(this.#line.slice(0, MAX_LINE_CHARACTERS));
      this.#line = this.#line.slice(MAX_LINE_CHARACTERS);
    }
  }

  /** The guest has ended: its last line has no line feed. */
  flush(): void {
    const last = this.#line;
    this.#line = '';
    if (plainText(last).trim() !== '') this.#print(last);
  }

  #print(line: string): void {
    this.#onLine(`${this.#prefix}${plainText(line)}\n`);
  }
}
