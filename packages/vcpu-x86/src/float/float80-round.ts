// @hot
// Rounds the unrounded `exact` into the float80 result: precision and rounding control, overflow, underflow, C1.
// SDM Vol. 1 §4.8.4, §8.5.4–8.5.6. Tininess is judged after rounding; an unmasked overflow or underflow to a register
// delivers the result with its exponent moved by 24576 (3 × 2^13).
import { exact, shiftRightSticky } from './exact.js';
import { C1, f80, OE, PE, RC_DOWN, RC_NEAREST, RC_UP, UE } from './float80-format.js';

const BIAS_ADJUST = 24576;

/** Control word bits that ask for 64-bit precision, for operations that ignore precision control. */
export const PC_EXTENDED = 0x0300;

let keptHi = 0;
let keptLo = 0;
let inexact = 0;
let carried = 0;
let increased = 0;

/** 1 when a fraction (`tail`: bit 31 = one half, rest sticky) makes the magnitude grow. */
export function roundsUp(rc: number, sign: number, odd: number, tail: number): number {
  if (tail === 0) return 0;
  if (rc === RC_NEAREST) {
    if (tail >= 0) return 0;
    return tail << 1 !== 0 ? 1 : odd & 1;
  }
  if (rc === RC_DOWN) return sign;
  return rc === RC_UP ? sign ^ 1 : 0;
}

/** Rounds exact.hi:lo:ext to the precision of `cw` into kept*; carried = 1 when the significand overflowed to 2. */
function roundSignificand(cw: number): void {
  let hi = exact.hi;
  let lo = exact.lo;
  const ext = exact.ext;
  const rc = (cw >> 10) & 3;
  const pc = (cw >> 8) & 3;
  carried = 0;
  let tail = ext;
  let up = 0;
  if (pc === 2) {
    tail = (lo << 21) | (ext !== 0 ? 1 : 0);
    lo &= ~0x7ff;
    up = roundsUp(rc, exact.sign, lo >>> 11, tail);
    if (up !== 0) {
      lo = (lo + 0x800) | 0;
      if (lo === 0) hi = (hi + 1) | 0;
    }
  } else if (pc === 0) {
    tail = (hi << 24) | ((lo | ext) !== 0 ? 1 : 0);
    hi &= ~0xff;
    lo = 0;
    up = roundsUp(rc, exact.sign, hi >>> 8, tail);
    if (up !== 0) hi = (hi + 0x100) | 0;
  } else {
    up = roundsUp(rc, exact.sign, lo, tail);
    if (up !== 0) {
      lo = (lo + 1) | 0;
      if (lo === 0) hi = (hi + 1) | 0;
    }
  }
  if (up !== 0 && hi === 0 && lo === 0) {
    carried = 1;
    hi = 0x80000000 | 0;
  }
  increased = up;
  inexact = tail !== 0 ? 1 : 0;
  keptHi = hi;
  keptLo = lo;
}

function deliver(exp: number): void {
  f80.se = (exact.sign << 15) | exp;
  f80.hi = keptHi;
  f80.lo = keptLo;
  if (inexact !== 0) f80.status |= increased !== 0 ? PE | C1 : PE;
}

/** Rounds `exact` (normalised, non-zero) to float80. */
export function roundFloat80(cw: number): void {
  roundSignificand(cw);
  const exp = exact.exp + carried;
  if (exp > 0 && exp < 0x7fff) deliver(exp);
  else if (exp > 0) overflow(cw, exp);
  else underflow(cw, exp);
}

function overflow(cw: number, exp: number): void {
  f80.status |= OE;
  if ((cw & OE) === 0) {
    const adjusted = exp - BIAS_ADJUST;
    if (adjusted < 0x7fff) {
      deliver(adjusted);
      return;
    }
    // Only FSCALE gets here: a massive overflow delivers infinity.
    keptHi = 0x80000000 | 0;
    keptLo = 0;
    inexact = 1;
    increased = 1;
    deliver(0x7fff);
    return;
  }
  const rc = (cw >> 10) & 3;
  inexact = 1;
  if (
    rc === RC_NEAREST ||
    (rc === RC_UP && exact.sign === 0) ||
    (rc === RC_DOWN && exact.sign === 1)
  ) {
    keptHi = 0x80000000 | 0;
    keptLo = 0;
    increased = 1;
    deliver(0x7fff);
    return;
  }
  const pc = (cw >> 8) & 3;
  keptHi = pc === 0 ? 0xffffff00 | 0 : -1;
  keptLo = pc === 0 ? 0 : pc === 2 ? 0xfffff800 | 0 : -1;
  increased = 0;
  deliver(0x7ffe);
}

function underflow(cw: number, exp: number): void {
  if ((cw & UE) === 0) {
    f80.status |= UE;
    const adjusted = exp + BIAS_ADJUST;
    if (adjusted > 0) {
      deliver(adjusted);
      return;
    }
    // Only FSCALE gets here: a massive underflow delivers zero.
    keptHi = 0;
    keptLo = 0;
    inexact = 1;
    increased = 0;
    deliver(0);
    return;
  }
  // Denormalise and round again at the same bit positions.
  shiftRightSticky(1 - exact.exp);
  roundSignificand(cw);
  if (inexact !== 0) f80.status |= UE;
  deliver(keptHi < 0 ? 1 : 0);
}
