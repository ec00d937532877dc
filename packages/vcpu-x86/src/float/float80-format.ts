// @hot
// The x87 double extended format and the result record every float80 operation writes. SDM Vol. 1 §4.2.2, §8.1.3, §8.1.5.
// A value travels as three int32s: `se` (sign in bit 15, biased exponent in bits 14..0), `hi` and `lo` (the 64-bit
// significand with its explicit integer bit in bit 31 of `hi`). Inputs may be signed or unsigned; results are signed int32.

/** Exception flags; the same bit numbers in the x87 status word, the control word's masks and MXCSR. */
export const IE = 0x01;
export const DE = 0x02;
export const ZE = 0x04;
export const OE = 0x08;
export const UE = 0x10;
export const PE = 0x20;

/** Condition code bits of the x87 status word. C1 says "rounded up" after an inexact result. */
export const C0 = 0x0100;
export const C1 = 0x0200;
export const C2 = 0x0400;
export const C3 = 0x4000;

/** Rounding control, as in control word bits 11..10 and MXCSR bits 14..13. */
export const RC_NEAREST = 0;
export const RC_DOWN = 1;
export const RC_UP = 2;
export const RC_ZERO = 3;

export interface Float80Result {
  /** The result; `hi`:`lo` also carry integer, float64 and packed-BCD results (see each operation). */
  se: number;
  hi: number;
  lo: number;
  /** Second result of FSINCOS, FPTAN and FXTRACT. */
  se2: number;
  hi2: number;
  lo2: number;
  /** What the operation adds to the status word: exception flags and the condition codes it defines. */
  status: number;
  /** 1: write the destination. 0: an unmasked exception (or C2 of a range failure) leaves it untouched. */
  stored: number;
}

/** The one result record. Read it before the next float80 call. */
export const f80: Float80Result = {
  se: 0,
  hi: 0,
  lo: 0,
  se2: 0,
  hi2: 0,
  lo2: 0,
  status: 0,
  stored: 1,
};

/** Real indefinite: the masked response to an invalid operation. */
export const INDEFINITE_SE = 0xffff;
export const INDEFINITE_HI: number = 0xc0000000 | 0;

export function setResult(se: number, hi: number, lo: number): void {
  f80.se = se;
  f80.hi = hi | 0;
  f80.lo = lo | 0;
}

/** Starts an operation: nothing signalled, destination to be written. */
export function begin(): void {
  f80.status = 0;
  f80.stored = 1;
}

/** Invalid operation: real indefinite when masked, destination kept when not. */
export function invalid(cw: number): void {
  f80.status = (f80.status & ~DE) | IE;
  setResult(INDEFINITE_SE, INDEFINITE_HI, 0);
  if ((cw & IE) === 0) f80.stored = 0;
}

/** Denormal operand; returns 1 when the exception is unmasked and the operation must stop. */
export function signalDenormal(cw: number): number {
  f80.status |= DE;
  if ((cw & DE) !== 0) return 0;
  f80.stored = 0;
  return 1;
}

/** Unnormal, pseudo-NaN or pseudo-infinity: exponent set but integer bit clear. SDM Vol. 1 §8.2.2. */
export function isUnsupported(se: number, hi: number): boolean {
  return (se & 0x7fff) !== 0 && (hi | 0) >= 0;
}

/** NaN of either kind (pseudo-NaNs are unsupported, not NaN). */
export function isNaN80(se: number, hi: number, lo: number): boolean {
  return (se & 0x7fff) === 0x7fff && (hi | 0) < 0 && ((hi << 1) | lo) !== 0;
}

export function isSignalling(se: number, hi: number, lo: number): boolean {
  return isNaN80(se, hi, lo) && (hi & 0x40000000) === 0;
}

export function isInfinity(se: number, hi: number, lo: number): boolean {
  return (se & 0x7fff) === 0x7fff && (hi | 0) === (0x80000000 | 0) && (lo | 0) === 0;
}

export function isZero(se: number, hi: number, lo: number): boolean {
  return (se & 0x7fff) === 0 && (hi | lo) === 0;
}

/** Denormal or pseudo-denormal: both signal #D. */
export function isDenormal(se: number, hi: number, lo: number): boolean {
  return (se & 0x7fff) === 0 && (hi | lo) !== 0;
}

/** A normalised operand: exponent may be below 1 when it came from a denormal. */
export interface Normalised {
  exp: number;
  hi: number;
  lo: number;
}

export const normA: Normalised = { exp: 0, hi: 0, lo: 0 };
export const normB: Normalised = { exp: 0, hi: 0, lo: 0 };

/** Brings the integer bit of a non-zero significand to the top; `exp` is the biased exponent with 0 read as 1. */
export function normalise(into: Normalised, se: number, hi: number, lo: number): void {
  let exp = se & 0x7fff;
  if (exp === 0) exp = 1;
  if (hi === 0) {
    hi = lo;
    lo = 0;
    exp -= 32;
  }
  const shift = Math.clz32(hi);
  if (shift !== 0) {
    hi = (hi << shift) | (lo >>> (32 - shift));
    lo <<= shift;
    exp -= shift;
  }
  into.exp = exp;
  into.hi = hi | 0;
  into.lo = lo | 0;
}
