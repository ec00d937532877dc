// Lazy flags. The state keeps the last result (sign-extended to 64 bits) and one word of carries; every flag is a few
// branch-free operations away, whatever instruction set them:
//   ZF = result is 0 · SF = bit 63 of result ^ aux bit 0 · PF = even parity of (result ^ aux >> 8) & 0xff
//   CF = aux bit 31 · OF = aux bit 31 ^ bit 30 · AF = aux bit 3
// Bits 31 and 30 are the carries out of the operand's top two bits, so an addition's carry vector goes in unchanged.
import { FLAG_AUX, FLAG_RESULT, FLAGS_OTHER } from '../state/layout.js';
import type { Builder, Value } from './builder.js';
import type { Bits, FlagName } from './node.js';

export type { FlagName };

export const CF = 1;
export const ZF = 0x40;
/** The six arithmetic flags. */
export const ARITHMETIC_FLAGS = 0x8d5;

const setResult = (b: Builder, bits: Bits, result: Value): void =>
  b.set(FLAG_RESULT, 64, b.extendS(b.signExtend(result, bits)));
const setAux = (b: Builder, aux: Value): void => b.set(FLAG_AUX, 32, aux);

/** Packs a vector of carries out of each bit position into aux form. */
function auxOf(b: Builder, bits: Bits, carries: Value): Value {
  const high = bits === 64 ? b.wrap(b.shrUc(carries, 32)) : b.shlc(carries, 32 - bits);
  return b.or(b.andc(high, 0xc0000000 | 0), b.andc(b.wrap(carries), 8));
}
const addCarries = (b: Builder, a: Value, c: Value, result: Value): Value =>
  b.or(b.and(a, c), b.and(b.or(a, c), b.not(result)));
const subBorrows = (b: Builder, a: Value, c: Value, result: Value): Value =>
  b.or(b.and(b.not(a), c), b.and(b.not(b.xor(a, c)), result));

/** All six flags of result = a + c (+ carry). */
export function flagsOfAdd(b: Builder, bits: Bits, result: Value, a: Value, c: Value): void {
  if (b.symbolicFlags) return b.flags('add', bits, result, a, c);
  setResult(b, bits, result);
  setAux(b, auxOf(b, bits, addCarries(b, a, c, result)));
}
/** All six flags of result = a - c (- borrow). */
export function flagsOfSub(b: Builder, bits: Bits, result: Value, a: Value, c: Value): void {
  if (b.symbolicFlags) return b.flags('sub', bits, result, a, c);
  setResult(b, bits, result);
  setAux(b, auxOf(b, bits, subBorrows(b, a, c, result)));
}
/** SF ZF PF of the result; CF = OF = AF = 0. */
export function flagsOfLogic(b: Builder, bits: Bits, result: Value): void {
  if (b.symbolicFlags) return b.flags('logic', bits, result);
  setResult(b, bits, result);
  setAux(b, b.i32(0));
}
/** SF ZF PF of the result; CF, OF and AF given as i32 0 or 1. */
export function flagsOfResult(
  b: Builder,
  bits: Bits,
  result: Value,
  cf: Value,
  of: Value,
  af?: Value,
): void {
  if (b.symbolicFlags) return b.flags('explicit', bits, result, cf, of, af ?? b.i32(0));
  setResult(b, bits, result);
  const carries = b.or(b.shlc(cf, 31), b.shlc(b.xor(cf, of), 30));
  setAux(b, af ? b.or(carries, b.shlc(af, 3)) : carries);
}
/** SF ZF PF of the result, AF 0; CF and OF = CF ^ `top` (i32 0 or 1). */
export function flagsOfShift(b: Builder, bits: Bits, result: Value, cf: Value, top: Value): void {
  if (b.symbolicFlags) return b.flags('explicit', bits, result, cf, b.xor(cf, top), b.i32(0));
  setResult(b, bits, result);
  setAux(b, b.or(b.shlc(cf, 31), b.shlc(top, 30)));
}
/** Flags of INC and DEC: those of the addition or subtraction of 1, CF kept. */
export function flagsKeepingCarry(
  b: Builder,
  kind: 'add' | 'sub',
  bits: Bits,
  result: Value,
  a: Value,
): void {
  if (b.symbolicFlags) return b.flags(kind === 'add' ? 'inc' : 'dec', bits, result, a);
  const one = b.constantLike(a, 1);
  const carry = flag(b, 'cf');
  const carries = kind === 'add' ? addCarries(b, a, one, result) : subBorrows(b, a, one, result);
  const aux = auxOf(b, bits, carries);
  const overflow = b.shrUc(b.add(aux, b.i32(0x40000000)), 31);
  setResult(b, bits, result);
  setAux(b, b.or(b.andc(aux, 8), b.or(b.shlc(carry, 31), b.shlc(b.xor(carry, overflow), 30))));
}
/** Sets CF (i32 0 or 1), keeps the other five. */
export function setCarry(b: Builder, cf: Value): void {
  if (b.symbolicFlags) return b.flags('carry', 32, cf);
  const of = flag(b, 'of');
  const aux = b.get(FLAG_AUX, 32);
  setAux(b, b.or(b.andc(aux, 0x3fffffff), b.or(b.shlc(cf, 31), b.shlc(b.xor(cf, of), 30))));
}

