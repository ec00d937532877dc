// Multiplication and division (SDM vol. 2 MUL, IMUL, DIV, IDIV). The double-width operand lies in rDX:rAX, for bytes in AX.
// SF, ZF and PF of a product are undefined and follow its lower half; a division leaves all flags as they were.
import { DE } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { flagsOfResult } from '../ir/flags.js';
import type { Bits, Local } from '../ir/node.js';
import { type Operands, RAX, RDX, type Semantics } from './operands.js';
import { source } from './source.js';
import { divideWide, multiplyHighS, multiplyHighU } from './wide.js';

const AH = 1;

/** A value of up to 32 bits widened for an exact product or dividend: bytes and words fit i32. */
const widen = (b: Builder, v: Value, bits: Bits, signed: boolean): Value => {
  if (!signed) return bits === 32 ? b.extendU(v) : v;
  const s = b.signExtend(v, bits);
  return bits === 32 ? b.extendS(s) : s;
};
/** Writes rDX:rAX (AX for bytes) from halves. */
function setPair(x: Operands, bits: Bits, low: Value, high: Value): void {
  x.setRegister(RAX, bits, low);
  x.setRegister(RDX, bits, high);
}

function multiplyPair(b: Builder, x: Operands, signed: boolean): void {
  const { bits } = x;
  const c = x.read(0);
  const a = x.getRegister(RAX, bits);
  if (bits === 64) {
    const low = b.mul(a, c);
    const high = signed ? multiplyHighS(b, a, c) : multiplyHighU(b, a, c);
    setPair(x, 64, low, high);
    const over = signed ? b.ne(high, b.shrSc(low, 63)) : b.nez(high);
    return flagsOfResult(b, 64, low, over, over);
  }
  const product = b.mul(widen(b, a, bits, signed), widen(b, c, bits, signed));
  const high = b.shrUc(product, bits);
  if (bits === 8) x.setRegister(RAX, 16, product);
  else setPair(x, bits, b.wrap(product), b.wrap(high));
  const over = signed ? b.ne(product, b.signExtend(product, bits)) : b.nez(high);
  flagsOfResult(b, bits, b.wrap(product), over, over);
}
/** IMUL with two or three operands: a truncated product. */
function multiplySingle(b: Builder, x: Operands): void {
  const { bits } = x;
  const c = source(x, x.count - 1);
  const a = x.read(x.count - 2);
  if (bits === 64) {
    const low = b.mul(a, c);
    x.result(low);
    const over = b.ne(multiplyHighS(b, a, c), b.shrSc(low, 63));
    return flagsOfResult(b, 64, low, over, over);
  }
  const product = b.mul(widen(b, a, bits, true), widen(b, c, bits, true));
  // Where nobody asks for the flags the product need not be exact.
  const low = bits === 32 ? b.mul(a, c) : b.wrap(product);
  x.result(low);
  const over = b.ne(product, b.signExtend(product, bits));
  flagsOfResult(b, bits, low, over, over);
}
export const mul: Semantics = (b, x) => multiplyPair(b, x, false);
export const imul: Semantics = (b, x) =>
  x.count === 1 ? multiplyPair(b, x, true) : multiplySingle(b, x);

/** The dividend of up to 64 bits (i32 for bytes and words, i64 for doublewords). */
function dividend(b: Builder, x: Operands, signed: boolean): Value {
  const { bits } = x;
  if (bits === 8) {
    const ax = x.getRegister(RAX, 16);
    return signed ? b.signExtend(ax, 16) : ax;
  }
  const low = x.getRegister(RAX, bits);
  const high = x.getRegister(RDX, bits);
  if (bits === 16) return b.or(b.shlc(high, 16), low);
  return b.or(b.shlc(b.extendU(high), 32), b.extendU(low));
}
function setQuotient(b: Builder, x: Operands, quotient: Value, remainder: Value): void {
  const { bits } = x;
  if (bits === 8) {
    x.setRegister(RAX, 8, quotient);
    b.set(AH, 8, remainder);
  } else
    setPair(
      x,
      bits,
      bits === 32 ? b.wrap(quotient) : quotient,
      bits === 32 ? b.wrap(remainder) : remainder,
    );
}

