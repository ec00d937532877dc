// Arithmetic of normal 80-bit numbers in IR: exact but for a sticky bit, then rounded to nearest. The significand is one i64, its
// rounding tail another.
import type { Builder, Value } from '../ir/builder.js';
import type { Local } from '../ir/node.js';

const PE = 0x20;
export const INTEGER_BIT: bigint = 1n << 63n;
export const BIAS = 16383;

/** Sign and exponent (i32, 16 bits), significand (i64). */
export interface Extended {
  readonly se: Value;
  readonly significand: Value;
}

export const exponentOf = (b: Builder, v: Extended): Value => b.andc(v.se, 0x7fff);
/** A result, normalised (or zero), with 64 bits behind the significand of which the last is sticky. */
export interface Unrounded {
  readonly sign: Local;
  readonly exponent: Local;
  readonly significand: Local;
  readonly tail: Local;
}
export function multiply(b: Builder, a: Extended, c: Extended, r: Unrounded): void {
  const low = (v: Value): Value => b.andc(v, 0xffffffffn);
  const high = (v: Value): Value => b.shrUc(v, 32);
  const [al, ah, cl, ch] = [a, c].flatMap((v) => [low(v.significand), high(v.significand)]);
  const ll = b.mul(al, cl);
  const lh = b.mul(al, ch);
  const hl = b.mul(ah, cl);
  const middle = b.add(high(ll), b.add(low(lh), low(hl)));
  const below = b.or(b.shlc(middle, 32), low(ll));
  const above = b.add(b.add(b.mul(ah, ch), high(middle)), b.add(high(lh), high(hl)));
  const shift = b.xorc(b.shrUc(above, 63), 1);
  b.assign(r.significand, b.or(b.shl(above, shift), b.and(b.shrUc(below, 63), shift)));
  b.assign(r.tail, b.shl(below, shift));
  const sum = b.add(exponentOf(b, a), exponentOf(b, c));
  b.assign(r.exponent, b.sub(b.addc(sum, 1 - BIAS), b.wrap(shift)));
  b.assign(r.sign, b.andc(b.xor(a.se, c.se), 0x8000));
}
export function add(b: Builder, a: Extended, c: Extended, r: Unrounded): void {
  const [ea, ec] = [exponentOf(b, a), exponentOf(b, c)];
  const swaps = b.or(b.gtU(ec, ea), b.and(b.eq(ec, ea), b.gtU(c.significand, a.significand)));
  const big = b.select(swaps, c.significand, a.significand);
  const small = b.select(swaps, a.significand, c.significand);
  const exponent = b.select(swaps, ec, ea);
  const distance = b.extendU(b.sub(exponent, b.select(swaps, ea, ec)));
  const back = b.neg(distance);
  const isNear = b.ltU(distance, b.i64(64));
  const zero = b.i64(0);
  const shifted = b.select(isNear, b.shrU(small, distance), zero);
  const sticky = (v: Value): Value => b.extendU(b.nez(v));
  const lost = b.select(b.eqz(b.andc(distance, 63)), zero, b.shl(small, back));
  const farther = b.select(
    b.ltU(distance, b.i64(128)),
    b.or(b.shrU(small, distance), sticky(lost)),
    b.i64(1),
  );
  const tail = b.select(isNear, lost, farther);
  b.assign(r.sign, b.andc(b.select(swaps, c.se, a.se), 0x8000));
  b.if(
    b.andc(b.xor(a.se, c.se), 0x8000),
    () => {
      const difference = b.sub(b.sub(big, shifted), sticky(tail));
      const rest = b.neg(tail);
      const isShort = b.eqz(difference);
      const high = b.select(isShort, rest, difference);
      const low = b.select(isShort, zero, rest);
      const n = b.clz(high);
      const moved = b.select(b.eqz(n), zero, b.shrU(low, b.neg(n)));
      b.assign(r.significand, b.select(b.eqz(high), zero, b.or(b.shl(high, n), moved)));
      b.assign(r.tail, b.shl(low, n));
      const lower = b.add(b.wrap(n), b.shlc(isShort, 6));
      b.assign(r.exponent, b.sub(exponent, lower));
    },
    () => {
      const sum = b.add(big, shifted);
      const carry = b.ltU(sum, big);
      const halved = b.orc(b.shrUc(sum, 1), INTEGER_BIT);
      const pushed = b.or(b.shlc(sum, 63), b.or(b.shrUc(tail, 1), b.andc(tail, 1)));
      b.assign(r.significand, b.select(carry, halved, sum));
      b.assign(r.tail, b.select(carry, pushed, tail));
      b.assign(r.exponent, b.add(exponent, carry));
    },
  );
}
/** One 32-bit digit of the quotient (Knuth, TAOCP vol. 2, 4.3.1, algorithm D): of remainder < divisor, followed by `next`. */
function digit(b: Builder, remainder: Value, next: Value, divisor: Value): [Value, Value] {
  const first = b.shrUc(divisor, 32);
  const second = b.andc(divisor, 0xffffffffn);
  const estimate = b.local('i64', b.divU(remainder, first));
  const rest = b.local('i64', b.remU(remainder, first));
  for (let i = 0; i < 2; i++) {
    const q = b.read(estimate);
    const r = b.read(rest);
    const over = b.nez(b.shrUc(q, 32));
    const product = b.mul(q, second);
    const isTooLarge = b.or(over, b.gtU(product, b.or(b.shlc(r, 32), next)));
    b.if(b.and(b.eqz(b.shrUc(r, 32)), isTooLarge), () => {
      b.assign(estimate, b.addc(q, -1));
      b.assign(rest, b.add(r, first));
    });
  }
  const q = b.read(estimate);
  return [q, b.sub(b.or(b.shlc(remainder, 32), next), b.mul(q, divisor))];
}
export function divide(b: Builder, a: Extended, c: Extended, r: Unrounded): void {
  const divisor = c.significand;
  const isAbove = b.extendU(b.geU(a.significand, divisor));
  const high = b.shrU(a.significand, isAbove);
  const next = b.and(b.shlc(a.significand, 63), b.neg(isAbove));
  const [first, middle] = digit(b, high, b.shrUc(next, 32), divisor);
  const [second, rest] = digit(b, middle, b.i64(0), divisor);
  b.assign(r.significand, b.or(b.shlc(first, 32), second));
  // The tail against one half: twice the remainder against the divisor.
  const twice = b.shlc(rest, 1);
  const more = b.or(b.wrap(b.shrUc(rest, 63)), b.gtU(twice, divisor));
  const half = b.or(more, b.eq(twice, divisor));
  const sticky = b.select(half, more, b.nez(rest));
  b.assign(r.tail, b.or(b.shlc(b.extendU(half), 63), b.extendU(sticky)));
  const exponents = b.sub(exponentOf(b, a), exponentOf(b, c));
  b.assign(r.exponent, b.addc(b.add(exponents, b.wrap(isAbove)), BIAS - 1));
  b.assign(r.sign, b.andc(b.xor(a.se, c.se), 0x8000));
}
/** Does a tail round `kept` up? i32 */
export const roundsUp = (b: Builder, kept: Value, tail: Value): Value =>
  b.and(b.wrap(b.shrUc(tail, 63)), b.or(b.nez(b.shlc(tail, 1)), b.wrap(b.andc(kept, 1))));
export const inexact = (b: Builder, tail: Value, up: Value): Value =>
  b.select(b.nez(tail), b.orc(b.shlc(up, 9), PE), b.i32(0));
