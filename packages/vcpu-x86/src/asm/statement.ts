// What an assembly program is made of, once parsed: each statement makes bytes at an address.
import type { CodeBits } from '../isa/instruction.js';
import { encode } from './encode.js';
import { AsmError, type Expression, type Scope } from './expression.js';
import { littleEndian } from './modrm.js';
import type { OperandValue, Prefixes } from './operand-value.js';

export interface Statement {
  /** Its line in the source and the text of it, for messages. */
  readonly line: number;
  readonly source: string;
  /** Bytes at the scope's address. `isFirst`: labels ahead have no address yet, so nothing is out of range. */
  bytes(scope: Scope, isFirst: boolean): number[];
}

/** An instruction. Its branch starts short and, once it was too far, stays long, so that sizes settle. */
export class InstructionStatement implements Statement {
  readonly line: number;
  readonly source: string;
  private readonly name: string;
  private readonly operands: readonly OperandValue[];
  private readonly prefixes: Prefixes;
  private readonly bits: CodeBits;
  private shortest = Number.POSITIVE_INFINITY;
  private isLong = false;

  constructor(
    line: number,
    source: string,
    name: string,
    operands: readonly OperandValue[],
    prefixes: Prefixes,
    bits: CodeBits,
  ) {
    this.line = line;
    this.source = source;
    this.name = name;
    this.operands = operands;
    this.prefixes = prefixes;
    this.bits = bits;
  }

  bytes(scope: Scope): number[] {
    const bytes = encode(this.name, this.operands, this.prefixes, {
      bits: this.bits,
      scope,
      allowShort: !this.isLong,
    });
    this.shortest = Math.min(this.shortest, bytes.length);
    if (bytes.length > this.shortest) this.isLong = true;
    return bytes;
  }
}

/** db, dw, dd, dq: numbers of one width. */
export class DataStatement implements Statement {
  readonly line: number;
  readonly source: string;
  private readonly width: number;
  private readonly values: readonly Expression[];

  constructor(line: number, source: string, width: number, values: readonly Expression[]) {
    this.line = line;
    this.source = source;
    this.width = width;
    this.values = values;
  }

  bytes(scope: Scope, isFirst: boolean): number[] {
    return this.values.flatMap((expression) => {
      const value = expression.evaluate(scope);
      const limit = 1n << BigInt(this.width * 8);
      if (!isFirst && (value < -(limit / 2n) || value >= limit))
        throw new AsmError(`${value} does not fit ${this.width} bytes`);
      return littleEndian(BigInt.asUintN(this.width * 8, value), this.width);
    });
  }
}

/** Bytes as they are. */
export class RawStatement implements Statement {
  readonly line: number;
  readonly source: string;
  private readonly raw: readonly number[];

  constructor(line: number, source: string, raw: Iterable<number>) {
    this.line = line;
    this.source = source;
    this.raw = [...raw];
  }

  bytes(): number[] {
    return [...this.raw];
  }
}

/** More than any test image, less than what would hurt the host. */
const MAX_FILL = 64 << 20;

/** Fills up to a multiple of `boundary`. */
export class AlignStatement implements Statement {
  readonly line: number;
  readonly source: string;
  private readonly boundary: number;
  private readonly fill: number;

  constructor(line: number, source: string, boundary: number, fill: number) {
    if (!Number.isInteger(boundary) || boundary < 1 || boundary > MAX_FILL)
      throw new AsmError(`cannot align to ${boundary}`);
    this.line = line;
    this.source = source;
    this.boundary = boundary;
    this.fill = fill;
  }

  bytes(scope: Scope): number[] {
    const over = Number(BigInt.asUintN(64, scope.here) % BigInt(this.boundary));
    return new Array<number>(over === 0 ? 0 : this.boundary - over).fill(this.fill);
  }
}

/** `times n` of another statement. */
export class RepeatStatement implements Statement {
  readonly line: number;
  readonly source: string;
  private readonly count: Expression;
  private readonly inner: Statement;

  constructor(count: Expression, inner: Statement) {
    this.line = inner.line;
    this.source = inner.source;
    this.count = count;
    this.inner = inner;
  }

  bytes(scope: Scope, isFirst: boolean): number[] {
    let count = this.count.evaluate(scope);
    if (count < 0n && isFirst) count = 0n;
    if (count < 0n || count > BigInt(MAX_FILL)) throw new AsmError(`cannot repeat ${count} times`);
    const bytes: number[] = [];
    for (let i = 0n; i < count; i++) {
      const here = scope.here + BigInt(bytes.length);
      for (const byte of this.inner.bytes(
        { here, valueOf: (name) => scope.valueOf(name) },
        isFirst,
      ))
        bytes.push(byte);
    }
    return bytes;
  }
}
