// MessageLog: what the hypervisor has to say, and what domains print by console_io, as `xl dmesg` shows it: the last lines, each with who
// said it. Bounded, whatever a domain prints.
import type { ControlMethods } from '../control-method.js';

const MAX_CHARACTERS = 64 * 1024;
/** A longer line is broken. */
const MAX_LINE = 1024;

export class MessageLog {
  readonly #lines: string[] = [];
  #characters = 0;
  /** What each domain has printed of a line so far. */
  readonly #unfinished: Map<number, string> = new Map();

  /** One message of the hypervisor's. */
  say(message: string): void {
    for (const line of message.split('\n')) this.#add(`(XEN) ${line}`);
  }

  /** Bytes that domain `id` has printed. Characters that are not ASCII become `?`, control characters go. */
  print(id: number, bytes: Uint8Array): void {
    let line = this.#unfinished.get(id) ?? '';
    for (const byte of bytes) {
      if (byte === 10 || line.length >= MAX_LINE) {
        this.#add(`(d${id}) ${line}`);
        line = '';
      }
      if (byte >= 0x20 && byte !== 0x7f) line += byte < 0x7f ? String.fromCharCode(byte) : '?';
    }
    if (line === '') this.#unfinished.delete(id);
    else this.#unfinished.set(id, line);
  }

  /** The domain is gone: ends its line. */
  forget(id: number): void {
    const line = this.#unfinished.get(id);
    this.#unfinished.delete(id);
    if (line !== undefined) this.#add(`(d${id}) ${line}`);
  }

  /** Everything that is kept, the oldest first, each line ended by a line feed; unfinished lines last. */
  text(): string {
    const unfinished = [...this.#unfinished].map(([id, line]) => `(d${id}) ${line}`);
    return [...this.#lines, ...unfinished].map((line) => `${line}\n`).join('');
  }

  clear(): void {
    this.#lines.length = 0;
    this.#characters = 0;
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length + 1;
    let dropped = 0;
    while (this.#characters > MAX_CHARACTERS) {
      this.#characters -= (this.#lines[dropped] as string).length + 1;
      dropped++;
    }
    if (dropped > 0) this.#lines.splice(0, dropped);
  }
}

/** `log.read`, with `{"clear": true}` to empty it afterwards. */
export function logMethods(log: MessageLog): ControlMethods {
  return {
    'log.read': (params) => {
      const text = log.text();
      if ((params as { clear?: unknown } | null)?.clear === true) log.clear();
      return text;
    },
  };
}
