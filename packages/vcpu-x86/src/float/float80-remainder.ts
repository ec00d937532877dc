// FPREM and FPREM1: exact remainders with the three low quotient bits, or a partial reduction. SDM Vol. 2, FPREM.

import { setExact } from './exact.js';
import {
  begin,
  C0,
  C1,
  C2,
  C3,
  f80,
  invalid,
  isDenormal,
  isInfinity,
  isZero,
  normA,
  normalise,
  normB,
  setResult,
  signalDenormal,
} from './float80-format.js';
import { propagateNaN } from './float80-nan.js';
import { PC_EXTENDED, roundFloat80 } from './float80-round.js';

/**
 * ST = remainder of a ÷ b; the quotient is truncated (FPREM) or, with nearest = 1, rounded to nearest even (FPREM1).
 * Complete: C2 = 0 and C0 C3 C1 = quotient bits 2, 1, 0. Exponents 64 or more apart: C2 = 1, a is only reduced.
 */
export function remainder80(
  cw: number,
  nearest: number,
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
  if (isInfinity(aSe, aHi, aLo) || isZero(bSe, bHi, bLo)) {
    invalid(cw);
    return;
  }
  if (isDenormal(aSe, aHi, aLo) || isDenormal(bSe, bHi, bLo)) {
    if (signalDenormal(cw) !== 0) return;
  }
  if (isZero(aSe, aHi, aLo)) {
    setResult(aSe, 0, 0);
    return;
  }
  normalise(normA, aSe, aHi, aLo);
  if (isInfinity(bSe, bHi, bLo)) {
    setExact((aSe >> 15) & 1, normA.exp, normA.hi, normA.lo, 0);
    roundFloat80(cw | PC_EXTENDED);
    return;
  }
  normalise(normB, bSe, bHi, bLo);
  let sign = (aSe >> 15) & 1;
  const distance = normA.exp - normB.exp;
  const a = (BigInt(normA.hi >>> 0) << 32n) | BigInt(normA.lo >>> 0);
  const b = (BigInt(normB.hi >>> 0) << 32n) | BigInt(normB.lo >>> 0);
  if (distance >= 64) {
    // The SDM leaves the step between 32 and 63 bits open; this one makes the next distance a multiple of 32.
    const step = (distance & 31) | 32;
    f80.status |= C2;
    deliver(cw, sign, (a << BigInt(step)) % b, normA.exp - step);
    return;
  }
  if (distance < -1 || (distance < 0 && nearest === 0)) {
    setExact(sign, normA.exp, normA.hi, normA.lo, 0);
    roundFloat80(cw | PC_EXTENDED);
    return;
  }
  // For distance −1 work in units of a's last place.
  const dividend = distance > 0 ? a << BigInt(distance) : a;
  const divisor = distance < 0 ? b << 1n : b;
  let quotient = dividend / divisor;
  let rest = dividend % divisor;
  if (nearest !== 0) {
    const twice = rest << 1n;
    if (twice > divisor || (twice === divisor && (quotient & 1n) !== 0n)) {
      quotient++;
      rest = divisor - rest;
      sign ^= 1;
    }
  }
  const bits = Number(quotient & 7n);
  if ((bits & 1) !== 0) f80.status |= C1;
  if ((bits & 2) !== 0) f80.status |= C3;
  if ((bits & 4) !== 0) f80.status |= C0;
  // A zero remainder keeps the dividend's sign.
  if (rest === 0n) setResult(aSe & 0x8000, 0, 0);
  else deliver(cw, sign, rest, distance < 0 ? normA.exp : normB.exp);
}

/** An exact value rest × 2^(exp − 63 − bias), |rest| below 2^65. */
function deliver(cw: number, sign: number, rest: bigint, exp: number): void {
  if (rest === 0n) {
    setResult(sign << 15, 0, 0);
    return;
  }
  normalise(normA, 0x4000, Number((rest >> 32n) & 0xffffffffn) | 0, Number(rest & 0xffffffffn) | 0);
  setExact(sign, exp + normA.exp - 0x4000, normA.hi, normA.lo, 0);
  roundFloat80(cw | PC_EXTENDED);
}
