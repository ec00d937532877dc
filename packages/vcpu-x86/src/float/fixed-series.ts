// Fixed-point BigInt series for the x87 transcendentals: FRACTION_BITS bits after the point, errors below 2^-180.
// Each kernel is the function divided by its leading term, so tiny arguments keep full relative accuracy.
import { setExact } from './exact.js';
import { PC_EXTENDED, roundFloat80 } from './float80-round.js';

const FRACTION_BITS = 192;
const F = BigInt(FRACTION_BITS);
export const ONE: bigint = 1n << F;
/** FRACTION_BITS, as the bigint shifts need it. */
export const POINT: bigint = F;

/** π, ln 2 and log2(e), rounded to FRACTION_BITS bits after the point (computed once from series). */
export const PI: bigint = 4n * (4n * arctangentOfInverse(5n) - arctangentOfInverse(239n));
export const LN2: bigint =
  18n * inverseArtanh(26n) - 2n * inverseArtanh(4801n) + 8n * inverseArtanh(8749n);
export const LOG2E: bigint = (ONE << F) / LN2;

/** atan(1/n) for small n. */
function arctangentOfInverse(n: bigint): bigint {
  const guard = 32n;
  const square = n * n;
  let power = (ONE << guard) / n;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += (k & 2n) === 0n ? power / k : -power / k;
    power /= square;
  }
  return sum >> guard;
}

/** artanh(1/n); ln 2 = 18 artanh(1/26) − 2 artanh(1/4801) + 8 artanh(1/8749). */
function inverseArtanh(n: bigint): bigint {
  const guard = 32n;
  const square = n * n;
  let power = (ONE << guard) / n;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power /= square;
  }
  return sum >> guard;
}

/** sin(r) / r from t = r²; below 1 whenever r ≠ 0, however small. */
export function sineKernel(t: bigint): bigint {
  return alternating(t, 2n);
}

/** cos(r) from t = r²; below 1 whenever r ≠ 0. */
export function cosineKernel(t: bigint): bigint {
  return alternating(t, 1n);
}

/** 1 − t/(n(n+1)) + t²/(n … (n+3)) − … for 0 ≤ t < 1. */
function alternating(t: bigint, first: bigint): bigint {
  let sum = ONE;
  let term = ONE;
  let n = first;
  let negative = true;
  while (true) {
    term = (term * t) >> F;
    term /= n * (n + 1n);
    if (term === 0n) break;
    sum += negative ? -term : term;
    negative = !negative;
    n += 2n;
  }
  return sum < ONE ? sum : ONE - 1n;
}

/** (e^z − 1) / z for |z| < 1, z signed. */
export function exponentialKernel(z: bigint): bigint {
  let sum = ONE;
  let term = ONE;
  for (let n = 2n; ; n++) {
    term = (term * z) / ONE / n;
    if (term === 0n) return sum;
    sum += term;
  }
}

/** artanh(z) / z from t = z² (t < 0.1). */
export function artanhKernel(t: bigint): bigint {
  let sum = ONE;
  let power = t;
  for (let n = 3n; power !== 0n; n += 2n) {
    sum += power / n;
    power = (power * t) >> F;
  }
  return sum;
}

/** atan(q) / q from t = q² (t ≤ 1/256); below 1 whenever q ≠ 0. */
function smallArctangentKernel(t: bigint): bigint {
  let sum = ONE;
  let power = t;
  for (let n = 3n; power !== 0n; n += 2n) {
    sum += (n & 2n) !== 0n ? -power / n : power / n;
    power = (power * t) >> F;
  }
  return sum < ONE ? sum : ONE - 1n;
}

/** atan(i / 16), each from the one before: atan(i/16) − atan((i−1)/16) = atan(16 / (256 + i(i−1))). */
const sixteenths: bigint[] = [0n];

function arctangentOfSixteenth(i: number): bigint {
  for (let k = sixteenths.length; k <= i; k++) {
    const step = (ONE * 16n) / BigInt(256 + k * (k - 1));
    sixteenths.push(sixteenths[k - 1] + ((step * smallArctangentKernel((step * step) >> F)) >> F));
  }
  return sixteenths[i];
}

/** atan(q) / q for 0 < q ≤ 1; below 1. A q of 0 stands for one too small to show. */
export function arctangentKernel(q: bigint): bigint {
  if (q <= ONE >> 4n) return smallArctangentKernel((q * q) >> F);
  const nearest = Number((q + (ONE >> 5n)) >> (F - 4n));
  const center = (ONE * BigInt(nearest)) >> 4n;
  const offset = ((q - center) << F) / (ONE + ((q * center) >> F));
  const small = (offset * smallArctangentKernel((offset * offset) >> F)) / ONE;
  return ((arctangentOfSixteenth(nearest) + small) << F) / q;
}

export function bitLength(m: bigint): number {
  const hex = m.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0], 16)) + 28;
}

/** Delivers ±m × 2^e, m > 0 truncated from an irrational value (so never exact), rounded to 64 bits by `cw`. */
export function roundIrrational(cw: number, sign: number, m: bigint, e: number): void {
  const length = bitLength(m);
  const drop = length - 96;
  const top = drop >= 0 ? m >> BigInt(drop) : m << BigInt(-drop);
  setExact(
    sign,
    16383 + e + length - 1,
    Number(top >> 64n) | 0,
    Number((top >> 32n) & 0xffffffffn) | 0,
    Number(top & 0xffffffffn) | 1,
  );
  roundFloat80(cw | PC_EXTENDED);
}

/** value × 2^shift, truncated. */
export function shifted(value: bigint, shift: number): bigint {
  return shift >= 0 ? value << BigInt(shift) : value >> BigInt(-shift);
}
