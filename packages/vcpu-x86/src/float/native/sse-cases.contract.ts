// What each SSE operation of the harness should produce, by our own arithmetic, comparable with the host's outcome.
import * as a32 from '../sse-arithmetic32.js';
import * as a64 from '../sse-arithmetic64.js';
import * as compare from '../sse-compare.js';
import * as convert from '../sse-convert.js';
import { masks, sse } from '../sse-format.js';
import { reciprocal32, reciprocalSqrt32 } from '../sse-reciprocal.js';
import type { NativeCase, NativeOutcome } from './harness.contract.js';
import { binary, pattern, type Random } from './operands.contract.js';

/** Harness operations: 1xx float64, 2xx float32, the same last digits for the same operation. */
export const EXACT_SSE: readonly number[] = [
  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 200,
  201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216, 217,
];

const IMMEDIATES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15];

export function sseCase(random: Random, op: number): NativeCase {
  const wide = op < 200;
  const operand = (): bigint => (wide ? binary(random, 11, 52) : binary(random, 8, 23));
  const a = operand();
  let b = operand();
  if (op % 100 >= 16)
    b = pattern(random, 64) & (op % 2 === 0 ? 0xffffffffn : ~0n & ((1n << 64n) - 1n));
  const exceptionMasks = random.below(3) !== 0 ? 0x3f : random.below(64);
  // Old flags only where they trap nobody: an already set unmasked flag does not signal by itself.
  const oldFlags = random.below(2) === 0 ? 0x20 : 0;
  const mxcsr =
    (random.below(4) << 13) |
    (exceptionMasks << 7) |
    (random.below(3) === 0 ? 0x8000 : 0) |
    (random.below(3) === 0 ? 0x40 : 0) |
    (random.below(4) === 0 ? oldFlags : 0);
  const imm = IMMEDIATES[random.below(op % 100 === 10 ? IMMEDIATES.length : 8)];
  return { op, cw: 0x37f, mxcsr, a, b, imm };
}

type Shape = 'f64' | 'f32' | 'i32' | 'i64' | 'eflags';

function shapeOf(op: number): Shape {
  const digits = op % 100;
  if (digits === 8 || digits === 9) return 'eflags';
  if (digits === 12 || digits === 14) return 'i32';
  if (digits === 13 || digits === 15) return 'i64';
  return op < 200 !== (digits === 11) ? 'f64' : 'f32';
}

function text(shape: Shape, value: bigint, mxcsr: number, signalled: boolean): string {
  const bits = shape === 'f64' || shape === 'i64' ? 64n : 32n;
  const kept = signalled ? '(kept)' : (value & ((1n << bits) - 1n)).toString(16);
  return `${shape} ${kept} mxcsr ${mxcsr.toString(16)}${signalled ? ' #XM' : ''}`;
}

export function nativeSse(c: NativeCase, o: NativeOutcome): string {
  const shape = shapeOf(c.op);
  let value = o.mem & 0xffffffffffffffffn;
  if (shape === 'i32' || shape === 'i64') value = o.st0;
  if (shape === 'eflags') value = BigInt(o.eflags & 0x45);
  return text(shape, value, o.mxcsr, o.signalled);
}

function run(c: NativeCase): void {
  const { mxcsr, imm } = c;
  const aLo = Number(c.a & 0xffffffffn) | 0;
  const aHi = Number((c.a >> 32n) & 0xffffffffn) | 0;
  const bLo = Number(c.b & 0xffffffffn) | 0;
  const bHi = Number((c.b >> 32n) & 0xffffffffn) | 0;
  switch (c.op) {
    case 100:
      return a64.add64(mxcsr, aHi, aLo, bHi, bLo);
    case 101:
      return a64.subtract64(mxcsr, aHi, aLo, bHi, bLo);
    case 102:
      return a64.multiply64(mxcsr, aHi, aLo, bHi, bLo);
    case 103:
      return a64.divide64(mxcsr, aHi, aLo, bHi, bLo);
    case 104:
      return a64.sqrt64(mxcsr, bHi, bLo);
    case 105:
      return compare.min64(mxcsr, aHi, aLo, bHi, bLo);
    case 106:
      return compare.max64(mxcsr, aHi, aLo, bHi, bLo);
    case 107:
      return compare.compare64(mxcsr, imm & 7, aHi, aLo, bHi, bLo);
    case 108:
    case 109:
      return compare.compareToEflags64(mxcsr, c.op === 108 ? 1 : 0, aHi, aLo, bHi, bLo);
    case 110:
      return convert.round64(mxcsr, imm, bHi, bLo);
    case 111:
      return convert.float64ToFloat32(mxcsr, bHi, bLo);
    case 112:
    case 113:
    case 114:
    case 115:
      return convert.float64ToInt(mxcsr, c.op & 1 ? 64 : 32, c.op >= 114 ? 1 : 0, bHi, bLo);
    case 116:
      return convert.int32ToFloat64(bLo);
    case 117:
      return convert.int64ToFloat64(mxcsr, bHi, bLo);
    case 200:
      return a32.add32(mxcsr, aLo, bLo);
    case 201:
      return a32.subtract32(mxcsr, aLo, bLo);
    case 202:
      return a32.multiply32(mxcsr, aLo, bLo);
    case 203:
      return a32.divide32(mxcsr, aLo, bLo);
    case 204:
      return a32.sqrt32(mxcsr, bLo);
    case 205:
      return compare.min32(mxcsr, aLo, bLo);
    case 206:
      return compare.max32(mxcsr, aLo, bLo);
    case 207:
      return compare.compare32(mxcsr, imm & 7, aLo, bLo);
    case 208:
    case 209:
      return compare.compareToEflags32(mxcsr, c.op === 208 ? 1 : 0, aLo, bLo);
    case 210:
      return convert.round32(mxcsr, imm, bLo);
    case 211:
      return convert.float32ToFloat64(mxcsr, bLo);
    case 212:
    case 213:
    case 214:
    case 215:
      return convert.float32ToInt(mxcsr, c.op & 1 ? 64 : 32, c.op >= 214 ? 1 : 0, bLo);
    case 216:
      return convert.int32ToFloat32(mxcsr, bLo);
    default:
      return convert.int64ToFloat32(mxcsr, bHi, bLo);
  }
}

export function ourSse(c: NativeCase): string {
  run(c);
  const signalled = (sse.flags & ~masks(c.mxcsr)) !== 0;
  const value = (BigInt(sse.hi >>> 0) << 32n) | BigInt(sse.lo >>> 0);
  return text(shapeOf(c.op), value, c.mxcsr | sse.flags, signalled);
}

/** RCPSS and RSQRTSS of the harness. */
export const APPROXIMATE_SSE: readonly number[] = [220, 221];

/** Difference from the host relative to the result, in units of 2^-12; 0 for equal bits, Infinity for a wrong special. */
export function approximationApart(c: NativeCase, o: NativeOutcome): number {
  const operand = Number(c.b & 0xffffffffn) | 0;
  if (c.op === 220) reciprocal32(operand);
  else reciprocalSqrt32(operand);
  const host = Number(o.mem & 0xffffffffn) | 0;
  if (o.mxcsr !== c.mxcsr) return Infinity;
  if (host === sse.lo) return 0;
  const value = new Float32Array(Int32Array.of(host, sse.lo).buffer);
  // Around the smallest normal number either may flush to zero.
  if (Math.max(Math.abs(value[0]), Math.abs(value[1])) < 1.2e-38) return 0;
  const apart = Math.abs(value[0] / value[1] - 1) * 4096;
  return Number.isFinite(apart) ? apart : Infinity;
}
