// @hot
// Operands of the exact SSE path: unpacking with DAZ, NaN propagation (SDM Vol. 1 table 4-7), masked invalid responses.
import { DE, IE, type Normalised, normalise } from './float80-format.js';
import {
  DAZ,
  INDEFINITE32,
  INDEFINITE64_HI,
  isDenormal32,
  isDenormal64,
  isNaN32,
  isNaN64,
  isSignalling32,
  isSignalling64,
  masks,
  set64,
  sse,
} from './sse-format.js';

/** 1 when an operand is a denormal that DAZ does not hide. */
export function denormal64(mxcsr: number, hi: number, lo: number): number {
  return (mxcsr & DAZ) === 0 && isDenormal64(hi, lo) ? 1 : 0;
}

export function denormal32(mxcsr: number, bits: number): number {
  return (mxcsr & DAZ) === 0 && isDenormal32(bits) ? 1 : 0;
}

/** Zero, or a denormal under DAZ. */
export function isZero64(mxcsr: number, hi: number, lo: number): boolean {
  if ((hi & 0x7ff00000) !== 0) return false;
  return ((hi & 0xfffff) | lo) === 0 || (mxcsr & DAZ) !== 0;
}

export function isZero32(mxcsr: number, bits: number): boolean {
  if ((bits & 0x7f800000) !== 0) return false;
  return (bits & 0x7fffff) === 0 || (mxcsr & DAZ) !== 0;
}

/** A finite non-zero float64 as normalised 64-bit significand, exponent of bias 16383. */
export function unpack64(into: Normalised, hi: number, lo: number): void {
  const exp = (hi >>> 20) & 0x7ff;
  const significandHi = ((hi & 0xfffff) << 11) | (lo >>> 21);
  if (exp !== 0) {
    into.exp = exp + 15360;
    into.hi = significandHi | 0x80000000;
    into.lo = lo << 11;
  } else normalise(into, 15361, significandHi, lo << 11);
}

export function unpack32(into: Normalised, bits: number): void {
  const exp = (bits >>> 23) & 0xff;
  if (exp !== 0) {
    into.exp = exp + 16256;
    into.hi = (bits << 8) | 0x80000000;
    into.lo = 0;
  } else normalise(into, 16257, (bits & 0x7fffff) << 8, 0);
}

export function invalid64(): void {
  sse.flags = IE;
  set64(INDEFINITE64_HI, 0);
}

export function invalid32(): void {
  sse.flags = IE;
  sse.lo = INDEFINITE32;
}

/** Answers when an operand is a NaN: the first operand's NaN if it is one, else the second's, made quiet. */
export function propagateNaN64(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  const aNaN = isNaN64(aHi, aLo);
  if (!aNaN && !isNaN64(bHi, bLo)) return false;
  sse.flags = isSignalling64(aHi, aLo) || isSignalling64(bHi, bLo) ? IE : 0;
  if (aNaN) set64(aHi | 0x80000, aLo);
  else set64(bHi | 0x80000, bLo);
  return true;
}

export function propagateNaN32(a: number, b: number): boolean {
  const aNaN = isNaN32(a);
  if (!aNaN && !isNaN32(b)) return false;
  sse.flags = isSignalling32(a) || isSignalling32(b) ? IE : 0;
  sse.lo = (aNaN ? a : b) | 0x400000;
  return true;
}

/** Starts the flags of an operation on numbers; true when an unmasked #D ends it. */
export function denormalStops(mxcsr: number, denormal: number): boolean {
  sse.flags = denormal !== 0 ? DE : 0;
  return denormal !== 0 && (masks(mxcsr) & DE) === 0;
}
