// The assembler: statements and labels in, bytes out. Statements are encoded again and again until every label keeps its
// address; branches only ever grow on the way, so this ends.
import type { CodeBits } from '../isa/instruction.js';
import {
  AsmError,
  constant,
  type Expression,
  type Scope,
  symbol,
  TokenReader,
  tokenize,
} from './expression.js';
import type { OperandValue } from './operand-value.js';
import { parsePrefixes, parseText } from './parse.js';
import { parseOperand } from './parse-operand.js';
import {
  AlignStatement,
  DataStatement,
  InstructionStatement,
  RawStatement,
  type Statement,
} from './statement.js';

export interface AssemblerOptions {
  /** Code size at the start; default 32. */
  readonly bits?: CodeBits;
  /** Address of the first byte; default 0. */
  readonly origin?: number | bigint;
}

/** What a program became. */
export interface Assembled {
  readonly bytes: Uint8Array;
  /** Address of the first byte. */
  readonly origin: bigint;
  /** Address of every label, value of every constant. */
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** A statement, or a label before the next one. */
type Item = { readonly statement: Statement } | { readonly label: string };

const MAX_PASSES = 10_000;

/**
 * Collects a program, by calls or as text:
 * `new Assembler({ bits: 32, origin: 0x100000 }).label('loop').emit('dec', 'ecx').jump('jne', 'loop').assemble()`.
 */
export class Assembler {
  private current: CodeBits;
  private origin: bigint;
  private readonly items: Item[] = [];
  private readonly labels = new Set<string>();
  private readonly constants = new Map<string, Expression>();
  private parent = '';
  private calls = 0;

  constructor({ bits = 32, origin = 0 }: AssemblerOptions = {}) {
    this.current = bits;
    this.origin = BigInt(origin);
  }

  /** Code size of what follows. */
  get codeBits(): CodeBits {
    return this.current;
  }
  bits(bits: CodeBits): this {
    this.current = bits;
    return this;
  }

  /** Sets the address of the first byte; only before anything was added. */
  org(origin: bigint): this {
    if (this.items.some((item) => 'statement' in item))
      throw new AsmError('org comes before the first byte');
    this.origin = origin;
    return this;
  }

  private fullName(name: string): string {
    return name.startsWith('.') ? this.parent + name : name;
  }

  private define(name: string): string {
    const full = this.fullName(name);
    if (this.labels.has(full) || this.constants.has(full))
      throw new AsmError(`${full} is defined twice`);
    if (!name.startsWith('.')) this.parent = name;
    return full;
  }

  /** Names the address of what follows. */
  label(name: string): this {
    const full = this.define(name);
    this.labels.add(full);
    this.items.push({ label: full });
    return this;
  }

  /** Names a value; `$` in it is the address here. */
  equ(name: string, value: Expression | number | bigint): this {
    const parent = this.parent;
    const full = this.define(name);
    this.parent = parent;
    const expression = typeof value === 'object' ? value : constant(value);
    if (!expression.isSymbolic) {
      this.constants.set(full, expression);
      return this;
    }
    // Pins `$` to this place.
    const at = `${full}@`;
    this.labels.add(at);
    this.items.push({ label: at });
    this.constants.set(full, {
      isSymbolic: true,
      evaluate: (scope) =>
        expression.evaluate({ here: scope.valueOf(at), valueOf: (other) => scope.valueOf(other) }),
    });
    return this;
  }

  /** A name as an operand: its constant, or its label (which may come later). `$$` is the origin. */
  reference(name: string): Expression {
    if (name === '$$') return { isSymbolic: true, evaluate: () => this.origin };
    const full = this.fullName(name);
    const known = this.constants.get(full);
    return known && !known.isSymbolic ? known : symbol(full);
  }

  add(statement: Statement): this {
    this.items.push({ statement });
    return this;
  }

  private operand(value: number | bigint | string | OperandValue): OperandValue {
    if (typeof value === 'object') return value;
    if (typeof value !== 'string')
      return { kind: 'immediate', bits: 0, value: constant(value), distance: null };
    const reader = new TokenReader(tokenize(value), (name) => this.reference(name));
    const operand = parseOperand(reader);
    if (!reader.isDone) throw new AsmError(`${reader.peek} is left over in ${value}`);
    return operand;
  }

