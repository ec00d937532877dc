// @hot
// CVTSS2SD, CVTSD2SS, CVTSI2Sx, CVT(T)Sx2SI and their packed kin, per element. SDM Vol. 2; Vol. 1 §11.4.1.6.
// Conversions to integers do not signal denormals. Integer results: int32 in sse.lo, int64 in sse.hi:lo.
import { setExact } from './exact.js';
import { IE, normA, normalise, PE, RC_ZERO } from './float80-format.js';
import { integral, roundToIntegral } from './integral.js';
import { finish32 } from './sse-arithmetic32.js';
import { finish64 } from './sse-arithmetic64.js';
import {
  isNaN32,
  isNaN64,
  isSignalling32,
  isSignalling64,
  rounding,
  scratch64,
  scratchBits,
  set64,
  sse,
} from './sse-format.js';
import {
  denormal64,
  denormalStops,
  isZero32,
  isZero64,
  unpack32,
  unpack64,
} from './sse-operands.js';

/** CVTSS2SD: exact; float64 in sse.hi:lo. */
export function float32ToFloat64(mxcsr: number, bits: number): void {
  const sign = bits & 0x80000000;
  const exp = (bits >>> 23) & 0xff;
  sse.flags = 0;
  if (exp === 0xff) {
    if (isSignalling32(bits)) sse.flags = IE;
    const quiet = isNaN32(bits) ? bits | 0x400000 : bits;
    set64(sign | 0x7ff00000 | ((quiet >>> 3) & 0xfffff), quiet << 29);
    return;
  }
  if (isZero32(mxcsr, bits)) {
    set64(sign, 0);
    return;
  }
  if (exp === 0) {
    if (denormalStops(mxcsr, 1)) return;
    unpack32(normA, bits);
    set64(sign | ((normA.exp - 15360) << 20) | ((normA.hi >>> 11) & 0xfffff), normA.hi << 21);
    return;
  }
  set64(sign | ((exp + 896) << 20) | ((bits >>> 3) & 0xfffff), bits << 29);
}

/** CVTSD2SS: float32 in sse.lo. */
export function float64ToFloat32(mxcsr: number, hi: number, lo: number): void {
  const sign = hi & 0x80000000;
  if ((hi & 0x7ff00000) === 0x7ff00000) {
    sse.flags = isSignalling64(hi, lo) ? IE : 0;
    const payload = ((hi & 0xfffff) << 3) | (lo >>> 29);
    sse.lo = sign | 0x7f800000 | (isNaN64(hi, lo) ? payload | 0x400000 : 0);
    return;
  }
  if (denormalStops(mxcsr, denormal64(mxcsr, hi, lo))) return;
  if (isZero64(mxcsr, hi, lo)) {
    sse.lo = sign;
    return;
  }
  unpack64(normA, hi, lo);
  setExact(sign >>> 31, normA.exp, normA.hi, normA.lo, 0);
  finish32(mxcsr);
}

/** CVTSI2SD r32, CVTDQ2PD: always exact. */
export function int32ToFloat64(value: number): void {
  sse.flags = 0;
  scratch64[0] = value | 0;
  sse.lo = scratchBits[0];
  sse.hi = scratchBits[1];
}

/** Loads a non-zero int64 into `exact`; false for zero. */
function loadInt64(hi: number, lo: number): boolean {
  hi |= 0;
  lo |= 0;
  if ((hi | lo) === 0) return false;
  const sign = hi >>> 31;
  if (sign !== 0) {
    lo = -lo | 0;
    hi = lo === 0 ? -hi | 0 : ~hi;
  }
  normalise(normA, 16383 + 63, hi, lo);
  setExact(sign, normA.exp, normA.hi, normA.lo, 0);
  return true;
}

/** CVTSI2SD r64. */
export function int64ToFloat64(mxcsr: number, hi: number, lo: number): void {
  sse.flags = 0;
  if (loadInt64(hi, lo)) finish64(mxcsr);
  else set64(0, 0);
}

/** CVTSI2SS r32, CVTDQ2PS, CVTPI2PS. */
export function int32ToFloat32(mxcsr: number, value: number): void {
  int64ToFloat32(mxcsr, value >> 31, value);
}

/** CVTSI2SS r64. */
export function int64ToFloat32(mxcsr: number, hi: number, lo: number): void {
  sse.flags = 0;
  if (loadInt64(hi, lo)) finish32(mxcsr);
  else sse.lo = 0;
}

function indefinite(bits: number): void {
  sse.flags = IE;
  sse.hi = 0x80000000 | 0;
  sse.lo = bits === 64 ? 0 : 0x80000000 | 0;
}

