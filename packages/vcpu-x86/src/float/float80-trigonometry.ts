// FSIN, FCOS, FSINCOS, FPTAN: correctly rounded results of the argument reduced by the 66-bit π of SDM Vol. 1 §8.3.8.
// |x| ≥ 2^63: C2 = 1 and nothing is stored. Precision control is ignored, rounding control is honoured.
import { cosineKernel, ONE, POINT, roundIrrational, shifted, sineKernel } from './fixed-series.js';
import {
  begin,
  C2,
  f80,
  invalid,
  isDenormal,
  isInfinity,
  isZero,
  normA,
  normalise,
  setResult,
  signalDenormal,
} from './float80-format.js';
import { propagateOneNaN } from './float80-nan.js';

/** π/2 = HALF_PI × 2^-67: the significand C90FDAA2 2168C234 C of the SDM. */
const HALF_PI = 0xc90fdaa22168c234cn;
const HALF_PI_SCALE = 67;

/** The reduced argument r = ±magnitude × 2^exponent, |r| ≤ π/4, and the quadrant 0 … 3 it was moved by. */
let magnitude = 0n;
let exponent = 0;
let negative = false;
let quadrant = 0;
let sine = 0n;
let cosine = 0n;

function reduce(se: number, hi: number, lo: number): void {
  normalise(normA, se, hi, lo);
  magnitude = (BigInt(normA.hi >>> 0) << 32n) | BigInt(normA.lo >>> 0);
  exponent = normA.exp - 16383 - 63;
  negative = (se & 0x8000) !== 0;
  quadrant = 0;
  if (normA.exp >= 16382) {
    const x = magnitude << BigInt(exponent + HALF_PI_SCALE);
    const turns = (2n * x + HALF_PI) / (2n * HALF_PI);
    const rest = x - turns * HALF_PI;
    quadrant = Number(turns & 3n);
    if (negative) quadrant = -quadrant & 3;
    if (rest < 0n) negative = !negative;
    // Never zero: a multiple of the 66-bit constant needs more than 64 bits.
    magnitude = rest < 0n ? -rest : rest;
    exponent = -HALF_PI_SCALE;
  }
  const r = shifted(magnitude, exponent + Number(POINT));
  const square = (r * r) >> POINT;
  sine = sineKernel(square);
  cosine = cosineKernel(square);
}

function deliverSine(cw: number): void {
  const odd = (quadrant & 1) !== 0;
  const flipped = quadrant >= 2;
  if (odd) roundIrrational(cw, flipped ? 1 : 0, cosine, -Number(POINT));
  else
    roundIrrational(cw, flipped !== negative ? 1 : 0, magnitude * sine, exponent - Number(POINT));
}

function deliverCosine(cw: number): void {
  // cos x = sin(x + π/2)
  quadrant = (quadrant + 1) & 3;
  deliverSine(cw);
}

function deliverTangent(cw: number): void {
  const odd = (quadrant & 1) !== 0;
  const sign = odd !== negative ? 1 : 0;
  if (odd) {
    const extra = 128;
    const quotient = (cosine << BigInt(extra + 128)) / (magnitude * sine);
    roundIrrational(cw, sign, quotient, -exponent - extra - 128);
  } else roundIrrational(cw, sign, (magnitude * sine * ONE) / cosine, exponent - Number(POINT));
}

/** Answers what is not a number in range: returns true when done. `se` … is the operand. */
function special(cw: number, se: number, hi: number, lo: number): boolean {
  if (propagateOneNaN(cw, se, hi, lo)) return true;
  if (isInfinity(se, hi, lo)) {
    invalid(cw);
    return true;
  }
  if ((se & 0x7fff) >= 16383 + 63) {
    f80.status |= C2;
    f80.stored = 0;
    return true;
  }
  return isDenormal(se, hi, lo) && signalDenormal(cw) !== 0;
}

export function sine80(cw: number, se: number, hi: number, lo: number): void {
  begin();
  if (special(cw, se, hi | 0, lo | 0)) return;
  if (isZero(se, hi, lo)) {
    setResult(se, 0, 0);
    return;
  }
  reduce(se, hi, lo);
  deliverSine(cw);
}

export function cosine80(cw: number, se: number, hi: number, lo: number): void {
  begin();
  if (special(cw, se, hi | 0, lo | 0)) return;
  if (isZero(se, hi, lo)) {
    setResult(0x3fff, 0x80000000, 0);
    return;
  }
  reduce(se, hi, lo);
  deliverCosine(cw);
}

/** FSINCOS: cosine (the new ST0) in f80.se:hi:lo, sine (the new ST1) in f80.se2:hi2:lo2. A NaN answer fills both. */
export function sineCosine80(cw: number, se: number, hi: number, lo: number): void {
  begin();
  if (special(cw, se, hi | 0, lo | 0)) {
    setSecond();
    return;
  }
  if (isZero(se, hi, lo)) {
    setResult(se, 0, 0);
    setSecond();
    setResult(0x3fff, 0x80000000, 0);
    return;
  }
  reduce(se, hi, lo);
  deliverSine(cw);
  setSecond();
  deliverCosine(cw);
}

/** FPTAN: 1.0 (the new ST0) in f80.se:hi:lo, tangent (the new ST1) in f80.se2:hi2:lo2. A NaN answer fills both. */
export function tangent80(cw: number, se: number, hi: number, lo: number): void {
  begin();
  if (special(cw, se, hi | 0, lo | 0)) {
    setSecond();
    return;
  }
  if (isZero(se, hi, lo)) setResult(se, 0, 0);
  else {
    reduce(se, hi, lo);
    deliverTangent(cw);
  }
  setSecond();
  setResult(0x3fff, 0x80000000, 0);
}

function setSecond(): void {
  f80.se2 = f80.se;
  f80.hi2 = f80.hi;
  f80.lo2 = f80.lo;
}
