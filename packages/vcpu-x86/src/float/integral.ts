// @hot
// Rounding a binary significand to an integer, shared by FRNDINT, FIST, FBSTP, CVTxx2SI and ROUNDxx.
import { exact, setExact, shiftRightSticky } from './exact.js';
import { roundsUp } from './float80-round.js';

export interface Integral {
  /** Magnitude, 64 bits unsigned; `big` = 1 when it does not fit in 64 bits. */
  hi: number;
  lo: number;
  big: number;
  inexact: number;
  /** 1 when rounding increased the magnitude. */
  increased: number;
}

export const integral: Integral = { hi: 0, lo: 0, big: 0, inexact: 0, increased: 0 };

/** Rounds (−1)^sign × hi:lo/2^63 × 2^(exp−16383) to an integer; the significand is normalised or zero. */
export function roundToIntegral(
  rc: number,
  sign: number,
  exp: number,
  hi: number,
  lo: number,
): void {
  integral.big = 0;
  integral.inexact = 0;
  integral.increased = 0;
  const drop = 16383 + 63 - exp;
  if (drop <= 0) {
    integral.hi = hi;
    integral.lo = lo;
    if (drop < 0 && hi !== 0) integral.big = 1;
    return;
  }
  setExact(sign, exp, hi, lo, 0);
  shiftRightSticky(drop);
  const tail = exact.ext;
  hi = exact.hi;
  lo = exact.lo;
  if (tail !== 0) {
    integral.inexact = 1;
    if (roundsUp(rc, sign, lo, tail) !== 0) {
      integral.increased = 1;
      lo = (lo + 1) | 0;
      // At least one bit was dropped, so this cannot overflow 64 bits.
      if (lo === 0) hi = (hi + 1) | 0;
    }
  }
  integral.hi = hi;
  integral.lo = lo;
}