export const div: Semantics = (b, x) => {
  const { bits } = x;
  const c = x.read(0);
  if (bits === 64) return divide64(b, x, c);
  const a = dividend(b, x, false);
  const d = widen(b, c, bits, false);
  // The quotient fits exactly when the upper half is below the divisor; that excludes 0 as well.
  b.raiseIf(b.geU(b.shrUc(a, bits), d), DE);
  setQuotient(b, x, b.divU(a, d), b.remU(a, d));
};
export const idiv: Semantics = (b, x) => {
  const { bits } = x;
  const c = x.read(0);
  if (bits === 64) return signedDivide64(b, x, c);
  const a = dividend(b, x, true);
  const d = widen(b, c, bits, true);
  // The most negative dividend overflows whatever divides it, and is the one that WebAssembly would trap on; a byte's
  // dividend never gets there.
  const zero = b.eqz(d);
  const least = bits === 16 ? b.i32(-0x80000000) : b.i64(-0x8000000000000000n);
  b.raiseIf(bits === 8 ? zero : b.or(zero, b.eq(a, least)), DE);
  const quotient = b.divS(a, d);
  b.raiseIf(b.ne(quotient, b.signExtend(quotient, bits)), DE);
  setQuotient(b, x, quotient, b.remS(a, d));
};

function divide64(b: Builder, x: Operands, d: Value): void {
  const low = x.getRegister(RAX, 64);
  const high = x.getRegister(RDX, 64);
  b.raiseIf(b.geU(high, d), DE);
  const quotient = b.local('i64');
  const remainder = b.local('i64');
  b.if(
    b.eqz(high),
    () => {
      b.assign(quotient, b.divU(low, d));
      b.assign(remainder, b.remU(low, d));
    },
    () => divideWide(b, high, low, d, quotient, remainder),
  );
  setPair(x, 64, b.read(quotient), b.read(remainder));
}
function signedDivide64(b: Builder, x: Operands, d: Value): void {
  const low = x.getRegister(RAX, 64);
  const high = x.getRegister(RDX, 64);
  const quotient = b.local('i64');
  const remainder = b.local('i64');
  b.raiseIf(b.eqz(d), DE);
  const least = b.eq(low, b.i64(-0x8000000000000000n));
  const simple = b.and(b.eq(high, b.shrSc(low, 63)), b.eqz(least));
  b.if(
    simple,
    () => {
      b.assign(quotient, b.divS(low, d));
      b.assign(remainder, b.remS(low, d));
    },
    () => divideMagnitudes(b, high, low, d, quotient, remainder),
  );
  setPair(x, 64, b.read(quotient), b.read(remainder));
}
/** Divides the absolute values, then gives quotient and remainder their signs; #DE if the quotient does not fit. */
function divideMagnitudes(
  b: Builder,
  high: Value,
  low: Value,
  d: Value,
  quotient: Local,
  remainder: Local,
): void {
  const signA = b.shrSc(high, 63);
  const signD = b.shrSc(d, 63);
  const negated = b.sub(b.xor(low, signA), signA);
  const borrow = b.extendU(b.and(b.eqz(low), b.wrap(signA)));
  const highA = b.add(b.xor(high, signA), borrow);
  const magnitude = b.sub(b.xor(d, signD), signD);
  b.raiseIf(b.geU(highA, magnitude), DE);
  divideWide(b, highA, negated, magnitude, quotient, remainder);
  const sign = b.xor(signA, signD);
  const signed = b.sub(b.xor(b.read(quotient), sign), sign);
  // A quotient of 0 has any sign; others must have kept theirs.
  b.raiseIf(b.and(b.nez(signed), b.ltS(b.xor(signed, sign), b.i64(0))), DE);
  b.assign(quotient, signed);
  b.assign(remainder, b.sub(b.xor(b.read(remainder), signA), signA));
}

export const multiplySemantics = {
  MUL: mul,
  IMUL: imul,
  DIV: div,
  IDIV: idiv,
} as const satisfies Record<string, Semantics>;
