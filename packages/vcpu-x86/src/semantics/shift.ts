// Shifts and rotates (SDM vol. 1 §7.3.6, vol. 2 SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). The count is masked to 5 bits
// (6 for 64-bit operands); a masked count of 0 changes no flag. What the SDM leaves undefined is as AMD's processors have it,
// mostly Intel's too: OF follows the rule of count 1 for every count; AF, which varies, is 0; SHLD and SHRD of words by more
// than 16 shift `dest:src:src`, and only bits of dest reach CF and OF.
import type { Builder, Value } from '../ir/builder.js';
import { flag, flagsOfResult, flagsOfShift, setCarryOverflow } from '../ir/flags.js';
import type { Bits } from '../ir/node.js';
import type { Operands, Semantics } from './operands.js';

/** The masked count in operand `i` (i32), or null when the row says 1. */
function countOf(b: Builder, x: Operands, i: number): Value | null {
  if (x.operand(i).fixed === '1') return null;
  return b.andc(x.read(i), x.bits === 64 ? 63 : 31);
}
/** A count as a value of the operand's type. */
const like = (b: Builder, count: Value, a: Value): Value =>
  a.type === 'i64' ? b.extendU(count) : count;
/** Runs `body` unless the count is 0. */
function unlessZero(b: Builder, count: Value | null, body: () => void): void {
  if (count) b.if(count, body);
  else body();
}
/** Bit `n` of a value as i32 0 or 1. */
const bit = (b: Builder, v: Value, n: number): Value => {
  const low = b.shrUc(v, n);
  return b.wrap(n === (v.type === 'i64' ? 63 : 31) ? low : b.andc(low, 1));
};

/** SF ZF PF of the result, AF 0; CF and OF = CF ^ `top` (i32 0 or 1). */
function shiftedFlags(b: Builder, bits: Bits, result: Value, cf: Value, top: Value): void {
  flagsOfShift(b, bits, result, cf, top);
}

/** The last bit out of a left shift by `n` ≠ 0: still there above a byte or word in 32 bits, else at the shift's other end. */
const carryLeft = (b: Builder, bits: Bits, a: Value, n: Value): Value =>
  bits < 32 ? bit(b, b.shl(a, n), bits) : b.wrap(b.andc(b.shrU(a, b.neg(n)), 1));
/** The last bit out of a right shift by `n` ≠ 0. */
const carryRight = (b: Builder, a: Value, n: Value): Value =>
  b.wrap(b.andc(b.shrU(a, b.addc(n, -1)), 1));

export const shl: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = x.modify();
  const n = count ? like(b, count, a) : b.constantLike(a, 1);
  const result = b.shl(a, n);
  x.result(result);
  unlessZero(b, count, () => {
    shiftedFlags(b, bits, result, carryLeft(b, bits, a, n), bit(b, result, bits - 1));
  });
};
export const shr: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = x.modify();
  const n = count ? like(b, count, a) : b.constantLike(a, 1);
  const result = b.shrU(a, n);
  x.result(result);
  unlessZero(b, count, () => {
    const cf = carryRight(b, a, n);
    flagsOfResult(b, bits, result, cf, bit(b, b.xor(result, b.shlc(result, 1)), bits - 1));
  });
};
export const sar: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = b.signExtend(x.modify(), bits);
  const n = count ? like(b, count, a) : b.constantLike(a, 1);
  const result = b.shrS(a, n);
  x.result(result);
  unlessZero(b, count, () => {
    const cf = b.wrap(b.andc(b.shrS(a, b.addc(n, -1)), 1));
    flagsOfResult(b, bits, result, cf, b.i32(0));
  });
};

/** Bytes and words are repeated over all 32 bits, so that the machine's rotate is theirs. */
const repeated = (b: Builder, a: Value, bits: Bits): Value =>
  bits === 8 ? b.mul(a, b.i32(0x01010101)) : bits === 16 ? b.or(a, b.shlc(a, 16)) : a;

export const rol: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = repeated(b, x.modify(), bits);
  const result = b.rotl(a, count ? like(b, count, a) : b.constantLike(a, 1));
  x.result(result);
  unlessZero(b, count, () => {
    const cf = bit(b, result, 0);
    setCarryOverflow(b, cf, bit(b, result, bits - 1));
  });
};
export const ror: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = repeated(b, x.modify(), bits);
  const result = b.rotr(a, count ? like(b, count, a) : b.constantLike(a, 1));
  x.result(result);
  unlessZero(b, count, () => {
    const cf = bit(b, result, bits - 1);
    setCarryOverflow(b, cf, bit(b, result, bits - 2));
  });
};

