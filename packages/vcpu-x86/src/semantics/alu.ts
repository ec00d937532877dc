// Two's complement arithmetic and logic (SDM vol. 1 §7.3.2, §7.3.3): the results wrap by themselves, because writes drop the bits
// above the operand; only flags look at widths.
import type { Builder, Value } from '../ir/builder.js';
import { flag, flagsKeepingCarry, flagsOfAdd, flagsOfLogic, flagsOfSub } from '../ir/flags.js';
import type { Operands, Semantics } from './operands.js';
import { source } from './source.js';

const carryIn = (b: Builder, like: Value): Value => {
  const carry = flag(b, 'cf');
  return like.type === 'i64' ? b.extendU(carry) : carry;
};

export const add: Semantics = (b, x) => {
  const c = source(x);
  const a = x.modify();
  const sum = b.add(a, c);
  x.result(sum);
  flagsOfAdd(b, x.bits, sum, a, c);
};
export const adc: Semantics = (b, x) => {
  const c = source(x);
  const a = x.modify();
  const sum = b.add(b.add(a, c), carryIn(b, a));
  x.result(sum);
  flagsOfAdd(b, x.bits, sum, a, c);
};
export const sub: Semantics = (b, x) => {
  const c = source(x);
  const a = x.modify();
  const difference = b.sub(a, c);
  x.result(difference);
  flagsOfSub(b, x.bits, difference, a, c);
};
export const sbb: Semantics = (b, x) => {
  const c = source(x);
  const a = x.modify();
  const difference = b.sub(b.sub(a, c), carryIn(b, a));
  x.result(difference);
  flagsOfSub(b, x.bits, difference, a, c);
};
export const cmp: Semantics = (b, x) => {
  const c = source(x);
  const a = x.read(0);
  flagsOfSub(b, x.bits, b.sub(a, c), a, c);
};

const logic =
  (operate: (b: Builder, a: Value, c: Value) => Value): Semantics =>
  (b: Builder, x: Operands) => {
    const c = source(x);
    const result = operate(b, x.modify(), c);
    x.result(result);
    flagsOfLogic(b, x.bits, result);
  };
export const and: Semantics = logic((b, a, c) => b.and(a, c));
export const or: Semantics = logic((b, a, c) => b.or(a, c));
export const xor: Semantics = logic((b, a, c) => b.xor(a, c));
export const test: Semantics = (b, x) => {
  const c = source(x);
  flagsOfLogic(b, x.bits, b.and(x.read(0), c));
};

export const inc: Semantics = (b, x) => {
  const a = x.modify();
  const sum = b.addc(a, 1);
  x.result(sum);
  flagsKeepingCarry(b, 'add', x.bits, sum, a);
};
export const dec: Semantics = (b, x) => {
  const a = x.modify();
  const difference = b.addc(a, -1);
  x.result(difference);
  flagsKeepingCarry(b, 'sub', x.bits, difference, a);
};
export const neg: Semantics = (b, x) => {
  const a = x.modify();
  const zero = b.constantLike(a, 0);
  const difference = b.sub(zero, a);
  x.result(difference);
  flagsOfSub(b, x.bits, difference, zero, a);
};
export const not: Semantics = (b, x) => x.result(b.not(x.modify()));

export const aluSemantics = {
  ADD: add,
  ADC: adc,
  SUB: sub,
  SBB: sbb,
  CMP: cmp,
  AND: and,
  OR: or,
  XOR: xor,
  TEST: test,
  INC: inc,
  DEC: dec,
  NEG: neg,
  NOT: not,
} as const satisfies Record<string, Semantics>;
