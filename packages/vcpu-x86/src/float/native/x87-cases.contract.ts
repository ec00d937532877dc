// What each x87 operation of the harness should produce, by our own arithmetic, as a record comparable with the host's.
import { sqrt80 } from '../float80-arithmetic.js';
import { fromBcd, toBcd } from '../float80-bcd.js';
import { compare80, examine80 } from '../float80-compare.js';
import { constant80 } from '../float80-constants.js';
import { fromFloat32, fromFloat64, toFloat32, toFloat64 } from '../float80-convert.js';
import { arithmetic80, arithmeticFloat32, arithmeticFloat64 } from '../float80-dispatch.js';
import { C0, C1, C2, C3, f80 } from '../float80-format.js';
import { fromInt32, fromInt64, roundInteger80, toInt80 } from '../float80-integer.js';
import { remainder80 } from '../float80-remainder.js';
import { extract80, scale80 } from '../float80-scale.js';
import type { NativeCase, NativeOutcome } from './harness.contract.js';

/** Harness operations whose results must equal the host's bit for bit. */
export const EXACT_X87: readonly number[] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 30, 31, 32, 33, 34, 35, 36, 37, 38,
  39, 40, 41, 42, 43, 44, 50, 51, 52, 53, 54, 55, 56, 60, 61, 62, 64, 65, 66, 67, 70, 71, 72, 74,
  75, 76, 77,
];

const FLAGS = 0x3f;
const CODES = C0 | C1 | C2 | C3;
const UNTOUCHED = 0xccccccccccccccccccccn;

const seOf = (v: bigint): number => Number(v >> 64n);
const hiOf = (v: bigint): number => Number((v >> 32n) & 0xffffffffn) | 0;
const loOf = (v: bigint): number => Number(v & 0xffffffffn) | 0;
const join = (se: number, hi: number, lo: number): bigint =>
  (BigInt(se & 0xffff) << 64n) | (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** The comparable part of an outcome, as text. */
export function describe(values: readonly bigint[], status: number): string {
  return `${values.map((v) => v.toString(16).padStart(20, '0')).join(' ')} sw=${status.toString(16)}`;
}

/** Bytes an instruction stores to memory, 0 for none. */
function storeBytes(op: number): number {
  return { 36: 4, 37: 8, 38: 2, 39: 4, 40: 8, 41: 2, 42: 4, 43: 8, 44: 10 }[op] ?? 0;
}

/** Condition codes an operation defines (all leave exception flags). */
function codesOf(op: number): number {
  const digit = op % 10;
  if (op === 2 || op === 3 || op === 9 || op === 10) return CODES;
  if (op >= 60 && digit === 2) return CODES;
  if (op === 14 || op === 15) return CODES;
  if (op >= 16 && op <= 19) return C1 | C2;
  return C1;
}

export function nativeOutcome(c: NativeCase, o: NativeOutcome): string {
  if (c.op === 24 || c.op === 25)
    return describe([o.st0], (o.sw & FLAGS) | ((o.eflags & 0x45) << 16));
  const status = o.sw & (FLAGS | codesOf(c.op));
  const bytes = storeBytes(c.op);
  if (bytes !== 0) return describe([o.mem], status);
  return describe([o.st0, o.st1], status);
}

const EFLAGS_IN_HARNESS = 0x45;

/** Our outcome. Follows the instruction's stack effects: which of ST0, ST1 receive what. */
export function ourOutcome(c: NativeCase, o: NativeOutcome): string {
  const { op, cw, a, b } = c;
  const aSe = seOf(a);
  const aHi = hiOf(a);
  const aLo = loOf(a);
  const bSe = seOf(b);
  const bHi = hiOf(b);
  const bLo = loOf(b);
  let result: 'st0' | 'push' | 'pop' | 'none' | 'memory' | 'two' = 'st0';
  if (op === 2 || op === 3 || op === 24 || op === 25) {
    compare80(cw, op & 1, aSe, aHi, aLo, bSe, bHi, bLo);
    result = 'none';
  } else if (op < 8) arithmetic80(op, cw, aSe, aHi, aLo, bSe, bHi, bLo);
  else if (op === 8) sqrt80(cw, aSe, aHi, aLo);
  else if (op === 9) {
    compare80(cw, 0, aSe, aHi, aLo, 0, 0, 0);
    result = 'none';
  } else if (op === 10) {
    examine80(0, aSe, aHi, aLo);
    result = 'none';
  } else if (op === 11) roundInteger80(cw, aSe, aHi, aLo);
  else if (op === 12) scale80(cw, aSe, aHi, aLo, bSe, bHi, bLo);
  else if (op === 13) {
    extract80(cw, aSe, aHi, aLo);
    result = 'two';
  } else if (op === 14 || op === 15) remainder80(cw, op - 14, aSe, aHi, aLo, bSe, bHi, bLo);
  else if (op >= 60) {
    if (op < 70) arithmeticFloat32(op - 60, cw, aSe, aHi, aLo, bLo);
    else arithmeticFloat64(op - 70, cw, aSe, aHi, aLo, bHi, bLo);
    if (op % 10 === 2) result = 'none';
  } else if (op >= 50) {
    constant80(cw, op - 50);
    result = 'push';
  } else if (op >= 36) {
    result = 'memory';
    if (op === 36) toFloat32(cw, aSe, aHi, aLo);
    else if (op === 37) toFloat64(cw, aSe, aHi, aLo);
    else if (op === 44) toBcd(cw, aSe, aHi, aLo);
    else toInt80(cw, [16, 32, 64][(op - 38) % 3], op >= 41 ? 1 : 0, aSe, aHi, aLo);
  } else {
    result = 'push';
    if (op === 30) fromFloat32(cw, aLo);
    else if (op === 31) fromFloat64(cw, aHi, aLo);
    else if (op === 32) fromInt32((aLo << 16) >> 16);
    else if (op === 33) fromInt32(aLo);
    else if (op === 34) fromInt64(aHi, aLo);
    else fromBcd(aSe, aHi, aLo);
  }
  const value = join(f80.se, f80.hi, f80.lo);
  const stored = f80.stored !== 0;
  if (op === 24 || op === 25) {
    const codes = f80.status;
    const eflags = (codes & C3 ? 0x40 : 0) | (codes & C2 ? 4 : 0) | (codes & C0 ? 1 : 0);
    const kept = stored ? eflags : o.eflags & EFLAGS_IN_HARNESS;
    return describe([a], (codes & FLAGS) | (kept << 16));
  }
  if (result === 'none') return describe([a, b], f80.status);
  if (result === 'memory') {
    const bits = BigInt(storeBytes(op) * 8);
    const mask = (1n << bits) - 1n;
    const memory = stored ? (UNTOUCHED & ~mask) | (value & mask) : UNTOUCHED;
    return describe([memory], f80.status);
  }
  if (!stored) return describe([a, b], f80.status);
  if (result === 'push') return describe([value, a], f80.status);
  if (result === 'two') return describe([value, join(f80.se2, f80.hi2, f80.lo2)], f80.status);
  return describe([value, b], f80.status);
}
