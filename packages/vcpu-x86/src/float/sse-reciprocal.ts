// @hot
// RCPSS and RSQRTSS: approximations the architecture only bounds (relative error ≤ 1.5 × 2^-12, SDM Vol. 2). CPUs differ in
// the low bits; here the result is the true value rounded to 12 significant bits. They signal nothing, ignore MXCSR,
// read denormals as zeros and flush tiny results to zero.
import { INDEFINITE32, isNaN32, scratch32, scratchBits, sse } from './sse-format.js';

const MIN_NORMAL = 1.1754943508222875e-38;

/** Rounds to 12 significant bits. */
function approximate(value: number): void {
  scratch32[0] = value;
  sse.lo =
    Math.abs(value) < MIN_NORMAL ? scratchBits[0] & 0x80000000 : (scratchBits[0] + 0x800) & ~0xfff;
}

/** 1 ÷ value: float32 bits in sse.lo. */
export function reciprocal32(bits: number): void {
  sse.flags = 0;
  const sign = bits & 0x80000000;
  if (isNaN32(bits)) sse.lo = bits | 0x400000;
  else if ((bits & 0x7f800000) === 0) sse.lo = sign | 0x7f800000;
  else if ((bits & 0x7f800000) === 0x7f800000) sse.lo = sign;
  else {
    scratchBits[0] = bits;
    approximate(1 / scratch32[0]);
  }
}

/** 1 ÷ √value: float32 bits in sse.lo; QNaN indefinite below −0. */
export function reciprocalSqrt32(bits: number): void {
  sse.flags = 0;
  const sign = bits & 0x80000000;
  if (isNaN32(bits)) sse.lo = bits | 0x400000;
  else if ((bits & 0x7f800000) === 0) sse.lo = sign | 0x7f800000;
  else if (sign !== 0) sse.lo = INDEFINITE32;
  else if (bits === 0x7f800000) sse.lo = 0;
  else {
    scratchBits[0] = bits;
    approximate(1 / Math.sqrt(scratch32[0]));
  }
}
