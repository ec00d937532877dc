// The ordinary cases of the x87 routines, as IR that becomes a WebAssembly function of each routine's name: normal operands and
// results, 64-bit precision, round to nearest, inexactness masked; bit for bit what the routine computes. Every other case is left
// to the routine of that name, which the function then calls.
import type { Builder, Value } from '../ir/builder.js';
import type { Local } from '../ir/node.js';
import { FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG, SCRATCH } from '../state/layout.js';
import { C1, STORE, TOP_FIELD } from '../state/x87-bits.js';
import type { FastRoutine } from './fast-routine.js';
import {
  add,
  BIAS,
  divide,
  type Extended,
  exponentOf,
  INTEGER_BIT,
  inexact,
  multiply,
  roundsUp,
  type Unrounded,
} from './x87-unrounded.js';

// The register stack
const status = (b: Builder): Value => b.get(FPU_STATUS, 32);
const top = (b: Builder): Value => b.andc(b.shrUc(status(b), 11), 7);
/** Physical number of ST(i). */
const physical = (b: Builder, i: Value): Value => b.andc(b.add(top(b), i), 7);
const isEmpty = (b: Builder, register: Value): Value =>
  b.eq(b.andc(b.shrU(b.get(FPU_TAG, 32), b.shlc(register, 1)), 3), b.i32(3));
const slotOf = (b: Builder, register: Value): Local => b.local('i32', b.shlc(register, 4));
const load = (b: Builder, slot: Local): Extended => ({
  se: b.get(FPU_REGISTERS + 8, 16, { local: slot }),
  significand: b.get(FPU_REGISTERS, 64, { local: slot }),
});
function store(b: Builder, slot: Local, v: Extended): void {
  b.set(FPU_REGISTERS, 64, v.significand, { local: slot });
  b.set(FPU_REGISTERS + 8, 16, v.se, { local: slot });
}
const fill = (b: Builder, register: Value): void =>
  b.set(FPU_TAG, 32, b.and(b.get(FPU_TAG, 32), b.not(b.shl(b.i32(3), b.shlc(register, 1)))));
const moveTop = (b: Builder, old: Value, by: Value): Value =>
  b.or(b.andc(old, ~TOP_FIELD), b.andc(b.add(old, b.shlc(by, 11)), TOP_FIELD));
/** Clears C1, sets `bits`, and pops 0 or 1 register. */
function finish(b: Builder, bits: Value, pops: Value): void {
  const mask = b.shl(b.sub(b.shlc(pops, 2), pops), b.shlc(top(b), 1));
  b.set(FPU_TAG, 32, b.or(b.get(FPU_TAG, 32), mask));
  b.set(FPU_STATUS, 32, moveTop(b, b.or(b.andc(status(b), ~C1), bits), pops));
}
/** Pushes a value if there is room. */
function push(b: Builder, result: Local, when: Value, v: Extended): void {
  const register = physical(b, b.i32(7));
  b.if(b.and(when, isEmpty(b, register)), () => {
    store(b, slotOf(b, register), v);
    fill(b, register);
    b.set(FPU_STATUS, 32, moveTop(b, b.andc(status(b), ~C1), b.i32(-1)));
    b.assign(result, b.i32(0));
  });
}

// Values
/** Precision 64 bits, round to nearest, inexactness masked. */
const isCalm = (b: Builder): Value => b.eq(b.andc(b.get(FPU_CONTROL, 32), 0xf20), b.i32(0x320));
/** Normal and finite. */
const isOrdinary = (b: Builder, v: Extended): Value =>
  b.and(b.ltS(v.significand, b.i64(0)), b.ltU(b.addc(exponentOf(b, v), -1), b.i32(0x7ffe)));
const isZero = (b: Builder, v: Extended): Value =>
  b.and(b.eqz(exponentOf(b, v)), b.eqz(v.significand));

/** An IEEE number's fields; `isNormal`: so is the value, else it is a zero if `isZero`. */
interface Widened extends Extended {
  readonly isNormal: Value;
  readonly isZero: Value;
}
function widen(b: Builder, bits: Value, width: 32 | 64): Widened {
  const fraction = width === 64 ? 52 : 23;
  const exponents = width === 64 ? 0x7ff : 0xff;
  const wide = b.extendU(bits);
  const exponent = b.andc(b.wrap(b.shrUc(wide, fraction)), exponents);
  const sign = b.shlc(b.wrap(b.shrUc(wide, width - 1)), 15);
  const isNormal = b.ltU(b.addc(exponent, -1), b.i32(exponents - 1));
  const significand = b.orc(b.shlc(wide, 63 - fraction), INTEGER_BIT);
  const biased = b.addc(exponent, BIAS - (exponents >> 1));
  return {
    isNormal,
    isZero: b.eqz(b.shlc(wide, 65 - width)),
    se: b.or(sign, b.select(isNormal, biased, b.i32(0))),
    significand: b.select(isNormal, significand, b.i64(0)),
  };
}
const join = (b: Builder, low: Value, high: Value): Value =>
  b.or(b.extendU(low), b.shlc(b.extendU(high), 32));
