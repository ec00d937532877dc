// The x87 transcendentals beside the host's: flags and C2 must agree, results may differ in the last place, since ours are
// correctly rounded and no CPU promises that (Intel and AMD: error below one unit in the last place).
import { arctangent80 } from '../float80-arctangent.js';
import { exponential80 } from '../float80-exponential.js';
import { C2, f80 } from '../float80-format.js';
import { logarithm80, logarithmPlusOne80 } from '../float80-logarithm.js';
import { cosine80, sine80, sineCosine80, tangent80 } from '../float80-trigonometry.js';
import type { NativeCase, NativeOutcome } from './harness.contract.js';
import { float80, float80Pair, type Random } from './operands.contract.js';

/** Those of the next that another way to compute them checks too. */
export const LOGARITHMS = { FYL2X: 22, FYL2XP1: 23 } as const;

/** FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1 by their harness numbers. */
export const TRANSCENDENTAL: Readonly<Record<string, number>> = {
  FSIN: 16,
  FCOS: 17,
  FSINCOS: 18,
  FPTAN: 19,
  FPATAN: 20,
  F2XM1: 21,
  ...LOGARITHMS,
};

/** `edges`: any operands, masks and rounding; else ordinary operands, nearest, all masked. */
export function transcendentalCase(random: Random, op: number, edges: boolean): NativeCase {
  let [a, b] = float80Pair(random);
  let cw = 0x37f;
  if (edges) {
    const masks = random.below(3) !== 0 ? 0x3f : random.below(64);
    cw = 0x340 | masks | (random.below(4) << 10);
    if (random.below(3) === 0) b = float80(random, 16383);
  } else {
    const top = op === 21 ? 16382 : op === 23 ? 16380 : op < 20 ? 16383 + 62 : 16383 + 10;
    const spread = op < 20 ? 72 : 20;
    a = ordinary(random, top - random.below(spread), op === 22 ? 0 : random.below(2));
    b = ordinary(random, 16383 + 10 - random.below(20), random.below(2));
  }
  return { op, cw, mxcsr: 0x1f80, a, b, imm: 0 };
}

function ordinary(random: Random, exp: number, sign: number): bigint {
  const significand = float80(random, 16383) & ((1n << 63n) - 1n);
  return (BigInt((sign << 15) | exp) << 64n) | (1n << 63n) | significand;
}

function run({ op, cw, a, b }: NativeCase): void {
  const aSe = Number(a >> 64n);
  const aHi = Number((a >> 32n) & 0xffffffffn) | 0;
  const aLo = Number(a & 0xffffffffn) | 0;
  const bSe = Number(b >> 64n);
  const bHi = Number((b >> 32n) & 0xffffffffn) | 0;
  const bLo = Number(b & 0xffffffffn) | 0;
  if (op === 16) sine80(cw, aSe, aHi, aLo);
  else if (op === 17) cosine80(cw, aSe, aHi, aLo);
  else if (op === 18) sineCosine80(cw, aSe, aHi, aLo);
  else if (op === 19) tangent80(cw, aSe, aHi, aLo);
  else if (op === 20) arctangent80(cw, bSe, bHi, bLo, aSe, aHi, aLo);
  else if (op === 21) exponential80(cw, aSe, aHi, aLo);
  else if (op === 22) logarithm80(cw, bSe, bHi, bLo, aSe, aHi, aLo);
  else logarithmPlusOne80(cw, bSe, bHi, bLo, aSe, aHi, aLo);
}

/** A float80 as an integer that counts units in the last place from zero. */
function place(value: bigint): bigint {
  const exp = (value >> 64n) & 0x7fffn;
  const significand = value & 0xffffffffffffffffn;
  const count = exp === 0n ? significand : ((exp - 1n) << 63n) + significand;
  return value >> 79n === 0n ? count : -count;
}

function distance(x: bigint, y: bigint): number {
  const difference = place(x) - place(y);
  return Number(difference < 0n ? -difference : difference);
}

function join(se: number, hi: number, lo: number): bigint {
  return (BigInt(se & 0xffff) << 64n) | (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Our result of a case with all exceptions masked. */
export function ourResult(c: NativeCase): bigint {
  run(c);
  return join(f80.se, f80.hi, f80.lo);
}

/** Units in the last place between ours and the host's; -1 when the flags differ. */
export function unitsApart(c: NativeCase, o: NativeOutcome): number {
  run(c);
  const compared = 0x3f | (c.op < 20 ? C2 : 0);
  if ((o.sw & compared) !== (f80.status & compared)) return -1;
  const stored = f80.stored !== 0;
  const units = distance(o.st0, stored ? join(f80.se, f80.hi, f80.lo) : c.a);
  if (c.op !== 18 && c.op !== 19) return units;
  const second = stored ? join(f80.se2, f80.hi2, f80.lo2) : c.b;
  return Math.max(units, distance(o.st1, second));
}
