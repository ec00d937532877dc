// An xl configuration file (xl.cfg(5)) as a ConfigDocument with its one domain. Later assignments win; += appends to a string or list.
import { ConfigError } from '../../config.js';
import {
  type ConfigDocument,
  type ConfigPath,
  type ConfigPosition,
  pathText,
  positionText,
} from './config-document.js';
import { isNumberField } from './domain-schema.js';
import { scanXl, type XlToken, type XlTokenKind } from './xl-scanner.js';

/** A value with its place: text as written, or a list. */
interface XlValue extends ConfigPosition {
  readonly kind: 'string' | 'number' | 'list';
  readonly text: string;
  readonly items: readonly XlValue[];
}

/** More brackets than any field takes. */
const MAX_DEPTH = 8;

/** Where the document's only domain stands. */
const DOMAIN: ConfigPath = ['domains', 0];

/** @throws ConfigError about the file's syntax */
export function parseXlDocument(text: string, file: string): ConfigDocument {
  const assignments = new XlParser(scanXl(text, file), file).parse();
  const positions = new Map<string, ConfigPosition>();
  const domain: Record<string, unknown> = { type: 'pv' };
  for (const [name, { position, value }] of assignments) {
    positions.set(pathText([...DOMAIN, name]), position);
    domain[name] = plain(name, value);
    for (const [i, item] of value.items.entries()) {
      positions.set(pathText([...DOMAIN, name, i]), item);
    }
  }
  return {
    file,
    value: { domains: [domain] },
    positionOf: (path) => {
      for (let length = path.length; length > 0; length--) {
        const known = positions.get(pathText(path.slice(0, length)));
        if (known) return known;
      }
      return { line: 1, column: 1 };
    },
  };
}

/** As in xl, what a field takes decides whether "512" is a text or a number. */
function plain(name: string, value: XlValue): unknown {
  if (value.kind === 'list') return value.items.map((item) => plain(name, item));
  if (!isNumberField(name)) return value.text;
  return numberOf(value.text) ?? value.text;
}

/** Decimal, octal with a leading 0, hexadecimal with 0x. */
function numberOf(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

interface Assignment {
  readonly position: ConfigPosition;
  readonly value: XlValue;
}

class XlParser {
  readonly #tokens: readonly XlToken[];
  readonly #file: string;
  #next = 0;

  constructor(tokens: readonly XlToken[], file: string) {
    this.#tokens = tokens;
    this.#file = file;
  }

  parse(): Map<string, Assignment> {
    const assignments = new Map<string, Assignment>();
    for (;;) {
      const token = this.#take();
      if (token.kind === 'end of file') return assignments;
      if (token.kind === 'end of line') continue;
      if (token.kind !== 'name') this.#fail(token, 'a name such as memory');
      const operator = this.#take();
      if (operator.kind !== '=' && operator.kind !== '+=') this.#fail(operator, '= or +=');
      const value = this.#value(0);
      const end = this.#take();
      if (end.kind !== 'end of line' && end.kind !== 'end of file') this.#fail(end, 'a new line');
      const old = operator.kind === '+=' ? assignments.get(token.text)?.value : undefined;
      assignments.set(token.text, {
        position: token,
        value: old === undefined ? value : this.#append(operator, old, value),
      });
      if (end.kind === 'end of file') return assignments;
    }
  }

  #take(): XlToken {
    return this.#tokens[Math.min(this.#next++, this.#tokens.length - 1)];
  }

  #peek(): XlTokenKind {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)].kind;
  }

  #skipLines(): void {
    while (this.#peek() === 'end of line') this.#next++;
  }

  #value(depth: number): XlValue {
    const token = this.#take();
    const { line, column } = token;
    if (token.kind === 'string' || token.kind === 'number') {
      return { kind: token.kind, text: token.text, items: [], line, column };
    }
    if (token.kind !== '[' || depth >= MAX_DEPTH) {
      this.#fail(token, 'a string in quotes, a number or a list in brackets');
    }
    const items: XlValue[] = [];
    for (;;) {
      this.#skipLines();
      if (this.#peek() === ']') break;
      items.push(this.#value(depth + 1));
      this.#skipLines();
      if (this.#peek() !== ',') break;
      this.#next++;
    }
    const end = this.#take();
    if (end.kind !== ']') this.#fail(end, ', or ]');
    return { kind: 'list', text: '', items, line, column };
  }

  #append(operator: XlToken, old: XlValue, value: XlValue): XlValue {
    if ((old.kind === 'list') !== (value.kind === 'list')) {
      this.#error(operator, 'a list can only be appended to a list, and a string to a string');
    }
    const items = [...old.items, ...value.items];
    return { ...value, text: old.text + value.text, items };
  }

  #fail(token: XlToken, expected: string): never {
    const isText = !['end of line', 'end of file'].includes(token.kind);
    this.#error(
      token,
      `expected ${expected}, not ${isText ? `'${token.text}'` : `the ${token.kind}`}`,
    );
  }

  #error(position: ConfigPosition, what: string): never {
    throw new ConfigError('', `${positionText(this.#file, position)}${what}`);
  }
}