function fromInteger(b: Builder, v: Value): Extended {
  const sign = b.shrSc(v, 31);
  const magnitude = b.extendU(b.sub(b.xor(v, sign), sign));
  const shift = b.clz(magnitude);
  const exponent = b.sub(b.i32(BIAS + 63), b.wrap(shift));
  return {
    se: b.select(v, b.or(b.andc(sign, 0x8000), exponent), b.i32(0)),
    significand: b.shl(magnitude, shift),
  };
}

/** a ∘ c to the register in `target`; `operation` as the digits of x87-arithmetic.ts, comparisons excepted. */
function operate(
  b: Builder,
  result: Local,
  operation: Value,
  target: Local,
  a: Extended,
  c: Extended,
  pops: Value,
): void {
  const r: Unrounded = {
    sign: b.local('i32', b.i32(0)),
    exponent: b.local('i32', b.i32(0)),
    significand: b.local('i64', b.i64(0)),
    tail: b.local('i64', b.i64(0)),
  };
  const is = (n: number): Value => b.eq(operation, b.i32(n));
  const reversed = b.andc(operation, 1);
  const negated = (v: Extended, when: Value): Extended => ({
    ...v,
    se: b.xor(v.se, b.shlc(when, 15)),
  });
  b.if(
    is(1),
    () => multiply(b, a, c, r),
    () =>
      b.if(
        b.geU(operation, b.i32(6)),
        () => {
          const pick = (x: Value, y: Value): Value => b.select(reversed, y, x);
          divide(
            b,
            { se: a.se, significand: pick(a.significand, c.significand) },
            { se: c.se, significand: pick(c.significand, a.significand) },
            r,
          );
          // The signs are the same either way, the exponents are not.
          const difference = b.sub(exponentOf(b, c), exponentOf(b, a));
          const fix = b.select(reversed, b.shlc(difference, 1), b.i32(0));
          b.assign(r.exponent, b.add(b.read(r.exponent), fix));
        },
        () => add(b, negated(a, is(5)), negated(c, is(4)), r),
      ),
  );
  const significand = b.read(r.significand);
  const tail = b.read(r.tail);
  const up = roundsUp(b, significand, tail);
  const rounded = b.add(significand, b.extendU(up));
  const carried = b.and(up, b.eqz(rounded));
  const exponent = b.add(b.read(r.exponent), carried);
  const cancelled = b.eqz(significand);
  b.if(b.or(cancelled, b.ltU(b.addc(exponent, -1), b.i32(0x7ffe))), () => {
    store(b, target, {
      se: b.select(cancelled, b.i32(0), b.or(b.read(r.sign), exponent)),
      significand: b.select(carried, b.i64(INTEGER_BIT), rounded),
    });
    finish(b, inexact(b, tail, up), pops);
    b.assign(result, b.i32(0));
  });
}
/** ST(0) ∘ an operand that was memory. */
function withMemory(b: Builder, result: Local, operation: Value, c: Extended, isFit: Value): void {
  const register = top(b);
  const slot = slotOf(b, register);
  const a = load(b, slot);
  const isArithmetic = b.ne(b.andc(operation, 6), b.i32(2));
  const checks = [isArithmetic, isCalm(b), b.eqz(isEmpty(b, register)), isOrdinary(b, a), isFit];
  b.if(
    checks.reduce((p, q) => b.and(p, q)),
    () => operate(b, result, operation, slot, a, c, b.i32(0)),
  );
}

/** FST m32fp and m64fp: ST(0) rounded into SCRATCH; the result says so, with what it signals. */
function narrow(b: Builder, result: Local, width: 32 | 64): void {
  const [fraction, exponents] = width === 64 ? [52, 0x7ff] : [23, 0xff];
  const register = top(b);
  const v = load(b, slotOf(b, register));
  const exponent = b.addc(exponentOf(b, v), (exponents >> 1) - BIAS);
  const tail = b.shlc(v.significand, fraction + 1);
  const kept = b.shrUc(v.significand, 63 - fraction);
  const up = roundsUp(b, kept, tail);
  // The integer bit is the exponent's, and so is a carry out of the fraction.
  const magnitude = b.add(
    b.shlc(b.extendS(b.addc(exponent, -1)), fraction),
    b.add(kept, b.extendU(up)),
  );
  const sign = b.shlc(b.extendU(b.shrUc(v.se, 15)), width - 1);
  const last = b.i64((BigInt(exponents) << BigInt(fraction)) - 1n);
  const isWithin = b.ltU(b.addc(exponent, -1), b.i32(exponents - 1));
  const fits = b.and(isWithin, b.leS(magnitude, last));
  const isNumber = b.and(b.and(isOrdinary(b, v), fits), isCalm(b));
  const zero = isZero(b, v);
  b.if(b.and(b.eqz(isEmpty(b, register)), b.or(isNumber, zero)), () => {
    b.set(SCRATCH, 64, b.or(sign, b.select(zero, b.i64(0), magnitude)));
    b.assign(result, b.orc(b.select(zero, b.i32(0), inexact(b, tail, up)), STORE));
  });
}

