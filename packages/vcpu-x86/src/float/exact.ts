// @hot
// Exact significand arithmetic in 32-bit limbs, shared by x87 and the SSE slow path. Operands are normalised 64-bit
// significands (bit 31 of `hi` set) with exponents of bias 16383; the result lands in `exact`, normalised, with 32 bits
// below the 64 and everything further below folded into bit 0 of `ext` (sticky). So one rounding afterwards is exact.

export interface Exact {
  sign: number;
  /** Biased by 16383, any integer. */
  exp: number;
  /** 0 together with `lo` and `ext` only after an exact cancellation. */
  hi: number;
  lo: number;
  ext: number;
}

export const exact: Exact = { sign: 0, exp: 0, hi: 0, lo: 0, ext: 0 };

/** High 32 bits of the unsigned 32 × 32 product. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const cross = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  // Both sums stay below 2^32, so >>> reads them whole.
  return (Math.imul(a1, b1) + (middle >>> 16) + (cross >>> 16)) | 0;
}

export function setExact(sign: number, exp: number, hi: number, lo: number, ext: number): void {
  exact.sign = sign;
  exact.exp = exp;
  exact.hi = hi;
  exact.lo = lo;
  exact.ext = ext;
}

/** Shifts `exact` right by n ≥ 0 bits, keeping the sticky bit; the exponent is the caller's business. */
export function shiftRightSticky(n: number): void {
  let hi = exact.hi;
  let lo = exact.lo;
  let ext = exact.ext;
  let sticky = 0;
  if (n >= 96) {
    exact.ext = (hi | lo | ext) !== 0 ? 1 : 0;
    exact.hi = 0;
    exact.lo = 0;
    return;
  }
  while (n >= 32) {
    sticky |= ext;
    ext = lo;
    lo = hi;
    hi = 0;
    n -= 32;
  }
  if (n !== 0) {
    sticky |= ext << (32 - n);
    ext = (ext >>> n) | (lo << (32 - n));
    lo = (lo >>> n) | (hi << (32 - n));
    hi >>>= n;
  }
  exact.hi = hi | 0;
  exact.lo = lo | 0;
  exact.ext = (sticky !== 0 ? ext | 1 : ext) | 0;
}

/** a + b, signed. Leaves hi = lo = ext = 0 on exact cancellation; the sign of that zero is the caller's. */
export function exactAdd(
  signA: number,
  expA: number,
  aHi: number,
  aLo: number,
  signB: number,
  expB: number,
  bHi: number,
  bLo: number,
): void {
  // Let a be the one of larger magnitude.
  if (
    expA < expB ||
    (expA === expB && (aHi >>> 0 < bHi >>> 0 || (aHi === bHi && aLo >>> 0 < bLo >>> 0)))
  ) {
    let t = signA;
    signA = signB;
    signB = t;
    t = expA;
    expA = expB;
    expB = t;
    t = aHi;
    aHi = bHi;
    bHi = t;
    t = aLo;
    aLo = bLo;
    bLo = t;
  }
  let bExt = 0;
  const distance = expA - expB;
  if (distance !== 0) {
    exact.hi = bHi;
    exact.lo = bLo;
    exact.ext = 0;
    shiftRightSticky(distance);
    bHi = exact.hi;
    bLo = exact.lo;
    bExt = exact.ext;
  }
  exact.sign = signA;
  if (signA === signB) {
    let lo = (aLo + bLo) | 0;
    const carryLo = lo >>> 0 < aLo >>> 0 ? 1 : 0;
    let hi = (aHi >>> 0) + (bHi >>> 0) + carryLo;
    if (hi >= 4294967296) {
      const dropped = bExt & 1;
      bExt = (bExt >>> 1) | (lo << 31) | dropped;
      lo = (lo >>> 1) | ((hi & 1) << 31);
      hi = ((hi - 4294967296) >>> 1) | 0x80000000;
      expA++;
    }
    exact.exp = expA;
    exact.hi = hi | 0;
    exact.lo = lo | 0;
    exact.ext = bExt | 0;
    return;
  }
  let ext = -bExt | 0;
  const borrowExt = bExt !== 0 ? 1 : 0;
  const lowDifference = (aLo >>> 0) - (bLo >>> 0) - borrowExt;
  let lo = lowDifference | 0;
  let hi = (aHi - bHi - (lowDifference < 0 ? 1 : 0)) | 0;
  if (hi === 0) {
    hi = lo;
    lo = ext;
    ext = 0;
    expA -= 32;
    if (hi === 0) {
      hi = lo;
      lo = 0;
      expA -= 32;
    }
  }
  const shift = Math.clz32(hi);
  if (shift !== 0 && hi !== 0) {
    hi = (hi << shift) | (lo >>> (32 - shift));
    lo = (lo << shift) | (ext >>> (32 - shift));
    ext <<= shift;
    expA -= shift;
  }
  exact.exp = expA;
  exact.hi = hi | 0;
  exact.lo = lo | 0;
  exact.ext = ext | 0;
}

