// FYL2X: y × log2(x), and FYL2XP1: y × log2(x + 1), correctly rounded. SDM Vol. 2, tables 3-60 and 3-61.
import { exactMultiply } from './exact.js';
import { artanhKernel, LOG2E, ONE, POINT, roundIrrational } from './fixed-series.js';
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
  PE,
  setResult,
  signalDenormal,
  UE,
  ZE,
} from './float80-format.js';
import { propagateNaN } from './float80-nan.js';
import { PC_EXTENDED, roundFloat80 } from './float80-round.js';

const BITS = Number(POINT);
const INFINITY_HI = 0x80000000 | 0;
/** √2 × 2^63, where the significand's logarithm changes sides. */
const SQRT2 = 0xb504f333f9de6484n;

/** log2 of a ratio n/d near 1 as a signed pair: value = ±logarithm × 2^(-BITS − slack). */
const SLACK = 320n;

/** 2 artanh(z) / ln 2 for z = numerator ÷ denominator, |z| < 0.3, scaled by 2^(BITS + SLACK). */
function twiceArtanhLog2(numerator: bigint, denominator: bigint): bigint {
  const z = (numerator << (POINT + SLACK)) / denominator;
  const top = z >> SLACK;
  const series = artanhKernel((top * top) >> POINT);
  return (2n * z * series * LOG2E) / (ONE * ONE);
}

function infinity(sign: number): void {
  setResult((sign << 15) | 0x7fff, INFINITY_HI, 0);
}

/** ST1 = y × log2(x): first (se, hi, lo) of y = ST1, then of x = ST0. */
export function logarithm80(
  cw: number,
  ySe: number,
  yHi: number,
  yLo: number,
  xSe: number,
  xHi: number,
  xLo: number,
): void {
  yHi |= 0;
  yLo |= 0;
  xHi |= 0;
  xLo |= 0;
  begin();
  if (propagateNaN(cw, xSe, xHi, xLo, ySe, yHi, yLo)) return;
  const signY = (ySe >> 15) & 1;
  const yZero = isZero(ySe, yHi, yLo);
  const yInfinite = isInfinity(ySe, yHi, yLo);
  const xZero = isZero(xSe, xHi, xLo);
  const xInfinite = isInfinity(xSe, xHi, xLo);
  const isOne = xSe === 0x3fff && xHi === INFINITY_HI && xLo === 0;
  if (((xSe & 0x8000) !== 0 && !xZero) || ((xZero || xInfinite) && yZero) || (isOne && yInfinite)) {
    invalid(cw);
    return;
  }
  if (xZero && !yInfinite) {
    f80.status |= ZE;
    if ((cw & ZE) === 0) f80.stored = 0;
    infinity(signY ^ 1);
    return;
  }
  if (isDenormal(xSe, xHi, xLo) || isDenormal(ySe, yHi, yLo)) {
    if (signalDenormal(cw) !== 0) return;
  }
  const below = (xSe & 0x7fff) < 0x3fff ? 1 : 0;
  if (xInfinite || yInfinite) {
    infinity(signY ^ below);
    return;
  }
  if (isOne || yZero) {
    setResult((signY ^ below) << 15, 0, 0);
    return;
  }
  normalise(normB, xSe, xHi, xLo);
  const m = (BigInt(normB.hi >>> 0) << 32n) | BigInt(normB.lo >>> 0);
  let k = normB.exp - 16383;
  if (m === 1n << 63n) {
    timesInteger(cw, ySe, yHi, yLo, k);
    return;
  }
  // x = 2^k × m/2^63 with m/2^63 in √½ … √2, or half of that scale.
  let unit = 1n << 63n;
  if (m > SQRT2) {
    unit <<= 1n;
    k++;
  }
  const logarithm = (BigInt(k) << (POINT + SLACK)) + twiceArtanhLog2(m - unit, m + unit);
  timesLogarithm(cw, ySe, yHi, yLo, logarithm);
}

function timesLogarithm(cw: number, ySe: number, yHi: number, yLo: number, log: bigint): void {
  normalise(normA, ySe, yHi, yLo);
  const y = (BigInt(normA.hi >>> 0) << 32n) | BigInt(normA.lo >>> 0);
  const sign = ((ySe >> 15) & 1) ^ (log < 0n ? 1 : 0);
  const magnitude = log < 0n ? -log : log;
  roundIrrational(cw, sign, y * magnitude, normA.exp - 16383 - 63 - BITS - Number(SLACK));
}

