// @hot
// FADD, FSUB, FMUL, FDIV, FSQRT on float80. SDM Vol. 2, tables 3-18 … 3-33. Arguments: control word, then operands
// as (se, hi, lo); the result is in `f80`. Order of checks: unsupported and NaN, invalid, zero divide, denormal.
import { exact, exactAdd, exactDivide, exactMultiply, setExact } from './exact.js';
import { exactSqrt } from './exact-sqrt.js';
import {
  begin,
  f80,
  invalid,
  isDenormal,
  isInfinity,
  isZero,
  normA,
  normalise,
  normB,
  RC_DOWN,
  setResult,
  signalDenormal,
  ZE,
} from './float80-format.js';
import { propagateNaN, propagateOneNaN } from './float80-nan.js';
import { roundFloat80 } from './float80-round.js';

const INFINITY_HI = 0x80000000 | 0;

/** Both operands are ordinary: normal and finite. */
function ordinary(aSe: number, aHi: number, bSe: number, bHi: number): boolean {
  return (
    (aHi & bHi) < 0 && ((aSe & 0x7fff) - 1) >>> 0 < 0x7ffe && ((bSe & 0x7fff) - 1) >>> 0 < 0x7ffe
  );
}

function anyDenormal(
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): boolean {
  return isDenormal(aSe, aHi, aLo) || isDenormal(bSe, bHi, bLo);
}

function roundSum(cw: number): void {
  if (exact.hi === 0) setResult(((cw >> 10) & 3) === RC_DOWN ? 0x8000 : 0, 0, 0);
  else roundFloat80(cw);
}

/** ST = a + b. */
export function add80(
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): void {
  addSigned(cw, aSe, aHi | 0, aLo | 0, bSe, bHi | 0, bLo | 0, 0);
}

/** ST = a − b. */
export function subtract80(
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): void {
  addSigned(cw, aSe, aHi | 0, aLo | 0, bSe, bHi | 0, bLo | 0, 1);
}

function addSigned(
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
  negate: number,
): void {
  begin();
  const signA = (aSe >> 15) & 1;
  const signB = ((bSe >> 15) & 1) ^ negate;
  if (ordinary(aSe, aHi, bSe, bHi)) {
    exactAdd(signA, aSe & 0x7fff, aHi, aLo, signB, bSe & 0x7fff, bHi, bLo);
    roundSum(cw);
    return;
  }
  // A NaN keeps its sign even as subtrahend.
  if (propagateNaN(cw, aSe, aHi, aLo, bSe, bHi, bLo)) return;
  const aInfinite = isInfinity(aSe, aHi, aLo);
  const bInfinite = isInfinity(bSe, bHi, bLo);
  if (aInfinite && bInfinite && signA !== signB) {
    invalid(cw);
    return;
  }
  if (anyDenormal(aSe, aHi, aLo, bSe, bHi, bLo) && signalDenormal(cw) !== 0) return;
  if (aInfinite || bInfinite) {
    setResult(((aInfinite ? signA : signB) << 15) | 0x7fff, INFINITY_HI, 0);
    return;
  }
  const aZero = isZero(aSe, aHi, aLo);
  const bZero = isZero(bSe, bHi, bLo);
  if (aZero && bZero) {
    const sign = signA === signB ? signA : ((cw >> 10) & 3) === RC_DOWN ? 1 : 0;
    setResult(sign << 15, 0, 0);
    return;
  }
  if (!aZero) normalise(normA, aSe, aHi, aLo);
  if (!bZero) normalise(normB, bSe, bHi, bLo);
  // x + 0 is still rounded to the precision asked for.
  if (bZero) setExact(signA, normA.exp, normA.hi, normA.lo, 0);
  else if (aZero) setExact(signB, normB.exp, normB.hi, normB.lo, 0);
  else exactAdd(signA, normA.exp, normA.hi, normA.lo, signB, normB.exp, normB.hi, normB.lo);
  roundSum(cw);
}

/** ST = a × b. */
export function multiply80(
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
  const sign = ((aSe ^ bSe) >> 15) & 1;
  if (ordinary(aSe, aHi, bSe, bHi)) {
    exactMultiply(sign, aSe & 0x7fff, aHi, aLo, bSe & 0x7fff, bHi, bLo);
    roundFloat80(cw);
    return;
  }
  if (propagateNaN(cw, aSe, aHi, aLo, bSe, bHi, bLo)) return;
  const aZero = isZero(aSe, aHi, aLo);
  const bZero = isZero(bSe, bHi, bLo);
  const infinite = isInfinity(aSe, aHi, aLo) || isInfinity(bSe, bHi, bLo);
  if (infinite && (aZero || bZero)) {
    invalid(cw);
    return;
  }
  if (anyDenormal(aSe, aHi, aLo, bSe, bHi, bLo) && signalDenormal(cw) !== 0) return;
  if (infinite) {
    setResult((sign << 15) | 0x7fff, INFINITY_HI, 0);
    return;
  }
  if (aZero || bZero) {
    setResult(sign << 15, 0, 0);
    return;
  }
  normalise(normA, aSe, aHi, aLo);
  normalise(normB, bSe, bHi, bLo);
  exactMultiply(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  roundFloat80(cw);
}

/** ST = a ÷ b. */
export function divide80(
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
  const sign = ((aSe ^ bSe) >> 15) & 1;
  if (ordinary(aSe, aHi, bSe, bHi)) {
    exactDivide(sign, aSe & 0x7fff, aHi, aLo, bSe & 0x7fff, bHi, bLo);
    roundFloat80(cw);
    return;
  }
  if (propagateNaN(cw, aSe, aHi, aLo, bSe, bHi, bLo)) return;
  const aZero = isZero(aSe, aHi, aLo);
  const bZero = isZero(bSe, bHi, bLo);
  const aInfinite = isInfinity(aSe, aHi, aLo);
  const bInfinite = isInfinity(bSe, bHi, bLo);
  if ((aZero && bZero) || (aInfinite && bInfinite)) {
    invalid(cw);
    return;
  }
  if (bZero && !aInfinite) {
    f80.status |= ZE;
    if ((cw & ZE) === 0) f80.stored = 0;
    setResult((sign << 15) | 0x7fff, INFINITY_HI, 0);
    return;
  }
  if (anyDenormal(aSe, aHi, aLo, bSe, bHi, bLo) && signalDenormal(cw) !== 0) return;
  if (aInfinite) {
    setResult((sign << 15) | 0x7fff, INFINITY_HI, 0);
    return;
  }
  if (aZero || bInfinite) {
    setResult(sign << 15, 0, 0);
    return;
  }
  normalise(normA, aSe, aHi, aLo);
  normalise(normB, bSe, bHi, bLo);
  exactDivide(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  roundFloat80(cw);
}

/** ST = √a. */
export function sqrt80(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  if (propagateOneNaN(cw, se, hi, lo)) return;
  if (isZero(se, hi, lo)) {
    setResult(se, 0, 0);
    return;
  }
  if ((se & 0x8000) !== 0) {
    invalid(cw);
    return;
  }
  if (isInfinity(se, hi, lo)) {
    setResult(se, hi, lo);
    return;
  }
  if (isDenormal(se, hi, lo) && signalDenormal(cw) !== 0) return;
  normalise(normA, se, hi, lo);
  exactSqrt(normA.exp, normA.hi, normA.lo);
  roundFloat80(cw);
}
