// @hot
// float32 and float64 to and from float80: FLD/FST m32fp, m64fp, and memory operands of arithmetic. SDM Vol. 1 §8.3.3.
import { setExact } from './exact.js';
import {
  begin,
  C1,
  DE,
  f80,
  IE,
  INDEFINITE_HI,
  INDEFINITE_SE,
  isInfinity,
  isNaN80,
  isUnsupported,
  normA,
  normalise,
  OE,
  PE,
  setResult,
  UE,
} from './float80-format.js';
import { narrowed, narrowTo32, narrowTo64 } from './narrow.js';

/** A memory operand widened to float80 without any exception: signalling NaNs stay signalling. */
export interface WidenedOperand {
  se: number;
  hi: number;
  lo: number;
  /** 1: it was a denormal in its own format, which float80 cannot show. */
  denormal: number;
}

export const widened: WidenedOperand = { se: 0, hi: 0, lo: 0, denormal: 0 };

export function widenFloat32(bits: number): void {
  const sign = (bits >>> 16) & 0x8000;
  const exp = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  widened.denormal = 0;
  widened.lo = 0;
  if (exp === 0) {
    if (fraction === 0) {
      widened.se = sign;
      widened.hi = 0;
      return;
    }
    normalise(normA, 16383 - 126, fraction << 8, 0);
    widened.se = sign | normA.exp;
    widened.hi = normA.hi;
    widened.denormal = 1;
    return;
  }
  widened.se = sign | (exp === 0xff ? 0x7fff : exp + 16256);
  widened.hi = 0x80000000 | (fraction << 8);
}

export function widenFloat64(hi: number, lo: number): void {
  const sign = (hi >>> 16) & 0x8000;
  const exp = (hi >>> 20) & 0x7ff;
  const fractionHi = ((hi & 0xfffff) << 11) | (lo >>> 21);
  const fractionLo = lo << 11;
  widened.denormal = 0;
  if (exp === 0) {
    widened.se = sign;
    widened.hi = 0;
    widened.lo = 0;
    if ((fractionHi | fractionLo) === 0) return;
    normalise(normA, 16383 - 1022, fractionHi, fractionLo);
    widened.se = sign | normA.exp;
    widened.hi = normA.hi;
    widened.lo = normA.lo;
    widened.denormal = 1;
    return;
  }
  widened.se = sign | (exp === 0x7ff ? 0x7fff : exp + 15360);
  widened.hi = 0x80000000 | fractionHi;
  widened.lo = fractionLo;
}

function loadWidened(cw: number): void {
  begin();
  setResult(widened.se, widened.hi, widened.lo);
  // Alone among operations FLD delivers a denormal even when #D is unmasked (seen on hardware).
  if (widened.denormal !== 0) f80.status = DE;
  else if (isNaN80(f80.se, f80.hi, f80.lo) && (f80.hi & 0x40000000) === 0) {
    f80.hi |= 0x40000000;
    f80.status = IE;
    if ((cw & IE) === 0) f80.stored = 0;
  }
}

/** FLD m32fp. Signals denormal and signalling NaN. */
export function fromFloat32(cw: number, bits: number): void {
  widenFloat32(bits);
  loadWidened(cw);
}

/** FLD m64fp. */
export function fromFloat64(cw: number, hi: number, lo: number): void {
  widenFloat64(hi, lo);
  loadWidened(cw);
}

function finishNarrow(cw: number): void {
  f80.hi = narrowed.hi;
  f80.lo = narrowed.lo;
  f80.status = narrowed.flags;
  // An unmasked overflow or underflow leaves memory alone and reports nothing about precision.
  if ((narrowed.flags & ~cw & (OE | UE)) !== 0) {
    f80.status &= ~PE;
    f80.stored = 0;
    return;
  }
  if ((narrowed.flags & PE) !== 0 && narrowed.increased !== 0) f80.status |= C1;
}

/** FST m32fp: float32 bits in f80.lo. */
export function toFloat32(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  const sign = (se & 0x8000) << 16;
  if ((se & 0x7fff) === 0x7fff || isUnsupported(se, hi)) {
    if (isInfinity(se, hi, lo)) f80.lo = sign | 0x7f800000;
    else {
      nonNumber(cw, se, hi);
      f80.lo = ((f80.se & 0x8000) << 16) | 0x7f800000 | ((f80.hi >>> 8) & 0x7fffff);
    }
    return;
  }
  if ((hi | lo) === 0) {
    f80.lo = sign;
    return;
  }
  normalise(normA, se, hi, lo);
  setExact(sign >>> 31, normA.exp, normA.hi, normA.lo, 0);
  narrowTo32((cw >> 10) & 3, cw, 0);
  finishNarrow(cw);
}

/** FST m64fp: float64 bits in f80.hi:f80.lo. */
export function toFloat64(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  const sign = (se & 0x8000) << 16;
  if ((se & 0x7fff) === 0x7fff || isUnsupported(se, hi)) {
    if (isInfinity(se, hi, lo)) {
      f80.hi = sign | 0x7ff00000;
      f80.lo = 0;
    } else {
      const kept = nonNumber(cw, se, hi) ? lo : 0;
      const significand = f80.hi;
      f80.hi = ((f80.se & 0x8000) << 16) | 0x7ff00000 | ((significand >>> 11) & 0xfffff);
      f80.lo = (significand << 21) | (kept >>> 11);
    }
    return;
  }
  if ((hi | lo) === 0) {
    f80.hi = sign;
    f80.lo = 0;
    return;
  }
  normalise(normA, se, hi, lo);
  setExact(sign >>> 31, normA.exp, normA.hi, normA.lo, 0);
  narrowTo64((cw >> 10) & 3, cw, 0);
  finishNarrow(cw);
}

/** NaN or unsupported: sign in f80.se, quieted significand in f80.hi; true when it is a NaN whose payload is kept. */
function nonNumber(cw: number, se: number, hi: number): boolean {
  const unsupported = isUnsupported(se, hi);
  if (unsupported || (hi & 0x40000000) === 0) {
    f80.status = IE;
    if ((cw & IE) === 0) f80.stored = 0;
  }
  f80.se = unsupported ? INDEFINITE_SE : se;
  f80.hi = unsupported ? INDEFINITE_HI : hi | 0x40000000;
  return !unsupported;
}
