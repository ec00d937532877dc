// Operand values where instructions go wrong: integer boundaries, and every class of IEEE 754 and
// x87 extended number (SDM 1 §4.8.3, §8.2.2), drawn together with plain random ones.
import type { Random } from './random.js';

export type IntegerWidth = 8 | 16 | 32 | 64;
/** How the bytes of a vector register or memory operand are drawn. */
export type Lane = 'int8' | 'int16' | 'int32' | 'int64' | 'float32' | 'float64';

/** An integer of `width` bits, unsigned: about half the draws are boundary values. */
export function drawInteger(random: Random, width: IntegerWidth): bigint {
  const mask = (1n << BigInt(width)) - 1n;
  const sign = 1n << BigInt(width - 1);
  switch (random.below(10)) {
    case 0:
      return random.pick([0n, 1n, mask]);
    case 1:
      return random.pick([sign, sign - 1n, sign + 1n, mask - 1n]) & mask;
    case 2: {
      const power = 1n << BigInt(random.below(width));
      return random.pick([power, power - 1n, ~power & mask, (power + 1n) & mask]);
    }
    case 3:
      return BigInt(random.below(16));
    case 4:
      return random.u64() & mask & random.u64();
    case 5: // a run of ones
      return ((mask >> BigInt(random.below(width))) << BigInt(random.below(width))) & mask;
    default:
      return random.u64() & mask;
  }
}

interface FloatFormat {
  readonly exponentBits: number;
  readonly fractionBits: number;
}
const FLOAT32: FloatFormat = { exponentBits: 8, fractionBits: 23 };
const FLOAT64: FloatFormat = { exponentBits: 11, fractionBits: 52 };

function drawExponent(random: Random, format: FloatFormat): number {
  const bias = 2 ** (format.exponentBits - 1) - 1;
  // Mostly near 1.0, so that sums cancel and products stay in range; the rest anywhere.
  if (random.below(3)) return bias - 8 + random.below(format.fractionBits + 16);
  return 1 + random.below(2 * bias);
}

function drawFraction(random: Random, bits: number): bigint {
  const width = BigInt(bits);
  const mask = (1n << width) - 1n;
  const wide = random.u64() & mask;
  switch (random.below(5)) {
    case 0:
      return random.pick([0n, 1n, mask, 1n << (width - 1n), mask >> 1n]);
    case 1: // few significant bits: exact results, ties
      return (wide >> (width - 6n)) << (width - 6n);
    default:
      return wide;
  }
}

function drawFloat(random: Random, format: FloatFormat): bigint {
  const { exponentBits, fractionBits } = format;
  const fraction = BigInt(fractionBits);
  const sign = BigInt(random.below(2)) << BigInt(exponentBits + fractionBits);
  const top = (1n << BigInt(exponentBits)) - 1n;
  const at = (exponent: bigint, f: bigint): bigint => sign | (exponent << fraction) | f;
  const quiet = 1n << (fraction - 1n);
  const payload = drawFraction(random, fractionBits);
  switch (random.below(14)) {
    case 0:
      return at(0n, 0n);
    case 1:
      return at(top, 0n);
    case 2:
      return at(top, quiet | payload);
    case 3:
      return at(top, payload & ~quiet || 1n);
    case 4:
      return at(0n, payload || 1n);
    case 5:
      return random.pick([at(1n, 0n), at(top - 1n, quiet * 2n - 1n), at(1n, 1n)]);
    case 6: // an integer around a conversion boundary
      return at((top >> 1n) + BigInt(random.pick([7, 8, 15, 16, 30, 31, 32, 62, 63, 64])), payload);
    default:
      return at(BigInt(drawExponent(random, format)), payload);
  }
}

/** One x87 register, 10 bytes: also denormals, pseudo-denormals and the unsupported encodings. */
export function drawExtended(random: Random): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  const integerBit = 1n << 63n;
  let exponent = 0x3fff - 16 + random.below(90);
  let significand = drawFraction(random, 63) | integerBit;
  switch (random.below(16)) {
    case 0:
      [exponent, significand] = [0, 0n];
      break;
    case 1:
      [exponent, significand] = [0x7fff, integerBit];
      break;
    case 2:
      [exponent, significand] = [0x7fff, integerBit | (1n << 62n) | drawFraction(random, 62)];
      break;
    case 3:
      [exponent, significand] = [0x7fff, integerBit | drawFraction(random, 62) || 1n];
      break;
    case 4: // denormal, or pseudo-denormal with the integer bit set
      [exponent, significand] = [0, random.oneIn(3) ? significand : drawFraction(random, 63) || 1n];
      break;
    case 5: // unsupported: integer bit clear with an exponent (unnormal, pseudo-NaN, -infinity)
      if (random.oneIn(3))
        [exponent, significand] = [random.pick([exponent, 0x7fff]), significand & ~integerBit];
      break;
    case 6:
      exponent = random.below(0x8000);
      break;
    case 7:
      exponent = random.pick([1, 0x7ffe, 0x3fff - 63, 0x3c00, 0x43fe, 0x3f80, 0x407f]);
      break;
    case 8:
      [exponent, significand] = [0x3fff, integerBit];
      break;
    default:
  }
  view.setBigUint64(0, significand, true);
  view.setUint16(8, exponent | (random.below(2) << 15), true);
  return bytes;
}

/** `byteLength` bytes of lanes of one kind (a partial last lane is cut off). */
export function drawLanes(random: Random, lane: Lane, byteLength: number): Uint8Array {
  const laneBits = Number(lane.replace(/\D+/, '')) as IntegerWidth;
  const step = laneBits / 8;
  const bytes = new Uint8Array(Math.ceil(byteLength / step) * step);
  const format = lane === 'float32' ? FLOAT32 : lane === 'float64' ? FLOAT64 : undefined;
  for (let at = 0; at < bytes.length; at += step) {
    let value = format ? drawFloat(random, format) : drawInteger(random, laneBits);
    for (let i = 0; i < step; i++, value >>= 8n) bytes[at + i] = Number(value & 0xffn);
  }
  return bytes.subarray(0, byteLength);
}
