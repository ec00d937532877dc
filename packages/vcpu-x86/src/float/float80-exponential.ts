// F2XM1: 2^x − 1 for −1 ≤ x ≤ 1, correctly rounded. SDM Vol. 2, table 3-18.
// Outside of that range the SDM leaves the result undefined; here x comes back unchanged.
import { exponentialKernel, LN2, POINT, roundIrrational, shifted } from './fixed-series.js';
import {
  begin,
  f80,
  isDenormal,
  isInfinity,
  isZero,
  normA,
  normalise,
  PE,
  setResult,
  signalDenormal,
} from './float80-format.js';
import { propagateOneNaN } from './float80-nan.js';

const BITS = Number(POINT);

export function exponential80(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  if (propagateOneNaN(cw, se, hi, lo)) return;
  const negative = (se & 0x8000) !== 0;
  if (isInfinity(se, hi, lo)) {
    if (negative) setResult(0xbfff, 0x80000000, 0);
    else setResult(se, hi, lo);
    return;
  }
  if (isZero(se, hi, lo)) {
    setResult(se, 0, 0);
    return;
  }
  if (isDenormal(se, hi, lo) && signalDenormal(cw) !== 0) return;
  if ((se & 0x7fff) >= 16383) {
    const isOne = (se & 0x7fff) === 16383 && hi === (0x80000000 | 0) && lo === 0;
    // 2^-1 − 1 = −½; 2^1 − 1 = 1. Hardware calls even these inexact.
    f80.status |= PE;
    setResult(isOne && negative ? 0xbffe : se, hi, lo);
    return;
  }
  normalise(normA, se, hi, lo);
  const m = (BigInt(normA.hi >>> 0) << 32n) | BigInt(normA.lo >>> 0);
  const e = normA.exp - 16383 - 63;
  const z = e < -BITS - 64 ? 0n : shifted(m * LN2, e);
  const kernel = exponentialKernel(negative ? -z : z);
  roundIrrational(cw, negative ? 1 : 0, m * LN2 * kernel, e - 2 * BITS);
}