/** By the routine's name. */
export const x87FastRoutines: Readonly<Record<string, FastRoutine>> = {
  x87Arithmetic: {
    parameters: 4,
    body: (b, result, operation, target, source, pops) => {
      const [t, s] = [physical(b, target), physical(b, source)];
      const slot = slotOf(b, t);
      const [a, c] = [load(b, slot), load(b, slotOf(b, s))];
      const full = b.eqz(b.or(isEmpty(b, t), isEmpty(b, s)));
      const checks = [isCalm(b), full, isOrdinary(b, a), isOrdinary(b, c)];
      b.if(
        checks.reduce((p, q) => b.and(p, q)),
        () => operate(b, result, operation, slot, a, c, pops),
      );
    },
  },
  x87ArithmeticFloat32: {
    parameters: 2,
    body: (b, result, operation, bits) => {
      const c = widen(b, bits, 32);
      withMemory(b, result, operation, c, c.isNormal);
    },
  },
  x87ArithmeticFloat64: {
    parameters: 3,
    body: (b, result, operation, low, high) => {
      const c = widen(b, join(b, low, high), 64);
      withMemory(b, result, operation, c, c.isNormal);
    },
  },
  x87ArithmeticInteger: {
    parameters: 2,
    body: (b, result, operation, v) =>
      withMemory(b, result, operation, fromInteger(b, v), b.nez(v)),
  },
  x87LoadFloat32: {
    parameters: 1,
    body: (b, result, bits) => {
      const v = widen(b, bits, 32);
      push(b, result, b.or(v.isNormal, v.isZero), v);
    },
  },
  x87LoadFloat64: {
    parameters: 2,
    body: (b, result, low, high) => {
      const v = widen(b, join(b, low, high), 64);
      push(b, result, b.or(v.isNormal, v.isZero), v);
    },
  },
  x87LoadInt32: {
    parameters: 1,
    body: (b, result, v) => push(b, result, b.i32(1), fromInteger(b, v)),
  },
  x87LoadRegister: {
    parameters: 1,
    body: (b, result, i) => {
      const register = physical(b, i);
      push(b, result, b.eqz(isEmpty(b, register)), load(b, slotOf(b, register)));
    },
  },
  x87StoreRegister: {
    parameters: 3,
    body: (b, result, i, pops) => {
      const [from, to] = [top(b), physical(b, i)];
      b.if(b.eqz(isEmpty(b, from)), () => {
        store(b, slotOf(b, to), load(b, slotOf(b, from)));
        fill(b, to);
        finish(b, b.i32(0), pops);
        b.assign(result, b.i32(0));
      });
    },
  },
  x87Exchange: {
    parameters: 1,
    body: (b, result, i) => {
      const [first, second] = [top(b), physical(b, i)];
      const [p, q] = [slotOf(b, first), slotOf(b, second)];
      b.if(b.eqz(b.or(isEmpty(b, first), isEmpty(b, second))), () => {
        const [v, w] = [load(b, p), load(b, q)];
        const kept = { significand: b.local('i64', v.significand), se: b.local('i32', v.se) };
        store(b, p, w);
        store(b, q, { significand: b.read(kept.significand), se: b.read(kept.se) });
        finish(b, b.i32(0), b.i32(0));
        b.assign(result, b.i32(0));
      });
    },
  },
  x87ToFloat32: { parameters: 0, body: (b, result) => narrow(b, result, 32) },
  x87ToFloat64: { parameters: 0, body: (b, result) => narrow(b, result, 64) },
  x87Stored: {
    parameters: 2,
    body: (b, result, flags, pops) => {
      const unmasked = b.andc(b.and(flags, b.not(b.get(FPU_CONTROL, 32))), 0x3f);
      b.if(b.and(b.eqz(unmasked), b.nez(b.andc(flags, STORE))), () => {
        finish(b, b.andc(flags, ~STORE), pops);
        b.assign(result, b.i32(0));
      });
    },
  },
};
