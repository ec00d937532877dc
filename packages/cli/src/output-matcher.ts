// A regular expression over a guest's output as it streams by: matches may lie across chunks, memory stays bounded. Line ends are
// `\n` for it: the carriage returns before them, which serial consoles print and `.` does not match, are left out. So are control
// sequences: shells print a query of the cursor's place behind their prompt, and `$` would not match there.

import { CONTROL_SEQUENCE, plainText } from './terminal-text.js';

/** Characters that are kept, so the longest match. */
const WINDOW_LENGTH = 16 * 1024;
const LAST_LINE_LENGTH = 120;

export class OutputMatcher {
  readonly #decoder = new TextDecoder();
  /** The newest output, unmatched so far. */
  #window = '';
  /** The end of the output, matched or not. */
  #recent = '';

  /** Takes the next bytes, in UTF-8; a character may be cut between two chunks. */
  push(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#window = (this.#window + text).replace(CONTROL_SEQUENCE, '').replace(/\r+\n/g, '\n');
    this.#recent = (this.#recent + text).slice(-8 * LAST_LINE_LENGTH);
    const surplus = this.#window.length - 2 * WINDOW_LENGTH;
    if (surplus > 0) this.#trim();
  }

  /** Whether the output matches; everything up to the match's end is used up then. */
  take(pattern: RegExp): boolean {
    const match = pattern.exec(this.#window);
    if (match) this.#window = this.#window.slice(match.index + match[0].length);
    else if (this.#window.length > WINDOW_LENGTH) this.#trim();
    return match !== null;
  }

  /** The last line that is not empty, for messages. */
  get lastLine(): string {
    const lines = this.#recent.split(/[\r\n]+/).filter((line) => line.trim() !== '');
    return plainText(lines.at(-1) ?? '').slice(-LAST_LINE_LENGTH);
  }

  /** Cuts at the start of a line where there is one, so that `^` does not match in the middle. */
  #trim(): void {
    const cut = this.#window.length - WINDOW_LENGTH;
    const lineEnd = this.#window.indexOf('\n', cut - 1);
    const isFar = lineEnd < 0 || lineEnd > cut + WINDOW_LENGTH / 2;
    this.#window = this.#window.slice(isFar ? cut : lineEnd + 1);
  }
}
