// @hot
// Rounds the unrounded `exact` to float32 or float64: FST m32/m64 and the slow path of SSE. SDM Vol. 1 §4.8.4, §4.9.1.
// Tininess is judged after rounding. Masked responses only: with OE or UE unmasked nothing is stored, so only flags count.
import { exact, shiftRightSticky } from './exact.js';
import { OE, PE, RC_DOWN, RC_NEAREST, RC_UP, UE } from './float80-format.js';
import { roundsUp } from './float80-round.js';

export interface Narrowed {
  /** float64 bits in hi:lo; float32 bits in lo. */
  hi: number;
  lo: number;
  /** OE, UE, PE. */
  flags: number;
  increased: number;
}

export const narrowed: Narrowed = { hi: 0, lo: 0, flags: 0, increased: 0 };

function goesToInfinity(rc: number, sign: number): boolean {
  return rc === RC_NEAREST || rc === (sign !== 0 ? RC_DOWN : RC_UP);
}

/** Rounds `exact` (normalised, non-zero) to float64. `masks` in control-word places; flush = 1 is FTZ. */
export function narrowTo64(rc: number, masks: number, flush: number): void {
  const sign = exact.sign;
  let exp = exact.exp - 15360;
  let flags = 0;
  let tail = (exact.lo << 21) | (exact.ext !== 0 ? 1 : 0);
  let hi = exact.hi >>> 11;
  let lo = (exact.lo >>> 11) | (exact.hi << 21);
  let up = roundsUp(rc, sign, lo, tail);
  if (exp < 1) {
    const carries = up !== 0 && lo === -1 && hi === 0x1fffff;
    if (exp < 0 || !carries) {
      // Tiny after rounding as if the exponent were unbounded.
      if ((masks & UE) === 0) {
        narrowed.flags = tail !== 0 ? UE | PE : UE;
        narrowed.increased = up;
        return;
      }
      if (flush !== 0) {
        narrowed.hi = sign << 31;
        narrowed.lo = 0;
        narrowed.flags = UE | PE;
        narrowed.increased = 0;
        return;
      }
      flags = UE;
    }
    shiftRightSticky(12 - exp);
    hi = exact.hi;
    lo = exact.lo;
    tail = exact.ext;
    up = roundsUp(rc, sign, lo, tail);
    if (tail === 0) flags = 0;
    exp = 0;
  } else hi &= 0xfffff;
  if (tail !== 0) flags |= PE;
  if (up !== 0) {
    lo = (lo + 1) | 0;
    if (lo === 0) hi = (hi + 1) | 0;
  }
  // A carry out of the fraction moves into the exponent by itself.
  hi = ((exp << 20) + hi) | 0;
  if (exp >= 0x7ff || hi >= 0x7ff00000) {
    // Infinity and the largest number are never exact; unmasked, only the unbounded rounding counts.
    flags = (masks & OE) !== 0 || tail !== 0 ? OE | PE : OE;
    const infinite = goesToInfinity(rc, sign);
    hi = infinite ? 0x7ff00000 : 0x7fefffff;
    lo = infinite ? 0 : -1;
    up = infinite ? 1 : 0;
  }
  narrowed.hi = hi | (sign << 31);
  narrowed.lo = lo | 0;
  narrowed.flags = flags;
  narrowed.increased = up;
}

/** Rounds `exact` (normalised, non-zero) to float32, bits in narrowed.lo. */
export function narrowTo32(rc: number, masks: number, flush: number): void {
  const sign = exact.sign;
  let exp = exact.exp - 16256;
  let flags = 0;
  let tail = (exact.hi << 24) | ((exact.lo | exact.ext) !== 0 ? 1 : 0);
  let bits = exact.hi >>> 8;
  let up = roundsUp(rc, sign, bits, tail);
  if (exp < 1) {
    const carries = up !== 0 && bits === 0xffffff;
    if (exp < 0 || !carries) {
      if ((masks & UE) === 0) {
        narrowed.flags = tail !== 0 ? UE | PE : UE;
        narrowed.increased = up;
        return;
      }
      if (flush !== 0) {
        narrowed.lo = sign << 31;
        narrowed.flags = UE | PE;
        narrowed.increased = 0;
        return;
      }
      flags = UE;
    }
    shiftRightSticky(9 - exp);
    bits = exact.hi;
    tail = exact.lo | (exact.ext !== 0 ? 1 : 0);
    up = roundsUp(rc, sign, bits, tail);
    if (tail === 0) flags = 0;
    exp = 0;
  } else bits &= 0x7fffff;
  if (tail !== 0) flags |= PE;
  bits = ((exp << 23) + bits + up) | 0;
  if (exp >= 0xff || bits >= 0x7f800000) {
    // Infinity and the largest number are never exact; unmasked, only the unbounded rounding counts.
    flags = (masks & OE) !== 0 || tail !== 0 ? OE | PE : OE;
    const infinite = goesToInfinity(rc, sign);
    bits = infinite ? 0x7f800000 : 0x7f7fffff;
    up = infinite ? 1 : 0;
  }
  narrowed.lo = bits | (sign << 31);
  narrowed.flags = flags;
  narrowed.increased = up;
}