  /**
   * One instruction. `name` may carry prefixes (`'lock add'`, `'rep movsd'`); an operand is a number, text (`'eax'`,
   * `'dword [ebx+8]'`, a label) or an operand value.
   */
  emit(name: string, ...operands: (number | bigint | string | OperandValue)[]): this {
    const parsed = parsePrefixes(new TokenReader(tokenize(name)));
    const values = operands.map((operand) => this.operand(operand));
    const source =
      `${name} ${operands.map((o) => (typeof o === 'object' ? o.kind : String(o))).join(', ')}`.trim();
    return this.add(
      new InstructionStatement(
        ++this.calls,
        source,
        parsed.name,
        values,
        parsed.prefixes,
        this.current,
      ),
    );
  }

  /** A branch to a label, as short as it can be. */
  jump(name: string, label: string): this {
    return this.emit(name, label);
  }

  private data(width: number, values: readonly (number | bigint | string)[]): this {
    const list = values.map((v) => (typeof v === 'string' ? this.reference(v) : constant(v)));
    return this.add(new DataStatement(++this.calls, 'data', width, list));
  }
  /** Bytes; a string is a label's name, here and in the wider ones. */
  db(...values: (number | bigint | string)[]): this {
    return this.data(1, values);
  }
  dw(...values: (number | bigint | string)[]): this {
    return this.data(2, values);
  }
  dd(...values: (number | bigint | string)[]): this {
    return this.data(4, values);
  }
  dq(...values: (number | bigint | string)[]): this {
    return this.data(8, values);
  }
  /** Bytes as they are. */
  raw(bytes: Iterable<number>): this {
    return this.add(new RawStatement(++this.calls, 'bytes', bytes));
  }
  /** The bytes of a text in UTF-8, without an end mark. */
  string(text: string): this {
    return this.raw(new TextEncoder().encode(text));
  }
  align(boundary: number, fill = 0x90): this {
    return this.add(new AlignStatement(++this.calls, 'align', boundary, fill));
  }

  /** Adds a program as text, see parse.ts. */
  text(source: string): this {
    parseText(this, source);
    return this;
  }

  /**
   * Encodes the program.
   * @throws AsmError naming the line, or the count of the call, that cannot be encoded
   */
  assemble(): Assembled {
    const addresses = new Map<string, bigint>();
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const before = pass === 0 ? null : new Map(addresses);
      const bytes = this.pass(addresses, before === null);
      if (before && [...addresses].every(([name, address]) => before.get(name) === address))
        return { bytes, origin: this.origin, symbols: this.symbols(addresses) };
    }
    throw new AsmError('sizes and labels depend on each other without end');
  }

  private pass(addresses: Map<string, bigint>, isFirst: boolean): Uint8Array {
    const chunks: number[][] = [];
    let size = 0;
    let here = this.origin;
    const lookUp = (name: string): bigint => {
      const known = this.constants.get(name);
      if (known) return known.evaluate({ here, valueOf: lookUp });
      const address = addresses.get(name);
      if (address !== undefined) return address;
      if (this.labels.has(name)) return here;
      throw new AsmError(`${name} is not defined`);
    };
    for (const item of this.items) {
      if ('label' in item) {
        addresses.set(item.label, here);
        continue;
      }
      const scope: Scope = { here, valueOf: lookUp };
      const bytes = this.statementBytes(item.statement, scope, isFirst);
      chunks.push(bytes);
      size += bytes.length;
      here = this.origin + BigInt(size);
    }
    const image = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      image.set(chunk, at);
      at += chunk.length;
    }
    return image;
  }

  private statementBytes(statement: Statement, scope: Scope, isFirst: boolean): number[] {
    try {
      return statement.bytes(scope, isFirst);
    } catch (error) {
      if (!(error instanceof AsmError)) throw error;
      throw new AsmError(`line ${statement.line}: ${error.message}: ${statement.source}`, {
        cause: error,
      });
    }
  }

  private symbols(addresses: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> {
    const symbols = new Map<string, bigint>();
    for (const [name, address] of addresses) if (!name.endsWith('@')) symbols.set(name, address);
    const scope: Scope = {
      here: this.origin,
      valueOf: (name) => this.constants.get(name)?.evaluate(scope) ?? addresses.get(name) ?? 0n,
    };
    for (const [name, value] of this.constants) symbols.set(name, value.evaluate(scope));
    return symbols;
  }
}

/** Assembles a program's text. */
export function assemble(source: string, options: AssemblerOptions = {}): Assembled {
  return new Assembler(options).text(source).assemble();
}

/** The bytes of a program in a template string, as 32-bit code unless it says `bits 16` or `bits 64`. */
export function asm(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | bigint)[]
): Uint8Array {
  return assemble(String.raw({ raw: strings.raw }, ...values)).bytes;
}