/** y × k, the case of a power of two: hardware reports even an exact product as inexact. */
function timesInteger(cw: number, ySe: number, yHi: number, yLo: number, k: number): void {
  normalise(normA, ySe, yHi, yLo);
  const sign = ((ySe >> 15) & 1) ^ (k < 0 ? 1 : 0);
  normalise(normB, 16383 + 63, 0, k < 0 ? -k : k);
  exactMultiply(sign, normA.exp, normA.hi, normA.lo, normB.exp, normB.hi, normB.lo);
  roundFloat80(cw | PC_EXTENDED);
  f80.status |= (f80.se & 0x7fff) === 0 ? PE | UE : PE;
}

/**
 * ST1 = y × log2(x + 1). The SDM defines it for −(1 − √½) ≤ x ≤ √2 − 1; above, and down to −1, it is computed all the
 * same, and a finite x ≤ −1 comes back unchanged, as on hardware.
 */
export function logarithmPlusOne80(
  cw: number,
  ySe: number,
  yHi: number,
  yLo: number,
  xSe: number,
  xHi: number,
  xLo: number,
): void {
  yHi |= 0;
  yLo |= 0;
  xHi |= 0;
  xLo |= 0;
  begin();
  if (propagateNaN(cw, xSe, xHi, xLo, ySe, yHi, yLo)) return;
  const signX = (xSe >> 15) & 1;
  const signY = (ySe >> 15) & 1;
  const yZero = isZero(ySe, yHi, yLo);
  const yInfinite = isInfinity(ySe, yHi, yLo);
  const xZero = isZero(xSe, xHi, xLo);
  const xInfinite = isInfinity(xSe, xHi, xLo);
  if ((xInfinite && (signX !== 0 || yZero)) || (xZero && yInfinite)) {
    invalid(cw);
    return;
  }
  if (isDenormal(xSe, xHi, xLo) || isDenormal(ySe, yHi, yLo)) {
    if (signalDenormal(cw) !== 0) return;
  }
  if (xInfinite || yInfinite) {
    infinity(signX ^ signY);
    return;
  }
  if (xZero || yZero) {
    setResult((signX ^ signY) << 15, 0, 0);
    return;
  }
  if (signX !== 0 && (xSe & 0x7fff) >= 0x3fff) {
    f80.status |= PE;
    setResult(xSe, xHi, xLo);
    return;
  }
  normalise(normB, xSe, xHi, xLo);
  const m = (BigInt(normB.hi >>> 0) << 32n) | BigInt(normB.lo >>> 0);
  const e = normB.exp - 16383 - 63;
  if (e < -63 - 190) {
    // log2(1 + x) = x × log2(e) to far more than the bits that count.
    normalise(normA, ySe, yHi, yLo);
    const y = (BigInt(normA.hi >>> 0) << 32n) | BigInt(normA.lo >>> 0);
    roundIrrational(cw, signX ^ signY, y * m * LOG2E, normA.exp - 16383 - 63 + e - BITS);
    return;
  }
  if (e > 64) {
    // The one vanishes beside x.
    logarithm80(cw, ySe, yHi, yLo, xSe, xHi, xLo);
    return;
  }
  largerOrNear(cw, ySe, yHi, yLo, signX !== 0 ? -m : m, e);
}

/** x + 1 = sum ÷ one exactly, scaled into √½ … √2 by 2^k. */
function largerOrNear(
  cw: number,
  ySe: number,
  yHi: number,
  yLo: number,
  x: bigint,
  e: number,
): void {
  const one = e < 0 ? 1n << BigInt(-e) : 1n;
  let sum = (e < 0 ? x : x << BigInt(e)) + one;
  let unit = one;
  let k = 0;
  while (sum * 5n > unit * 7n) {
    unit <<= 1n;
    k++;
  }
  while (sum * 10n < unit * 7n) {
    sum <<= 1n;
    k--;
  }
  if (sum === unit) {
    timesInteger(cw, ySe, yHi, yLo, k);
    return;
  }
  const log = (BigInt(k) << (POINT + SLACK)) + twiceArtanhLog2(sum - unit, sum + unit);
  timesLogarithm(cw, ySe, yHi, yLo, log);
}