/** What a rotate through carry leaves: the result, and CF as i32 0 or 1. */
interface Rotated {
  readonly result: Value;
  readonly cf: Value;
}
/** Up to 32 bits: operand and carry side by side in one value of `bits` + 1 bits, rotated left by `n` ≤ `bits`. */
function rotateNarrow(b: Builder, bits: Bits, a: Value, carry: Value, n: Value): Rotated {
  const wide = bits === 32;
  const [value, c, count] = wide ? [b.extendU(a), b.extendU(carry), b.extendU(n)] : [a, carry, n];
  const whole = b.or(value, b.shlc(c, bits));
  const result = b.or(
    b.shl(whole, count),
    b.shrU(whole, b.sub(b.constantLike(count, bits + 1), count)),
  );
  return { result: b.wrap(result), cf: bit(b, result, bits) };
}
/** 64 bits, left by `n` (i64, 0–63). */
function rotateLeft64(b: Builder, a: Value, carry: Value, n: Value): Rotated {
  const back = b.neg(n);
  const low = b.shrU(b.shrUc(a, 1), back);
  const middle = b.shl(b.extendU(carry), b.addc(n, -1));
  const moved = b.or(b.or(b.shl(a, n), middle), low);
  const zero = b.eqz(n);
  return {
    result: b.select(zero, a, moved),
    cf: b.select(zero, carry, b.wrap(b.andc(b.shrU(a, back), 1))),
  };
}
/** 64 bits, right by `n` (i64, 0–63). */
function rotateRight64(b: Builder, a: Value, carry: Value, n: Value): Rotated {
  const back = b.neg(n);
  const high = b.shl(b.shlc(a, 1), back);
  const middle = b.shl(b.extendU(carry), back);
  const moved = b.or(b.or(b.shrU(a, n), middle), high);
  const zero = b.eqz(n);
  const cf = b.wrap(b.andc(b.shrU(a, b.addc(n, -1)), 1));
  return { result: b.select(zero, a, moved), cf: b.select(zero, carry, cf) };
}
/** The count of a rotate through carry, modulo the `bits` + 1 places. */
const placesOf = (b: Builder, count: Value, bits: Bits): Value =>
  bits < 32 ? b.remU(count, b.i32(bits + 1)) : count;

export const rcl: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = x.modify();
  const carry = flag(b, 'cf');
  const n = count ? placesOf(b, count, bits) : b.i32(1);
  const { result, cf } =
    bits === 64 ? rotateLeft64(b, a, carry, b.extendU(n)) : rotateNarrow(b, bits, a, carry, n);
  x.result(result);
  unlessZero(b, count, () => setCarryOverflow(b, cf, bit(b, result, bits - 1)));
};
export const rcr: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 1);
  const a = x.modify();
  const carry = flag(b, 'cf');
  const n = count ? placesOf(b, count, bits) : b.i32(1);
  const { result, cf } =
    bits === 64
      ? rotateRight64(b, a, carry, b.extendU(n))
      : rotateNarrow(b, bits, a, carry, leftPlaces(b, n, bits));
  x.result(result);
  unlessZero(b, count, () => {
    setCarryOverflow(b, cf, b.xor(cf, bit(b, b.xor(result, b.shlc(result, 1)), bits - 1)));
  });
};
/** A rotate right by `n` of `bits` + 1 places is one to the left by the others; 0 stays in range as all of them. */
const leftPlaces = (b: Builder, n: Value, bits: Bits): Value => b.sub(b.i32(bits + 1), n);

export const shld: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 2) as Value;
  const source = x.read(1);
  const a = x.modify();
  const result =
    bits === 64
      ? b.or(b.shl(a, b.extendU(count)), b.shrU(b.shrUc(source, 1), b.xorc(b.extendU(count), 63)))
      : b.wrap(b.shrUc(b.shl(pairOf(b, bits, a, source), b.extendU(count)), 32));
  x.result(result);
  b.if(count, () => {
    const n = like(b, count, a);
    const top = bit(b, bits === 16 ? b.shl(a, n) : result, bits - 1);
    shiftedFlags(b, bits, result, carryLeft(b, bits, a, n), top);
  });
};
/** dest:src:src (48 bits) for words, dest:src (64 bits) for doublewords. */
function pairOf(b: Builder, bits: Bits, a: Value, source: Value): Value {
  const src = b.extendU(source);
  const pair = b.or(b.shlc(b.extendU(a), 32), bits === 16 ? b.shlc(src, 16) : src);
  return bits === 16 ? b.or(pair, src) : pair;
}
export const shrd: Semantics = (b, x) => {
  const { bits } = x;
  const count = countOf(b, x, 2) as Value;
  const source = x.read(1);
  const a = x.modify();
  const n = b.extendU(count);
  const result =
    bits === 64
      ? b.or(b.shrU(a, n), b.shl(b.shlc(source, 1), b.xorc(n, 63)))
      : b.wrap(b.shrU(reversedPairOf(b, bits, a, source), n));
  x.result(result);
  b.if(count, () => {
    const cf = carryRight(b, a, like(b, count, a));
    flagsOfResult(b, bits, result, cf, bit(b, b.xor(result, b.shlc(result, 1)), bits - 1));
  });
};
/** src:src:dest (48 bits) for words, src:dest (64 bits) for doublewords. */
function reversedPairOf(b: Builder, bits: Bits, a: Value, source: Value): Value {
  const src = b.extendU(source);
  const pair = b.or(b.extendU(a), b.shlc(src, bits));
  return bits === 16 ? b.or(pair, b.shlc(src, 32)) : pair;
}

export const shiftSemantics = {
  SHL: shl,
  SHR: shr,
  SAR: sar,
  ROL: rol,
  ROR: ror,
  RCL: rcl,
  RCR: rcr,
  SHLD: shld,
  SHRD: shrd,
} as const satisfies Record<string, Semantics>;