/** Sets CF, and OF = CF ^ `top` (i32 0 or 1), keeps the other four. */
export function setCarryOverflow(b: Builder, cf: Value, top: Value): void {
  if (b.symbolicFlags) return b.flags('rotate', 32, cf, top);
  const rest = b.andc(b.get(FLAG_AUX, 32), 0x3fffffff);
  setAux(b, b.or(rest, b.or(b.shlc(cf, 31), b.shlc(top, 30))));
}

/** One flag as i32 0 or 1. */
export function flag(b: Builder, name: FlagName): Value {
  if (b.symbolicFlags) return b.flag(name);
  const aux = (): Value => b.get(FLAG_AUX, 32);
  const result = (): Value => b.get(FLAG_RESULT, 64);
  switch (name) {
    case 'cf':
      return b.shrUc(aux(), 31);
    case 'of':
      return b.shrUc(b.add(aux(), b.i32(0x40000000)), 31);
    case 'af':
      return b.andc(b.shrUc(aux(), 3), 1);
    case 'zf':
      return b.eqz(result());
    case 'sf':
      return b.xor(b.wrap(b.shrUc(result(), 63)), b.andc(aux(), 1));
    case 'pf': {
      const byte = b.andc(b.xor(b.wrap(result()), b.shrUc(aux(), 8)), 0xff);
      return b.xorc(b.andc(b.popcnt(byte), 1), 1);
    }
  }
}

/** Condition code 0–15 (O NO B AE E NE BE A S NS P NP L GE LE G) as i32 0 or 1. */
export function condition(b: Builder, code: number): Value {
  if (b.symbolicFlags) return b.condition(code);
  const base = (): Value => {
    switch (code >> 1) {
      case 0:
        return flag(b, 'of');
      case 1:
        return flag(b, 'cf');
      case 2:
        return flag(b, 'zf');
      case 3:
        return b.or(flag(b, 'cf'), flag(b, 'zf'));
      case 4:
        return flag(b, 'sf');
      case 5:
        return flag(b, 'pf');
      case 6:
        return b.xor(flag(b, 'sf'), flag(b, 'of'));
      default:
        return b.or(flag(b, 'zf'), b.xor(flag(b, 'sf'), flag(b, 'of')));
    }
  };
  return code & 1 ? b.eqz(base()) : base();
}

/** The whole RFLAGS image (i32; the upper half is always zero). */
export function rflags(b: Builder): Value {
  const at = (name: FlagName, bit: number): Value => b.shlc(flag(b, name), bit);
  const low = b.or(b.or(at('cf', 0), at('pf', 2)), b.or(at('af', 4), at('zf', 6)));
  return b.or(b.get(FLAGS_OTHER, 32), b.or(low, b.or(at('sf', 7), at('of', 11))));
}
/** Sets the arithmetic flags named by `mask` from an RFLAGS image (i32), keeps the others. */
export function setArithmeticFlags(
  b: Builder,
  image: Value,
  mask: number = ARITHMETIC_FLAGS,
): void {
  const all =
    mask === ARITHMETIC_FLAGS
      ? image
      : b.or(b.andc(image, mask), b.andc(rflags(b), ARITHMETIC_FLAGS & ~mask));
  const bit = (n: number): Value => b.andc(b.shrUc(all, n), 1);
  const zf = bit(6);
  const cf = bit(0);
  const result = b.xorc(zf, 1);
  const carries = b.or(b.shlc(cf, 31), b.shlc(b.xor(cf, bit(11)), 30));
  const rest = b.or(b.shlc(bit(4), 3), b.or(bit(7), b.shlc(b.xor(bit(2), zf), 8)));
  const aux = b.or(carries, rest);
  if (b.symbolicFlags) return b.flags('image', 32, result, aux);
  b.set(FLAG_RESULT, 64, b.extendU(result));
  setAux(b, aux);
}
