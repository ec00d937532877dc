// @hot
// ADDSD, SUBSD, MULSD, DIVSD, SQRTSD on raw bits, exact in results and flags: the fast path of sse-number64.ts, else exact
// significand arithmetic. Result in sse.hi:lo, exceptions in sse.flags.
import { exact, exactAdd, exactDivide, exactMultiply } from './exact.js';
import { exactSqrt } from './exact-sqrt.js';
import { normA, normB, RC_DOWN, ZE } from './float80-format.js';
import { narrowed, narrowTo64 } from './narrow.js';
import {
  FTZ,
  masks,
  NEEDS_EXACT,
  rounding,
  scratch64,
  scratchBits,
  set64,
  sse,
} from './sse-format.js';
import { addNumber64, divideNumber64, multiplyNumber64, sqrtNumber64 } from './sse-number64.js';
import {
  denormal64,
  denormalStops,
  invalid64,
  isZero64,
  propagateNaN64,
  unpack64,
} from './sse-operands.js';

const INFINITY_HI = 0x7ff00000;

function toNumber(hi: number, lo: number): number {
  scratchBits[0] = lo;
  scratchBits[1] = hi;
  return scratch64[0];
}

function fromNumber(value: number): void {
  scratch64[0] = value;
  sse.lo = scratchBits[0];
  sse.hi = scratchBits[1];
}

function isInfinite(hi: number, lo: number): boolean {
  return (hi & 0x7fffffff) === INFINITY_HI && (lo | 0) === 0;
}

/** Rounds `exact` into the result, adding to the flags already there. */
export function finish64(mxcsr: number): void {
  narrowTo64(rounding(mxcsr), masks(mxcsr), mxcsr & FTZ);
  set64(narrowed.hi, narrowed.lo);
  sse.flags |= narrowed.flags;
}

export function add64(mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void {
  const value = addNumber64(mxcsr, toNumber(aHi, aLo), toNumber(bHi, bLo));
  if (sse.flags !== NEEDS_EXACT) fromNumber(value);
  else addExact(mxcsr, aHi, aLo, bHi, bLo, 0);
}

export function subtract64(
  mxcsr: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  const value = addNumber64(mxcsr, toNumber(aHi, aLo), -toNumber(bHi, bLo));
  if (sse.flags !== NEEDS_EXACT) fromNumber(value);
  else addExact(mxcsr, aHi, aLo, bHi, bLo, 1);
}

function addExact(
  mxcsr: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
  negate: number,
): void {
  if (propagateNaN64(aHi, aLo, bHi, bLo)) return;
  const signA = aHi >>> 31;
  const signB = (bHi >>> 31) ^ negate;
  const aInfinite = isInfinite(aHi, aLo);
  const bInfinite = isInfinite(bHi, bLo);
  if (aInfinite && bInfinite && signA !== signB) {
    invalid64();
    return;
  }
  if (denormalStops(mxcsr, denormal64(mxcsr, aHi, aLo) | denormal64(mxcsr, bHi, bLo))) return;
  if (aInfinite || bInfinite) {
    set64(((aInfinite ? signA : signB) << 31) | INFINITY_HI, 0);
    return;
  }
  const aZero = isZero64(mxcsr, aHi, aLo);
  const bZero = isZero64(mxcsr, bHi, bLo);
  if (aZero && bZero) {
    const sign = signA === signB ? signA : rounding(mxcsr) === RC_DOWN ? 1 : 0;
    set64(sign << 31, 0);
    return;
  }
  if (!aZero) unpack64(normA, aHi, aLo);
  if (!bZero) unpack64(normB, bHi, bLo);
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
      set64(rounding(mxcsr) === RC_DOWN ? 0x80000000 : 0, 0);
      return;
    }
  }
  finish64(mxcsr);
}

export function multiply64(
  mxcsr: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  const value = multiplyNumber64(mxcsr, toNumber(aHi, aLo), toNumber(bHi, bLo));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN64(aHi, aLo, bHi, bLo)) return;
  const sign = (aHi ^ bHi) >>> 31;
  const zero = isZero64(mxcsr, aHi, aLo) || isZero64(mxcsr, bHi, bLo);
  const infinite = isInfinite(aHi, aLo) || isInfinite(bHi, bLo);
  if (zero && infinite) {
    invalid64();
    return;
  }
  if (denormalStops(mxcsr, denormal64(mxcsr, aHi, aLo) | denormal64(mxcsr, bHi, bLo))) return;
  if (zero || infinite) {
    set64((sign << 31) | (infinite ? INFINITY_HI : 0), 0);
    return;
  }
  unpack64(normA, aHi, aLo);
  unpack64(normB, bHi, bLo);
  exactMultiply(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  finish64(mxcsr);
}

export function divide64(mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void {
  const value = divideNumber64(mxcsr, toNumber(aHi, aLo), toNumber(bHi, bLo));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN64(aHi, aLo, bHi, bLo)) return;
  const sign = (aHi ^ bHi) >>> 31;
  const aZero = isZero64(mxcsr, aHi, aLo);
  const bZero = isZero64(mxcsr, bHi, bLo);
  const aInfinite = isInfinite(aHi, aLo);
  const bInfinite = isInfinite(bHi, bLo);
  if ((aZero && bZero) || (aInfinite && bInfinite)) {
    invalid64();
    return;
  }
  if (bZero && !aInfinite) {
    sse.flags = ZE;
    set64((sign << 31) | INFINITY_HI, 0);
    return;
  }
  if (denormalStops(mxcsr, denormal64(mxcsr, aHi, aLo) | denormal64(mxcsr, bHi, bLo))) return;
  if (aInfinite || aZero || bInfinite) {
    set64((sign << 31) | (aInfinite ? INFINITY_HI : 0), 0);
    return;
  }
  unpack64(normA, aHi, aLo);
  unpack64(normB, bHi, bLo);
  exactDivide(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  finish64(mxcsr);
}

export function sqrt64(mxcsr: number, hi: number, lo: number): void {
  const value = sqrtNumber64(mxcsr, toNumber(hi, lo));
  if (sse.flags !== NEEDS_EXACT) {
    fromNumber(value);
    return;
  }
  if (propagateNaN64(hi, lo, hi, lo)) return;
  sse.flags = 0;
  if (isZero64(mxcsr, hi, lo)) {
    set64(hi & 0x80000000, 0);
    return;
  }
  if ((hi | 0) < 0) {
    invalid64();
    return;
  }
  if (isInfinite(hi, lo)) {
    set64(hi, lo);
    return;
  }
  if (denormalStops(mxcsr, denormal64(mxcsr, hi, lo))) return;
  unpack64(normA, hi, lo);
  exactSqrt(normA.exp, normA.hi, normA.lo);
  finish64(mxcsr);
}
