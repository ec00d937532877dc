// @hot
// FILD, FIST(P), FISTTP, FRNDINT: float80 and two's complement integers. SDM Vol. 2 tables 3-27, 3-28.
import {
  begin,
  C1,
  f80,
  IE,
  isDenormal,
  isInfinity,
  isNaN80,
  isUnsupported,
  isZero,
  normA,
  normalise,
  PE,
  RC_ZERO,
  setResult,
  signalDenormal,
} from './float80-format.js';
import { propagateOneNaN } from './float80-nan.js';
import { integral, roundToIntegral } from './integral.js';

/** FILD m64int: always exact. */
export function fromInt64(hi: number, lo: number): void {
  begin();
  hi |= 0;
  lo |= 0;
  if ((hi | lo) === 0) {
    setResult(0, 0, 0);
    return;
  }
  const sign = hi < 0 ? 0x8000 : 0;
  if (sign !== 0) {
    lo = -lo | 0;
    hi = lo === 0 ? -hi | 0 : ~hi;
  }
  normalise(normA, 16383 + 63, hi, lo);
  setResult(sign | normA.exp, normA.hi, normA.lo);
}

/** FILD m16int and m32int, and the memory operand of FIADD and its kin: always exact. */
export function fromInt32(value: number): void {
  value |= 0;
  fromInt64(value >> 31, value);
}

/**
 * FIST/FISTP (truncate = 0) and FISTTP (truncate = 1) to `bits` = 16, 32 or 64: the integer in f80.hi:f80.lo,
 * sign-extended to 64. NaN, infinity, unsupported and out of range are invalid: integer indefinite (most negative).
 */
export function toInt80(
  cw: number,
  bits: number,
  truncate: number,
  se: number,
  hi: number,
  lo: number,
): void {
  hi |= 0;
  lo |= 0;
  begin();
  const exp = se & 0x7fff;
  if (exp >= 16383 + 64 || isUnsupported(se, hi)) {
    integerIndefinite(cw, bits);
    return;
  }
  const sign = (se >> 15) & 1;
  if ((hi | lo) === 0) {
    f80.hi = 0;
    f80.lo = 0;
    return;
  }
  normalise(normA, se, hi, lo);
  const rc = truncate !== 0 ? RC_ZERO : (cw >> 10) & 3;
  roundToIntegral(rc, sign, normA.exp, normA.hi, normA.lo);
  hi = integral.hi;
  lo = integral.lo;
  if (!fits(bits, sign, hi, lo)) {
    integerIndefinite(cw, bits);
    return;
  }
  if (sign !== 0) {
    lo = -lo | 0;
    hi = lo === 0 ? -hi | 0 : ~hi;
  }
  f80.hi = hi;
  f80.lo = lo;
  if (integral.inexact !== 0) f80.status |= integral.increased !== 0 ? PE | C1 : PE;
}

function fits(bits: number, sign: number, hi: number, lo: number): boolean {
  if (bits === 64) return hi >= 0 || (sign !== 0 && hi === (0x80000000 | 0) && lo === 0);
  if (hi !== 0) return false;
  const limit = bits === 32 ? 0x7fffffff : 0x7fff;
  return lo >>> 0 <= limit + sign;
}

function integerIndefinite(cw: number, bits: number): void {
  f80.status = IE;
  if ((cw & IE) === 0) f80.stored = 0;
  f80.hi = bits === 64 ? 0x80000000 | 0 : -1;
  f80.lo = bits === 64 ? 0 : bits === 32 ? 0x80000000 | 0 : -0x8000;
}

/** FRNDINT. Ignores precision control: the result is at most 64 bits long anyway. */
export function roundInteger80(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  if (propagateOneNaN(cw, se, hi, lo)) return;
  if (isInfinity(se, hi, lo) || isZero(se, hi, lo)) {
    setResult(se, hi, lo);
    return;
  }
  if (isDenormal(se, hi, lo) && signalDenormal(cw) !== 0) return;
  if ((se & 0x7fff) >= 16383 + 63) {
    setResult(se, hi, lo);
    return;
  }
  const sign = (se >> 15) & 1;
  normalise(normA, se, hi, lo);
  roundToIntegral((cw >> 10) & 3, sign, normA.exp, normA.hi, normA.lo);
  if (integral.inexact !== 0) f80.status |= integral.increased !== 0 ? PE | C1 : PE;
  if ((integral.hi | integral.lo) === 0) {
    setResult(se & 0x8000, 0, 0);
    return;
  }
  normalise(normA, 16383 + 63, integral.hi, integral.lo);
  setResult((se & 0x8000) | normA.exp, normA.hi, normA.lo);
}

/** Whether FIST-style conversion would be invalid for reasons of format alone (for FBSTP). */
export function isNotANumber(se: number, hi: number, lo: number): boolean {
  return isUnsupported(se, hi) || isNaN80(se, hi, lo) || isInfinity(se, hi, lo);
}
