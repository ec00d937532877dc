// FBLD and FBSTP: 18 packed decimal digits and a sign byte. SDM Vol. 1 §4.7, Vol. 2 FBLD, FBSTP.
// The ten bytes travel as f80.se (bytes 9..8: sign byte and the two highest digits), f80.hi (7..4), f80.lo (3..0).
import { begin, C1, f80, IE, normA, normalise, PE, setResult } from './float80-format.js';
import { isNotANumber } from './float80-integer.js';
import { integral, roundToIntegral } from './integral.js';

const LIMIT = 10n ** 18n;

/** FBLD: bytes 9..8 as `top`, then hi, lo. Digits above 9 are not checked (undefined by the SDM); never signals. */
export function fromBcd(top: number, hi: number, lo: number): void {
  begin();
  const sign = top & 0x8000;
  let value = BigInt((top >> 4) & 15) * 10n + BigInt(top & 15);
  for (let shift = 28; shift >= 0; shift -= 4) value = value * 10n + BigInt((hi >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) value = value * 10n + BigInt((lo >>> shift) & 15);
  if (value === 0n) {
    setResult(sign, 0, 0);
    return;
  }
  normalise(normA, 16383 + 63, Number(value >> 32n) | 0, Number(value & 0xffffffffn) | 0);
  setResult(sign | normA.exp, normA.hi, normA.lo);
}

/** FBSTP: the packed result in f80.se:hi:lo. Beyond 18 digits, NaN and infinity: invalid, packed indefinite. */
export function toBcd(cw: number, se: number, hi: number, lo: number): void {
  hi |= 0;
  lo |= 0;
  begin();
  const sign = (se >> 15) & 1;
  if ((se & 0x7fff) >= 16383 + 64 || isNotANumber(se, hi, lo)) {
    indefinite(cw);
    return;
  }
  let value = 0n;
  if ((hi | lo) !== 0) {
    normalise(normA, se, hi, lo);
    roundToIntegral((cw >> 10) & 3, sign, normA.exp, normA.hi, normA.lo);
    value = (BigInt(integral.hi >>> 0) << 32n) | BigInt(integral.lo >>> 0);
    if (value >= LIMIT) {
      indefinite(cw);
      return;
    }
    if (integral.inexact !== 0) f80.status |= integral.increased !== 0 ? PE | C1 : PE;
  }
  let packed = 0n;
  for (let shift = 0n; shift < 72n; shift += 4n) {
    packed |= (value % 10n) << shift;
    value /= 10n;
  }
  setResult(
    (sign << 15) | Number(packed >> 64n),
    Number((packed >> 32n) & 0xffffffffn),
    Number(packed & 0xffffffffn),
  );
}

function indefinite(cw: number): void {
  f80.status = IE;
  if ((cw & IE) === 0) f80.stored = 0;
  setResult(0xffff, 0xc0000000, 0);
}
