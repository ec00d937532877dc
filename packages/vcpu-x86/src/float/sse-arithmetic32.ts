// @hot
// ADDSS, SUBSS, MULSS, DIVSS, SQRTSS on raw bits, exact in results and flags: the fast path of sse-number32.ts, else exact
// significand arithmetic. Result in sse.lo, exceptions in sse.flags.
import { exact, exactAdd, exactDivide, exactMultiply } from './exact.js';
import { exactSqrt } from './exact-sqrt.js';
import { normA, normB, RC_DOWN, ZE } from './float80-format.js';
import { narrowed, narrowTo32 } from './narrow.js';
import { FTZ, masks, NEEDS_EXACT, rounding, scratch32, scratchBits, sse } from './sse-format.js';
import { addNumber32, divideNumber32, multiplyNumber32, sqrtNumber32 } from './sse-number32.js';
import {
  denormal32,
  denormalStops,
  invalid32,
  isZero32,
  propagateNaN32,
  unpack32,
} from './sse-operands.js';

const INFINITY_BITS = 0x7f800000;

function toNumber(bits: number): number {
  scratchBits[0] = bits;
  return scratch32[0];
}

function fromNumber(value: number): void {
  scratch32[0] = value;
  sse.lo = scratchBits[0];
}

function isInfinite(bits: number): boolean {
  return (bits & 0x7fffffff) === INFINITY_BITS;
}

/** Rounds `exact` into the result, adding to the flags already there. */
export function finish32(mxcsr: number): void {
  narrowTo32(rounding(mxcsr), masks(mxcsr), mxcsr & FTZ);
  sse.lo = narrowed.lo;
  sse.flags |= narrowed.flags;
}

export function add32(mxcsr: number, a: number, b: number): void {
  const value = addNumber32(mxcsr, toNumber(a), toNumber(b));
  if (sse.flags !== NEEDS_EXACT) fromNumber(value);
  else addExact(mxcsr, a, b, 0);
}

export function subtract32(mxcsr: number, a: number, b: number): void {
  const value = addNumber32(mxcsr, toNumber(a), -toNumber(b));
  if (sse.flags !== NEEDS_EXACT) fromNumber(value);
  else addExact(mxcsr, a, b, 1);
}

function addExact(mxcsr: number, a: number, b: number, negate: number): void {
  if (propagateNaN32(a, b)) return;
  const signA = a >>> 31;
  const signB = (b >>> 31) ^ negate;
  const aInfinite = isInfinite(a);
  const bInfinite = isInfinite(b);
  if (aInfinite && bInfinite && signA !== signB) {
    invalid32();
    return;
  }
  if (denormalStops(mxcsr, denormal32(mxcsr, a) | denormal32(mxcsr, b))) return;
  if (aInfinite || bInfinite) {
    sse.lo = ((aInfinite ? signA : signB) << 31) | INFINITY_BITS;
    return;
  }
  const aZero = isZero32(mxcsr, a);
  const bZero = isZero32(mxcsr, b);
  if (aZero && bZero) {
    const sign = signA === signB ? signA : rounding(mxcsr) === RC_DOWN ? 1 : 0;
    sse.lo = sign << 31;
    return;
  }
  if (!aZero) unpack32(normA, a);
  if (!bZero) unpack32(normB, b);
  if (aZero || bZero) {
    const only = aZero ? normB : normA;
    exact.sign = aZero ? signB : signA;
    exact.exp = only.exp;
    exact.hi = only.hi;
    exact.lo = only.lo;
    exact.ext = 0;
  } else {
    exactAdd(signA, normA.exp, normA.hi, normA.lo, signB, normB.exp, normB.hi, normB.lo);
    if (exact.hi === 0) {
      sse.lo = rounding(mxcsr) === RC_DOWN ? 0x80000000 | 0 : 0;
      return;
    }
  }
  finish32(mxcsr);
}

export function multiply32(mxcsr: number, a: number, b: number): void {
  const value = multiplyNumber32(mxcsr, toNumber(a), toNumber(b));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN32(a, b)) return;
  const sign = (a ^ b) >>> 31;
  const zero = isZero32(mxcsr, a) || isZero32(mxcsr, b);
  const infinite = isInfinite(a) || isInfinite(b);
  if (zero && infinite) {
    invalid32();
    return;
  }
  if (denormalStops(mxcsr, denormal32(mxcsr, a) | denormal32(mxcsr, b))) return;
  if (zero || infinite) {
    sse.lo = (sign << 31) | (infinite ? INFINITY_BITS : 0);
    return;
  }
  unpack32(normA, a);
  unpack32(normB, b);
  exactMultiply(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  finish32(mxcsr);
}

export function divide32(mxcsr: number, a: number, b: number): void {
  const value = divideNumber32(mxcsr, toNumber(a), toNumber(b));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN32(a, b)) return;
  const sign = (a ^ b) >>> 31;
  const aZero = isZero32(mxcsr, a);
  const bZero = isZero32(mxcsr, b);
  const aInfinite = isInfinite(a);
  const bInfinite = isInfinite(b);
  if ((aZero && bZero) || (aInfinite && bInfinite)) {
    invalid32();
    return;
  }
  if (bZero && !aInfinite) {
    sse.flags = ZE;
    sse.lo = (sign << 31) | INFINITY_BITS;
    return;
  }
  if (denormalStops(mxcsr, denormal32(mxcsr, a) | denormal32(mxcsr, b))) return;
  if (aInfinite || aZero || bInfinite) {
    sse.lo = (sign << 31) | (aInfinite ? INFINITY_BITS : 0);
    return;
  }
  unpack32(normA, a);
  unpack32(normB, b);
  exactDivide(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  finish32(mxcsr);
}

export function sqrt32(mxcsr: number, bits: number): void {
  const value = sqrtNumber32(mxcsr, toNumber(bits));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN32(bits, bits)) return;
  sse.flags = 0;
  if (isZero32(mxcsr, bits)) {
    sse.lo = bits & 0x80000000;
    return;
  }
  if ((bits | 0) < 0) {
    invalid32();
    return;
  }
  if (isInfinite(bits)) {
    sse.lo = bits;
    return;
  }
  if (denormalStops(mxcsr, denormal32(mxcsr, bits))) return;
  unpack32(normA, bits);
  exactSqrt(normA.exp, normA.hi, normA.lo);
  finish32(mxcsr);
}
