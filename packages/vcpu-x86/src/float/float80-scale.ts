// FSCALE and FXTRACT. SDM Vol. 2, table 3-34 and FXTRACT. Both ignore precision control.
import { setExact } from './exact.js';
import {
  begin,
  f80,
  invalid,
  isDenormal,
  isInfinity,
  isZero,
  normA,
  normalise,
  RC_ZERO,
  setResult,
  signalDenormal,
  ZE,
} from './float80-format.js';
import { fromInt32 } from './float80-integer.js';
import { propagateNaN, propagateOneNaN } from './float80-nan.js';
import { PC_EXTENDED, roundFloat80 } from './float80-round.js';
import { integral, roundToIntegral } from './integral.js';

const INFINITY_HI = 0x80000000 | 0;

/** ST = a × 2^trunc(b). */
export function scale80(
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): void {
  aHi |= 0;
  aLo |= 0;
  bHi |= 0;
  bLo |= 0;
  begin();
  if (propagateNaN(cw, aSe, aHi, aLo, bSe, bHi, bLo)) return;
  const sign = aSe & 0x8000;
  const aZero = isZero(aSe, aHi, aLo);
  const aInfinite = isInfinity(aSe, aHi, aLo);
  const bInfinite = isInfinity(bSe, bHi, bLo);
  const down = (bSe & 0x8000) !== 0;
  if (bInfinite && (down ? aInfinite : aZero)) {
    invalid(cw);
    return;
  }
  if (isDenormal(aSe, aHi, aLo) || isDenormal(bSe, bHi, bLo)) {
    if (signalDenormal(cw) !== 0) return;
  }
  if (bInfinite) {
    if (down) setResult(sign, 0, 0);
    else setResult(sign | 0x7fff, INFINITY_HI, 0);
    return;
  }
  if (aZero || aInfinite) {
    setResult(aSe, aHi, aLo);
    return;
  }
  // Beyond ±65536 every finite a over- or underflows alike.
  let power = 0x10000;
  if ((bSe & 0x7fff) < 16383 + 16) {
    roundToIntegral(RC_ZERO, 0, bSe & 0x7fff, bHi, bLo);
    power = integral.lo;
  }
  normalise(normA, aSe, aHi, aLo);
  setExact(sign >>> 15, normA.exp + (down ? -power : power), normA.hi, normA.lo, 0);
  roundFloat80(cw | PC_EXTENDED);
}

/** FXTRACT: significand (new ST0) in f80.se:hi:lo, unbiased exponent (new ST1) in f80.se2:hi2:lo2. */
export function extract80(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  if (propagateOneNaN(cw, se, hi, lo)) {
    setSecond(f80.se, f80.hi, f80.lo);
    return;
  }
  if (isInfinity(se, hi, lo)) {
    setResult(se, hi, lo);
    setSecond(0x7fff, INFINITY_HI, 0);
    return;
  }
  if (isZero(se, hi, lo)) {
    f80.status = ZE;
    if ((cw & ZE) === 0) f80.stored = 0;
    setResult(se, 0, 0);
    setSecond(0xffff, INFINITY_HI, 0);
    return;
  }
  if (isDenormal(se, hi, lo) && signalDenormal(cw) !== 0) return;
  const status = f80.status;
  normalise(normA, se, hi, lo);
  const significandHi = normA.hi;
  const significandLo = normA.lo;
  fromInt32(normA.exp - 16383);
  setSecond(f80.se, f80.hi, f80.lo);
  f80.status = status;
  setResult((se & 0x8000) | 16383, significandHi, significandLo);
}

function setSecond(se: number, hi: number, lo: number): void {
  f80.se2 = se;
  f80.hi2 = hi | 0;
  f80.lo2 = lo | 0;
}
