// Decimal arithmetic and SALC, none of it in 64-bit mode (SDM vol. 1 §7.3.5, vol. 2 AAA, AAD, AAM, AAS, DAA, DAS).
// Undefined flags: AAA and AAS take SF ZF PF from AL and clear OF; DAA and DAS clear OF; AAM and AAD clear CF, OF and AF.
import { DE } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { flag, flagsOfResult } from '../ir/flags.js';
import { type Operands, RAX, type Semantics } from './operands.js';

/** i32 0 or 1: the low digit of AL needs an adjustment. */
const lowDigitOff = (b: Builder, al: Value): Value =>
  b.or(b.gtU(b.andc(al, 15), b.i32(9)), flag(b, 'af'));

const adjustUnpacked =
  (sign: 1 | -1): Semantics =>
  (b: Builder, x: Operands) => {
    const ax = x.getRegister(RAX, 16);
    const off = lowDigitOff(b, ax);
    const adjusted = b.add(ax, b.mul(off, b.i32(sign * 0x106)));
    const result = b.andc(adjusted, 0xff0f);
    x.setRegister(RAX, 16, result);
    flagsOfResult(b, 8, result, off, b.i32(0), off);
  };
export const aaa: Semantics = adjustUnpacked(1);
export const aas: Semantics = adjustUnpacked(-1);

const adjustPacked =
  (sign: 1 | -1): Semantics =>
  (b: Builder, x: Operands) => {
    const al = x.getRegister(RAX, 8);
    const low = lowDigitOff(b, al);
    const high = b.or(b.gtU(al, b.i32(0x99)), flag(b, 'cf'));
    const step = b.add(b.mul(low, b.i32(6)), b.mul(high, b.i32(0x60)));
    const result = sign === 1 ? b.add(al, step) : b.sub(al, step);
    // DAS also borrows when the low digit's 6 is more than AL.
    const cf = sign === 1 ? high : b.or(high, b.and(low, b.ltU(al, b.i32(6))));
    x.setRegister(RAX, 8, result);
    flagsOfResult(b, 8, result, cf, b.i32(0), low);
  };
export const daa: Semantics = adjustPacked(1);
export const das: Semantics = adjustPacked(-1);

export const aam: Semantics = (b, x) => {
  const base = x.read(0);
  const al = x.getRegister(RAX, 8);
  b.raiseIf(b.eqz(base), DE);
  const digit = b.remU(al, base);
  x.setRegister(RAX, 16, b.or(b.shlc(b.divU(al, base), 8), digit));
  flagsOfResult(b, 8, digit, b.i32(0), b.i32(0));
};
export const aad: Semantics = (b, x) => {
  const base = x.read(0);
  const ax = x.getRegister(RAX, 16);
  const result = b.andc(b.add(b.mul(b.shrUc(ax, 8), base), ax), 0xff);
  x.setRegister(RAX, 16, result);
  flagsOfResult(b, 8, result, b.i32(0), b.i32(0));
};
export const salc: Semantics = (b, x) => x.setRegister(RAX, 8, b.neg(flag(b, 'cf')));

export const bcdSemantics = {
  AAA: aaa,
  AAS: aas,
  DAA: daa,
  DAS: das,
  AAM: aam,
  AAD: aad,
  SALC: salc,
} as const satisfies Record<string, Semantics>;
