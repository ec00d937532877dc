// FPATAN: the angle of the point (x = ST0, y = ST1), correctly rounded. SDM Vol. 2, table 3-30.
import { arctangentKernel, ONE, PI, POINT, roundIrrational, shifted } from './fixed-series.js';
import {
  begin,
  isDenormal,
  isInfinity,
  isZero,
  type Normalised,
  normA,
  normalise,
  normB,
  setResult,
  signalDenormal,
} from './float80-format.js';
import { propagateNaN } from './float80-nan.js';

const BITS = Number(POINT);

function significand(n: Normalised): bigint {
  return (BigInt(n.hi >>> 0) << 32n) | BigInt(n.lo >>> 0);
}

/** ST1 = atan2(y, x): first the (se, hi, lo) of y = ST1, then of x = ST0. */
export function arctangent80(
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
  if (isDenormal(xSe, xHi, xLo) || isDenormal(ySe, yHi, yLo)) {
    if (signalDenormal(cw) !== 0) return;
  }
  const sign = (ySe >> 15) & 1;
  const left = (xSe & 0x8000) !== 0;
  const xInfinite = isInfinity(xSe, xHi, xLo);
  const yInfinite = isInfinity(ySe, yHi, yLo);
  if (xInfinite && yInfinite) {
    roundIrrational(cw, sign, left ? 3n * PI : PI, -2 - BITS);
    return;
  }
  if (isZero(ySe, yHi, yLo) || xInfinite) {
    if (left) roundIrrational(cw, sign, PI, -BITS);
    else setResult(sign << 15, 0, 0);
    return;
  }
  if (isZero(xSe, xHi, xLo) || yInfinite) {
    roundIrrational(cw, sign, PI, -1 - BITS);
    return;
  }
  normalise(normA, ySe, yHi, yLo);
  normalise(normB, xSe, xHi, xLo);
  const y = significand(normA);
  const x = significand(normB);
  const steep = normA.exp > normB.exp || (normA.exp === normB.exp && y > x);
  // q = smaller ÷ larger = quotient × 2^power, the quotient with full relative precision.
  const quotient = steep ? (x << POINT) / y : (y << POINT) / x;
  const power = steep ? normB.exp - normA.exp : normA.exp - normB.exp;
  const kernel = arctangentKernel(power < -2 * BITS ? 0n : shifted(quotient, power));
  if (!steep && !left) {
    roundIrrational(cw, sign, quotient * kernel, power - 2 * BITS);
    return;
  }
  const angle = power < -2 * BITS ? 0n : shifted((quotient * kernel) / ONE, power);
  if (!steep) roundIrrational(cw, sign, PI - angle, -BITS);
  else roundIrrational(cw, sign, left ? PI + 2n * angle : PI - 2n * angle, -1 - BITS);
}