/** a × b. */
export function exactMultiply(
  sign: number,
  expA: number,
  aHi: number,
  aLo: number,
  expB: number,
  bHi: number,
  bLo: number,
): void {
  const p0 = Math.imul(aLo, bLo);
  const m1 = mulHigh(aLo, bLo) >>> 0;
  const x = Math.imul(aLo, bHi) >>> 0;
  const y = Math.imul(aHi, bLo) >>> 0;
  const sum1 = m1 + x + y;
  let ext = sum1 | 0;
  const sum2 =
    (mulHigh(aLo, bHi) >>> 0) +
    (mulHigh(aHi, bLo) >>> 0) +
    (Math.imul(aHi, bHi) >>> 0) +
    (sum1 >= 8589934592 ? 2 : sum1 >= 4294967296 ? 1 : 0);
  let lo = sum2 | 0;
  const carry = sum2 >= 8589934592 ? 2 : sum2 >= 4294967296 ? 1 : 0;
  let hi = (mulHigh(aHi, bHi) + carry) | 0;
  let exp = expA + expB - 16382;
  if (hi >= 0) {
    hi = (hi << 1) | (lo >>> 31);
    lo = (lo << 1) | (ext >>> 31);
    ext = (ext << 1) | (p0 >>> 31);
    exp--;
    if (p0 << 1 !== 0) ext |= 1;
  } else if (p0 !== 0) ext |= 1;
  exact.sign = sign;
  exact.exp = exp;
  exact.hi = hi | 0;
  exact.lo = lo | 0;
  exact.ext = ext | 0;
}

let remainderHi = 0;
let remainderLo = 0;

/** One 32-bit quotient digit of (remainder : next) / b, remainder < b; updates the remainder. */
function quotientDigit(next: number, bHi: number, bLo: number): number {
  const rHi = remainderHi;
  const rLo = remainderLo;
  const divisor = (bHi >>> 0) * 4294967296 + (bLo >>> 0);
  // The double estimate errs by less than 2^-19, so its floor is at most one off either way.
  let estimate = Math.floor(
    (((rHi >>> 0) * 4294967296 + (rLo >>> 0)) * 4294967296 + (next >>> 0)) / divisor,
  );
  if (estimate > 4294967295) estimate = 4294967295;
  let q = estimate | 0;
  const low = (next >>> 0) - (Math.imul(q, bLo) >>> 0);
  const middle =
    (rLo >>> 0) - (mulHigh(q, bLo) >>> 0) - (Math.imul(q, bHi) >>> 0) - (low < 0 ? 1 : 0);
  const borrow = middle < -4294967296 ? 2 : middle < 0 ? 1 : 0;
  let top = (rHi - mulHigh(q, bHi) - borrow) | 0;
  let hi = middle | 0;
  let lo = low | 0;
  while (top < 0) {
    q = (q - 1) | 0;
    const sumLo = (lo >>> 0) + (bLo >>> 0);
    const sumHi = (hi >>> 0) + (bHi >>> 0) + (sumLo >= 4294967296 ? 1 : 0);
    lo = sumLo | 0;
    hi = sumHi | 0;
    if (sumHi >= 4294967296) top++;
  }
  while (top > 0 || hi >>> 0 > bHi >>> 0 || (hi === bHi && lo >>> 0 >= bLo >>> 0)) {
    q = (q + 1) | 0;
    const differenceLo = (lo >>> 0) - (bLo >>> 0);
    const differenceHi = (hi >>> 0) - (bHi >>> 0) - (differenceLo < 0 ? 1 : 0);
    lo = differenceLo | 0;
    hi = differenceHi | 0;
    if (differenceHi < 0) top--;
  }
  remainderHi = hi;
  remainderLo = lo;
  return q;
}

/** a ÷ b. */
export function exactDivide(
  sign: number,
  expA: number,
  aHi: number,
  aLo: number,
  expB: number,
  bHi: number,
  bLo: number,
): void {
  let exp = expA - expB + 16383;
  let next = 0;
  if (aHi >>> 0 > bHi >>> 0 || (aHi === bHi && aLo >>> 0 >= bLo >>> 0)) {
    next = aLo << 31;
    remainderLo = (aLo >>> 1) | (aHi << 31) | 0;
    remainderHi = (aHi >>> 1) | 0;
  } else {
    exp--;
    remainderHi = aHi | 0;
    remainderLo = aLo | 0;
  }
  const hi = quotientDigit(next, bHi, bLo);
  const lo = quotientDigit(0, bHi, bLo);
  // The tail against one half: 2 × remainder against b.
  let ext = 0;
  if ((remainderHi | remainderLo) !== 0) {
    const twiceHi = (remainderHi << 1) | (remainderLo >>> 31);
    const twiceLo = remainderLo << 1;
    if (remainderHi < 0 || twiceHi >>> 0 > bHi >>> 0) ext = 0x80000001 | 0;
    else if ((twiceHi | 0) === bHi && twiceLo >>> 0 > bLo >>> 0) ext = 0x80000001 | 0;
    else if ((twiceHi | 0) === bHi && (twiceLo | 0) === bLo) ext = 0x80000000 | 0;
    else ext = 1;
  }
  exact.sign = sign;
  exact.exp = exp;
  exact.hi = hi;
  exact.lo = lo;
  exact.ext = ext;
}
