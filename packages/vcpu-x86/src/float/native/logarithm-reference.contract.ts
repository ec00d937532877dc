// y × log2(x) and y × log2(x + 1) rounded to 64 bits, by another way than the series of this folder: a logarithm's bits one after the
// other, since squaring a number doubles its logarithm.

/** Bits of a logarithm's fraction, and of the numbers it is taken from. */
const FRACTION = 220;
const PRECISION = 640n;
const ONE = 1n << PRECISION;

/** log2(numerator ÷ denominator) × 2^FRACTION, rounded down; both above 0. */
function log2(numerator: bigint, denominator: bigint): bigint {
  let m = (numerator << PRECISION) / denominator;
  let log = 0n;
  for (; m >= 2n * ONE; m >>= 1n) log++;
  for (; m < ONE; m <<= 1n) log--;
  for (let bit = 0; bit < FRACTION; bit++) {
    m = (m * m) >> PRECISION;
    log <<= 1n;
    if (m < 2n * ONE) continue;
    m >>= 1n;
    log |= 1n;
  }
  return log;
}

interface Parts {
  readonly sign: bigint;
  readonly significand: bigint;
  /** Of the significand's last bit. */
  readonly exponent: number;
}

function parts(float80: bigint): Parts {
  return {
    sign: float80 >> 79n,
    significand: float80 & 0xffffffffffffffffn,
    exponent: Number((float80 >> 64n) & 0x7fffn) - 16383 - 63,
  };
}

/** The 80 bits of value × 2^exponent, to nearest. For results in the range of normal numbers. */
function rounded(value: bigint, exponent: number): bigint {
  const magnitude = value < 0n ? -value : value;
  const drop = magnitude.toString(2).length - 64;
  let significand = (magnitude + (1n << BigInt(drop - 1))) >> BigInt(drop);
  let last = exponent + drop;
  if (significand >> 64n !== 0n) {
    significand >>= 1n;
    last++;
  }
  const sign = value < 0n ? 1n : 0n;
  return (sign << 79n) | (BigInt(last + 63 + 16383) << 64n) | significand;
}

/**
 * y × log2(x), or y × log2(x + 1) with `plusOne`, as the 80 bits of the nearest double extended number. For normal operands whose
 * logarithm is defined, irrational, and above 2^-60; a result so near a tie that 150 bits do not tell does not occur.
 */
export function nearestLogarithm(y: bigint, x: bigint, plusOne: boolean): bigint {
  const { sign, significand, exponent } = parts(x);
  const shift = BigInt(Math.abs(exponent));
  const [numerator, denominator] =
    exponent < 0 ? [significand, 1n << shift] : [significand << shift, 1n];
  const signed = sign === 0n ? numerator : -numerator;
  const log = log2(plusOne ? denominator + signed : signed, denominator);
  const factor = parts(y);
  const product = factor.significand * log;
  return rounded(factor.sign === 0n ? product : -product, factor.exponent - FRACTION);
}
