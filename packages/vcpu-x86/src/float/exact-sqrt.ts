// @hot
// Exact square root of a normalised 64-bit significand: 64 result bits plus half and sticky, in `exact`.
// Zimmermann's scheme: 32 bits from the host's double root, 32 more by one division, then the remainder decides.
import { exact, mulHigh } from './exact.js';

const TWO32 = 4294967296;

export function exactSqrt(exp: number, hi: number, lo: number): void {
  // Radicand N = n3:n2:n1:0 so that floor(sqrt(N)) has its top bit set.
  const odd = ((exp - 16383) & 1) !== 0;
  const n3 = odd ? hi >>> 0 : hi >>> 1;
  const n2 = odd ? lo >>> 0 : ((lo >>> 1) | (hi << 31)) >>> 0;
  const n1 = odd ? 0 : (lo << 31) >>> 0;
  let s1 = Math.floor(Math.sqrt(n3 * TWO32 + n2));
  if (s1 > 4294967295) s1 = 4294967295;
  // rest = n3:n2 − s1², wanted in 0 … 2·s1.
  let rest = (n3 - (mulHigh(s1, s1) >>> 0)) * TWO32 + (n2 - (Math.imul(s1, s1) >>> 0));
  while (rest < 0) {
    s1--;
    rest += 2 * s1 + 1;
  }
  while (rest > 2 * s1) {
    rest -= 2 * s1 + 1;
    s1++;
  }
  let s0 = Math.floor((rest * TWO32 + n1) / (2 * s1));
  if (s0 > 4294967295) s0 = 4294967295;
  // R = rest·2^64 + n1·2^32 − 2·s1·s0·2^32 − s0², as r2:r1:r0 with r2 signed; wanted in 0 … 2·s.
  let r0 = -(Math.imul(s0, s0) >>> 0);
  let r1 = n1 - 2 * (Math.imul(s1, s0) >>> 0) - (mulHigh(s0, s0) >>> 0);
  let r2 = rest - 2 * (mulHigh(s1, s0) >>> 0);
  let carry = Math.floor(r0 / TWO32);
  r0 -= carry * TWO32;
  r1 += carry;
  carry = Math.floor(r1 / TWO32);
  r1 -= carry * TWO32;
  r2 += carry;
  // s0 is at most a few too large (the s0² term) and never too small by more than one.
  while (r2 < 0) {
    s0--;
    if (s0 < 0) {
      s0 += TWO32;
      s1--;
    }
    r0 += 2 * s0 + 1;
    carry = Math.floor(r0 / TWO32);
    r0 -= carry * TWO32;
    r1 += 2 * s1 + carry;
    carry = Math.floor(r1 / TWO32);
    r1 -= carry * TWO32;
    r2 += carry;
  }
  while (exceedsTwice(r2, r1, r0, s1, s0)) {
    r0 -= 2 * s0 + 1;
    carry = Math.floor(r0 / TWO32);
    r0 -= carry * TWO32;
    r1 += carry - 2 * s1;
    carry = Math.floor(r1 / TWO32);
    r1 -= carry * TWO32;
    r2 += carry;
    s0++;
    if (s0 === TWO32) {
      s0 = 0;
      s1++;
    }
  }
  exact.sign = 0;
  exact.exp = ((exp - 16383 - (odd ? 1 : 0)) >> 1) + 16383;
  exact.hi = s1 | 0;
  exact.lo = s0 | 0;
  // (s + ½)² = s² + s + ¼: above one half exactly when R > s; a tie cannot happen.
  if (r2 === 0 && r1 === 0 && r0 === 0) exact.ext = 0;
  else if (r2 !== 0 || r1 > s1 || (r1 === s1 && r0 > s0)) exact.ext = 0x80000001 | 0;
  else exact.ext = 1;
}

function exceedsTwice(r2: number, r1: number, r0: number, s1: number, s0: number): boolean {
  const low = 2 * s0;
  const t0 = low >= TWO32 ? low - TWO32 : low;
  const middle = 2 * s1 + (low >= TWO32 ? 1 : 0);
  const t1 = middle >= TWO32 ? middle - TWO32 : middle;
  const t2 = middle >= TWO32 ? 1 : 0;
  if (r2 !== t2) return r2 > t2;
  if (r1 !== t1) return r1 > t1;
  return r0 > t0;
}
