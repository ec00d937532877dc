// Random and edge operands for the comparisons with the host CPU. Deterministic: seeded by the caller.
import type { NativeCase } from './harness.contract.js';

export interface Random {
  /** A uniform u32. */
  u32(): number;
  below(n: number): number;
}

export function seeded(seed: number): Random {
  let state = seed | 0 || 1;
  const u32 = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, below: (n) => Math.floor((u32() / 4294967296) * n) };
}

/** A bit pattern: uniform, sparse, dense, or with a long run, so that ties and carries are common. */
export function pattern(random: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  const uniform = ((BigInt(random.u32()) << 32n) | BigInt(random.u32())) & all;
  switch (random.below(7)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2: {
      let sparse = 0n;
      for (let i = random.below(4); i >= 0; i--) sparse |= 1n << BigInt(random.below(bits));
      return random.below(2) === 0 ? sparse : all & ~sparse;
    }
    case 3: {
      const low = BigInt(random.below(bits));
      return (uniform >> low) << low;
    }
    case 4: {
      const low = BigInt(random.below(bits));
      return (uniform | ((1n << low) - 1n)) & all;
    }
    default:
      return uniform;
  }
}

/** A float80 as an 80-bit integer; `near` = an exponent to stay close to. */
export function float80(random: Random, near: number): bigint {
  const sign = BigInt(random.below(2)) << 79n;
  let exp = near;
  let integer = 1n << 63n;
  switch (random.below(16)) {
    case 0:
      return sign; // zero
    case 1:
      return sign | (0x7fffn << 64n) | (1n << 63n); // infinity
    case 2:
      return sign | (0x7fffn << 64n) | pattern(random, 64) | (1n << 63n); // mostly NaN
    case 3:
      return sign | pattern(random, random.below(64) + 1); // denormal or pseudo-denormal
    case 4:
      if (random.below(2) === 0) integer = 0n; // unnormal, pseudo-NaN, pseudo-infinity
      exp = random.below(4) === 0 ? 0x7fff : random.below(0x7fff);
      break;
    case 5:
      exp = random.below(0x7fff);
      break;
    case 6:
      exp = 1 + random.below(80);
      break;
    case 7:
      exp = 0x7ffe - random.below(80);
      break;
    case 8:
      exp = 16383 + random.below(70) - 3;
      break;
    case 9:
      exp = 16383 - 1022 + random.below(70) - 64;
      break;
    case 10:
      exp = 16383 - 126 + random.below(40) - 30;
      break;
    case 11:
      exp = 16383 + (random.below(2) === 0 ? 127 : 1023) + random.below(4) - 2;
      break;
    default:
      exp += random.below(5) === 0 ? random.below(140) - 70 : random.below(5) - 2;
  }
  exp = Math.min(0x7fff, Math.max(0, exp));
  return sign | (BigInt(exp) << 64n) | integer | pattern(random, 63);
}

/** Two float80 operands whose exponents are often close. */
export function float80Pair(random: Random): [bigint, bigint] {
  const near = random.below(3) === 0 ? random.below(0x7fff) : 16383 + random.below(200) - 100;
  return [float80(random, near), float80(random, near)];
}

/** float64 or float32 bits. */
export function binary(random: Random, exponentBits: number, fractionBits: number): bigint {
  const top = (1 << exponentBits) - 1;
  const bias = top >> 1;
  const sign = BigInt(random.below(2)) << BigInt(exponentBits + fractionBits);
  let exp = bias;
  let fraction = pattern(random, fractionBits);
  switch (random.below(12)) {
    case 0:
      return sign;
    case 1:
      exp = top;
      if (random.below(2) === 0) fraction = 0n;
      break;
    case 2:
      exp = 0;
      break;
    case 3:
      exp = 1 + random.below(fractionBits + 3);
      break;
    case 4:
      exp = top - 1 - random.below(3);
      break;
    case 5:
      exp = random.below(top);
      break;
    case 6:
      exp = bias + random.below(68) - 2;
      break;
    case 7:
      exp = (bias >> 1) + random.below(fractionBits + 8) - 4;
      break;
    default:
      exp = bias + random.below(9) - 4;
  }
  exp = Math.min(top, Math.max(0, exp));
  return sign | (BigInt(exp) << BigInt(fractionBits)) | fraction;
}

/** Operands, masks and controls for one x87 operation of the harness. */
export function x87Case(random: Random, op: number): NativeCase {
  let [a, b] = float80Pair(random);
  if (op === 30) a = binary(random, 8, 23);
  if (op === 31) a = binary(random, 11, 52);
  if (op >= 60 && op < 70) b = binary(random, 8, 23);
  if (op >= 70) b = binary(random, 11, 52);
  if (op === 35) {
    a = BigInt(random.below(2)) << 79n;
    for (let shift = 0n; shift < 72n; shift += 4n) a |= BigInt(random.below(10)) << shift;
  }
  if (op === 12 && random.below(2) === 0) {
    const exponent = BigInt(16383 + random.below(18));
    b = (BigInt(random.below(2)) << 79n) | (exponent << 64n) | (1n << 63n) | pattern(random, 63);
  }
  const masks = random.below(3) !== 0 ? 0x3f : random.below(64);
  const cw = 0x40 | masks | (random.below(4) << 10) | (random.below(4) << 8);
  return { op, cw, mxcsr: 0x1f80, a, b, imm: 0 };
}
