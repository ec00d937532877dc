// The basic arithmetic and comparisons of the stack with itself and with memory operands (SDM vol. 1 §8.3.5–8.3.6). `digit` as in
// float80-dispatch.ts: 0 add, 1 multiply, 2 compare, 3 compare and pop, 4 a − b, 5 b − a, 6 a ÷ b, 7 b ÷ a.
// @hot

import type { Routine } from '../core.js';
import { compare80, examine80 } from '../float/float80-compare.js';
import { arithmetic80, arithmeticFloat32, arithmeticFloat64 } from '../float/float80-dispatch.js';
import { C0, C1, C2, C3, f80, IE } from '../float/float80-format.js';
import { fromInt32 } from '../float/float80-integer.js';
import { FPU_CONTROL } from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { RAISED } from '../state/x87-bits.js';
import {
  CODES,
  deliver,
  isEmpty,
  masksInvalid,
  pop,
  registerAt,
  SF,
  signal,
  underflow,
} from './x87-stack.js';

const UNORDERED = C0 | C2 | C3;

const x87Arithmetic: Routine = ({ state }, digit, target, source, pops) => {
  if (isEmpty(state, target) || isEmpty(state, source)) return underflow(state, target, pops, C1);
  const a = registerAt(state, target);
  const b = registerAt(state, source);
  arithmetic80(
    digit,
    state.get(FPU_CONTROL),
    state.getU16(a + 8),
    state.get(a + 4),
    state.get(a),
    state.getU16(b + 8),
    state.get(b + 4),
    state.get(b),
  );
  return deliver(state, target, pops, C1);
};

/** Ends an operation of ST(0) with memory. */
function finish(state: VcpuState, digit: number): number {
  if (digit >> 1 === 1) return compared(state, digit & 1);
  return deliver(state, 0, 0, C1);
}
function compared(state: VcpuState, pops: number): number {
  if (f80.stored !== 0) pop(state, pops);
  return signal(state, CODES, f80.status);
}
function emptyCompared(state: VcpuState, pops: number): number {
  if (masksInvalid(state)) pop(state, pops);
  return signal(state, CODES, IE | SF | UNORDERED);
}
function emptyOperand(state: VcpuState, digit: number): number {
  return digit >> 1 === 1 ? emptyCompared(state, digit & 1) : underflow(state, 0, 0, C1);
}

const x87ArithmeticFloat32: Routine = ({ state }, digit, bits) => {
  if (isEmpty(state, 0)) return emptyOperand(state, digit);
  const a = registerAt(state, 0);
  const cw = state.get(FPU_CONTROL);
  arithmeticFloat32(digit, cw, state.getU16(a + 8), state.get(a + 4), state.get(a), bits);
  return finish(state, digit);
};
const x87ArithmeticFloat64: Routine = ({ state }, digit, low, high) => {
  if (isEmpty(state, 0)) return emptyOperand(state, digit);
  const a = registerAt(state, 0);
  const cw = state.get(FPU_CONTROL);
  arithmeticFloat64(digit, cw, state.getU16(a + 8), state.get(a + 4), state.get(a), high, low);
  return finish(state, digit);
};
const x87ArithmeticInteger: Routine = ({ state }, digit, value) => {
  if (isEmpty(state, 0)) return emptyOperand(state, digit);
  const a = registerAt(state, 0);
  fromInt32(value);
  arithmetic80(
    digit,
    state.get(FPU_CONTROL),
    state.getU16(a + 8),
    state.get(a + 4),
    state.get(a),
    f80.se,
    f80.hi,
    f80.lo,
  );
  return finish(state, digit);
};

function compareRegisters(state: VcpuState, i: number, quiet: number): void {
  const a = registerAt(state, 0);
  const b = registerAt(state, i);
  compare80(
    state.get(FPU_CONTROL),
    quiet,
    state.getU16(a + 8),
    state.get(a + 4),
    state.get(a),
    state.getU16(b + 8),
    state.get(b + 4),
    state.get(b),
  );
}
/** FCOM, FUCOM and their popping forms with ST(i). */
const x87Compare: Routine = ({ state }, i, quiet, pops) => {
  if (isEmpty(state, 0) || isEmpty(state, i)) return emptyCompared(state, pops);
  compareRegisters(state, i, quiet);
  return compared(state, pops);
};
const x87Test: Routine = ({ state }) => {
  if (isEmpty(state, 0)) return emptyCompared(state, 0);
  const a = registerAt(state, 0);
  const cw = state.get(FPU_CONTROL);
  compare80(cw, 0, state.getU16(a + 8), state.get(a + 4), state.get(a), 0, 0, 0);
  return compared(state, 0);
};
/**
 * FCOMI and FUCOMI: C3 C2 C0 become ZF PF CF of the result, in their RFLAGS positions; the status word keeps its own. The SDM has
 * C1 cleared and RFLAGS kept at an unmasked exception; hardware (AMD) keeps C1 but for stack faults and sets RFLAGS all the same.
 */
const x87CompareFlags: Routine = ({ state }, i, quiet, pops) => {
  let status = IE | SF | UNORDERED;
  let stored = masksInvalid(state);
  if (!isEmpty(state, 0) && !isEmpty(state, i)) {
    compareRegisters(state, i, quiet);
    status = f80.status;
    stored = f80.stored !== 0;
  }
  if (stored) pop(state, pops);
  const clear = (status & SF) !== 0 ? C1 : 0;
  const raised = signal(state, clear, status & ~UNORDERED) !== 0 ? RAISED : 0;
  return ((status & UNORDERED) >> 8) | raised;
};
const x87Examine: Routine = ({ state }) => {
  const a = registerAt(state, 0);
  examine80(isEmpty(state, 0) ? 1 : 0, state.getU16(a + 8), state.get(a + 4), state.get(a));
  return signal(state, CODES, f80.status);
};

export const x87ArithmeticRoutines = {
  x87Arithmetic,
  x87ArithmeticFloat32,
  x87ArithmeticFloat64,
  x87ArithmeticInteger,
  x87Compare,
  x87Test,
  x87CompareFlags,
  x87Examine,
} as const satisfies Record<string, Routine>;
