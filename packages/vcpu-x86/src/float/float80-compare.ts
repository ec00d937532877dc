// @hot
// FCOM, FUCOM, FTST, FXAM. SDM Vol. 2 tables 3-21, 3-39 and Vol. 1 §8.1.3.3. The outcome is in f80.status as condition
// codes C3 C2 C0; for FCOMI and FUCOMI these are ZF, PF, CF. With f80.stored = 0 (unmasked exception) the stack stays
// as it is, but condition codes and EFLAGS are set all the same: the SDM says otherwise, hardware does this.
import {
  begin,
  C0,
  C1,
  C2,
  C3,
  f80,
  IE,
  isDenormal,
  isNaN80,
  isSignalling,
  isUnsupported,
  isZero,
  normA,
  normalise,
  normB,
  signalDenormal,
} from './float80-format.js';

/**
 * Compares a with b. `quiet` = 1 is FUCOM: only signalling NaNs and unsupported formats are invalid.
 * C3 C2 C0: 000 a > b, 001 a < b, 100 equal, 111 unordered.
 */
export function compare80(
  cw: number,
  quiet: number,
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
  const unsupported = isUnsupported(aSe, aHi) || isUnsupported(bSe, bHi);
  if (unsupported || isNaN80(aSe, aHi, aLo) || isNaN80(bSe, bHi, bLo)) {
    f80.status = C3 | C2 | C0;
    if (unsupported || quiet === 0 || isSignalling(aSe, aHi, aLo) || isSignalling(bSe, bHi, bLo)) {
      f80.status |= IE;
      if ((cw & IE) === 0) f80.stored = 0;
    }
    return;
  }
  if (isDenormal(aSe, aHi, aLo) || isDenormal(bSe, bHi, bLo)) {
    signalDenormal(cw);
  }
  const order = orderOf(aSe, aHi, aLo, bSe, bHi, bLo);
  if (order === 0) f80.status |= C3;
  else if (order < 0) f80.status |= C0;
}

/** Sign of a − b for numbers (no NaN). */
function orderOf(
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): number {
  const aZero = isZero(aSe, aHi, aLo);
  const bZero = isZero(bSe, bHi, bLo);
  const signA = aSe & 0x8000;
  if (aZero && bZero) return 0;
  if (bZero) return signA !== 0 ? -1 : 1;
  if (aZero) return (bSe & 0x8000) !== 0 ? 1 : -1;
  if (signA !== (bSe & 0x8000)) return signA !== 0 ? -1 : 1;
  normalise(normA, aSe, aHi, aLo);
  normalise(normB, bSe, bHi, bLo);
  let magnitude = 0;
  if (normA.exp !== normB.exp) magnitude = normA.exp < normB.exp ? -1 : 1;
  else if (normA.hi !== normB.hi) magnitude = normA.hi >>> 0 < normB.hi >>> 0 ? -1 : 1;
  else if (normA.lo !== normB.lo) magnitude = normA.lo >>> 0 < normB.lo >>> 0 ? -1 : 1;
  return signA !== 0 ? -magnitude : magnitude;
}

/** FXAM: class in C3 C2 C0 and the sign in C1. `empty` = 1 when the register's tag says empty. */
export function examine80(empty: number, se: number, hi: number, lo: number): void {
  begin();
  const sign = (se & 0x8000) !== 0 ? C1 : 0;
  let kind = C2; // normal
  if (empty !== 0) kind = C3 | C0;
  else if (isUnsupported(se, hi)) kind = 0;
  else if ((se & 0x7fff) === 0x7fff) kind = ((hi << 1) | lo) === 0 ? C2 | C0 : C0;
  else if ((se & 0x7fff) === 0) kind = (hi | lo) === 0 ? C3 : C3 | C2;
  f80.status = kind | sign;
}

/** The tag FSTENV and FSAVE compute for a register that is not empty: 0 valid, 1 zero, 2 special. */
export function tagOf80(se: number, hi: number, lo: number): number {
  const exp = se & 0x7fff;
  if (exp === 0) return (hi | lo) === 0 ? 1 : 2;
  return exp === 0x7fff || (hi | 0) >= 0 ? 2 : 0;
}