/** Converts the finite non-zero value in normA. */
function toInteger(mxcsr: number, bits: number, truncate: number, sign: number): void {
  if (normA.exp > 16383 + 64) {
    indefinite(bits);
    return;
  }
  const rc = truncate !== 0 ? RC_ZERO : rounding(mxcsr);
  roundToIntegral(rc, sign, normA.exp, normA.hi, normA.lo);
  let hi = integral.hi;
  let lo = integral.lo;
  let fits = integral.big === 0;
  if (bits === 64) fits = fits && (hi >= 0 || (sign !== 0 && hi === (0x80000000 | 0) && lo === 0));
  else fits = fits && hi === 0 && lo >>> 0 <= 0x7fffffff + sign;
  if (!fits) {
    indefinite(bits);
    return;
  }
  if (sign !== 0) {
    lo = -lo | 0;
    hi = lo === 0 ? -hi | 0 : ~hi;
  }
  sse.flags = integral.inexact !== 0 ? PE : 0;
  sse.hi = hi;
  sse.lo = lo;
}

/** CVTSD2SI (truncate = 0) and CVTTSD2SI (1) to `bits` = 32 or 64. NaN and out of range: integer indefinite. */
export function float64ToInt(
  mxcsr: number,
  bits: number,
  truncate: number,
  hi: number,
  lo: number,
): void {
  if (truncate !== 0 && bits === 32 && (hi & 0x7ff00000) !== 0) {
    scratchBits[0] = lo;
    scratchBits[1] = hi;
    const value = scratch64[0];
    if (value < 2147483648 && value > -2147483649) {
      sse.lo = value | 0;
      sse.flags = sse.lo === value ? 0 : PE;
      return;
    }
  }
  sse.flags = 0;
  if ((hi & 0x7ff00000) === 0x7ff00000) indefinite(bits);
  else if (isZero64(mxcsr, hi, lo)) set64(0, 0);
  else {
    unpack64(normA, hi, lo);
    toInteger(mxcsr, bits, truncate, hi >>> 31);
  }
}

/** CVTSS2SI and CVTTSS2SI. */
export function float32ToInt(mxcsr: number, bits: number, truncate: number, value: number): void {
  sse.flags = 0;
  if ((value & 0x7f800000) === 0x7f800000) indefinite(bits);
  else if (isZero32(mxcsr, value)) set64(0, 0);
  else {
    unpack32(normA, value);
    toInteger(mxcsr, bits, truncate, value >>> 31);
  }
}

/** Rounding control and PE suppression of a ROUNDxx immediate. */
function roundControl(mxcsr: number, imm: number): number {
  return (imm & 4) !== 0 ? rounding(mxcsr) : imm & 3;
}

/** ROUNDSD: float64 in sse.hi:lo. imm bit 3 suppresses PE. Denormals are not signalled. */
export function round64(mxcsr: number, imm: number, hi: number, lo: number): void {
  sse.flags = 0;
  const exp = (hi >>> 20) & 0x7ff;
  if (exp >= 1023 + 52) {
    if (isSignalling64(hi, lo)) sse.flags = IE;
    set64(isNaN64(hi, lo) ? hi | 0x80000 : hi, lo);
    return;
  }
  if (isZero64(mxcsr, hi, lo)) {
    set64(hi & 0x80000000, 0);
    return;
  }
  unpack64(normA, hi, lo);
  roundToIntegral(roundControl(mxcsr, imm), hi >>> 31, normA.exp, normA.hi, normA.lo);
  if (integral.inexact !== 0 && (imm & 8) === 0) sse.flags = PE;
  scratch64[0] = (integral.hi >>> 0) * 4294967296 + (integral.lo >>> 0);
  set64(scratchBits[1] | (hi & 0x80000000), scratchBits[0]);
}

/** ROUNDSS: float32 in sse.lo. */
export function round32(mxcsr: number, imm: number, bits: number): void {
  sse.flags = 0;
  const exp = (bits >>> 23) & 0xff;
  if (exp >= 127 + 23) {
    if (isSignalling32(bits)) sse.flags = IE;
    sse.lo = isNaN32(bits) ? bits | 0x400000 : bits | 0;
    return;
  }
  const sign = bits & 0x80000000;
  if (isZero32(mxcsr, bits)) {
    sse.lo = sign;
    return;
  }
  unpack32(normA, bits);
  roundToIntegral(roundControl(mxcsr, imm), sign >>> 31, normA.exp, normA.hi, normA.lo);
  if (integral.inexact !== 0 && (imm & 8) === 0) sse.flags = PE;
  // Below 2^23, so the integer is exact in float32.
  if (integral.lo === 0) {
    sse.lo = sign;
    return;
  }
  normalise(normA, 16383 + 63, 0, integral.lo);
  sse.lo = sign | ((normA.exp - 16256) << 23) | ((normA.hi >>> 8) & 0x7fffff);
}
