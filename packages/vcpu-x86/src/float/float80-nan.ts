// @hot
// NaN and unsupported operands of the x87. SDM Vol. 1 §4.8.3.5, table 4-7; priority of exceptions: §4.9.2.
import { f80, IE, invalid, isNaN80, isUnsupported, setResult } from './float80-format.js';

const QUIET_BIT = 0x40000000;

/**
 * Answers an operation that has a NaN or an unsupported operand: writes the result and returns true.
 * SNaN with QNaN gives the QNaN; two of a kind give the larger significand, then the positive one.
 */
export function propagateNaN(
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): boolean {
  if (isUnsupported(aSe, aHi) || isUnsupported(bSe, bHi)) {
    invalid(cw);
    return true;
  }
  const aNaN = isNaN80(aSe, aHi, aLo);
  const bNaN = isNaN80(bSe, bHi, bLo);
  if (!aNaN && !bNaN) return false;
  const aSignals = aNaN && (aHi & QUIET_BIT) === 0;
  const bSignals = bNaN && (bHi & QUIET_BIT) === 0;
  if (aSignals || bSignals) {
    f80.status |= IE;
    if ((cw & IE) === 0) f80.stored = 0;
  }
  let takeA = aNaN;
  if (aNaN && bNaN) {
    if (aSignals !== bSignals) takeA = bSignals;
    else if (aHi !== bHi) takeA = aHi >>> 0 > bHi >>> 0;
    else if (aLo !== bLo) takeA = aLo >>> 0 > bLo >>> 0;
    else takeA = (aSe & 0x8000) === 0;
  }
  if (takeA) setResult(aSe, aHi | QUIET_BIT, aLo);
  else setResult(bSe, bHi | QUIET_BIT, bLo);
  return true;
}

/** The same for one operand. */
export function propagateOneNaN(cw: number, se: number, hi: number, lo: number): boolean {
  if (isUnsupported(se, hi)) {
    invalid(cw);
    return true;
  }
  if (!isNaN80(se, hi, lo)) return false;
  if ((hi & QUIET_BIT) === 0) {
    f80.status |= IE;
    if ((cw & IE) === 0) f80.stored = 0;
  }
  setResult(se, hi | QUIET_BIT, lo);
  return true;
}
