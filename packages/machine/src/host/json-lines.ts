// Values over a stream of bytes: each is one line of JSON. What comes from the other side is bounded and never trusted.

/** A longer line is refused. */
const LINE_MAX_BYTES = 8 << 20;

/** Collects bytes and hands on whole values. */
export class JsonLineReader {
  readonly #onValue: (value: unknown) => void;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(onValue: (value: unknown) => void) {
    this.#onValue = onValue;
  }

  /** @throws SyntaxError for what is no JSON; RangeError for a line that is too long. Nothing can be read afterwards. */
  push(bytes: Uint8Array): void {
    let left = bytes;
    for (let end = left.indexOf(10); end >= 0; end = left.indexOf(10)) {
      this.#keep(left.subarray(0, end));
      const line = new TextDecoder().decode(Buffer.concat(this.#parts));
      this.#parts = [];
      this.#length = 0;
      left = left.subarray(end + 1);
      this.#onValue(JSON.parse(line));
    }
    this.#keep(left);
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#length > LINE_MAX_BYTES) throw new RangeError('the line is too long');
    this.#parts.push(bytes);
  }
}

export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
