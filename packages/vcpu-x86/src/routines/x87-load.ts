// FLD, FILD, FBLD, the constants, and moves inside the stack: FXCH, FST ST(i), FCMOVcc, FCHS, FABS, FFREE. SDM vol. 1 §8.3.3–8.3.4.
// @hot
import type { Routine } from '../core.js';
import { fromBcd } from '../float/float80-bcd.js';
import { constant80 } from '../float/float80-constants.js';
import { fromFloat32, fromFloat64 } from '../float/float80-convert.js';
import { C1, IE, INDEFINITE_HI, INDEFINITE_SE } from '../float/float80-format.js';
import { fromInt32, fromInt64 } from '../float/float80-integer.js';
import { FPU_CONTROL } from '../state/layout.js';
import {
  deliverPush,
  free,
  isEmpty,
  masksInvalid,
  overflow,
  pop,
  push,
  put,
  registerAt,
  SF,
  signal,
  underflow,
} from './x87-stack.js';

const x87LoadFloat32: Routine = (core, bits) => {
  fromFloat32(core.state.get(FPU_CONTROL), bits);
  return deliverPush(core.state);
};
const x87LoadFloat64: Routine = (core, low, high) => {
  fromFloat64(core.state.get(FPU_CONTROL), high, low);
  return deliverPush(core.state);
};
const x87LoadInt32: Routine = (core, value) => {
  fromInt32(value);
  return deliverPush(core.state);
};
const x87LoadInt64: Routine = (core, low, high) => {
  fromInt64(high, low);
  return deliverPush(core.state);
};
const x87LoadBcd: Routine = (core, low, high, top) => {
  fromBcd(top, high, low);
  return deliverPush(core.state);
};
const x87LoadConstant: Routine = (core, index) => {
  constant80(core.state.get(FPU_CONTROL), index);
  return deliverPush(core.state);
};
/** FLD m80 moves any bits: no exception but a stack fault. */
const x87LoadExtended: Routine = ({ state }, low, high, se) => {
  if (!isEmpty(state, 7)) return overflow(state);
  push(state, se, high, low);
  return signal(state, C1, 0);
};
const x87LoadRegister: Routine = ({ state }, i) => {
  if (isEmpty(state, i)) {
    if (masksInvalid(state)) push(state, INDEFINITE_SE, INDEFINITE_HI, 0);
    return signal(state, C1, IE | SF);
  }
  if (!isEmpty(state, 7)) return overflow(state);
  const at = registerAt(state, i);
  push(state, state.getU16(at + 8), state.get(at + 4), state.get(at));
  return signal(state, C1, 0);
};

/** FST and FSTP ST(i). `quiet`: the alias D9 D8+i, which only pops an empty register. */
const x87StoreRegister: Routine = ({ state }, i, pops, quiet) => {
  if (isEmpty(state, 0)) {
    if (quiet === 0) return underflow(state, i, pops, C1);
    pop(state, pops);
    return signal(state, C1, 0);
  }
  const at = registerAt(state, 0);
  put(state, i, state.getU16(at + 8), state.get(at + 4), state.get(at));
  pop(state, pops);
  return signal(state, C1, 0);
};
const x87Exchange: Routine = ({ state }, i) => {
  let status = 0;
  if (isEmpty(state, 0) || isEmpty(state, i)) {
    status = IE | SF;
    if (!masksInvalid(state)) return signal(state, C1, status);
    if (isEmpty(state, 0)) put(state, 0, INDEFINITE_SE, INDEFINITE_HI, 0);
    if (isEmpty(state, i)) put(state, i, INDEFINITE_SE, INDEFINITE_HI, 0);
  }
  const a = registerAt(state, 0);
  const b = registerAt(state, i);
  const low = state.get(a);
  const high = state.get(a + 4);
  const se = state.getU16(a + 8);
  state.set(a, state.get(b));
  state.set(a + 4, state.get(b + 4));
  state.setU16(a + 8, state.getU16(b + 8));
  state.set(b, low);
  state.set(b + 4, high);
  state.setU16(b + 8, se);
  return signal(state, C1, status);
};
/** FCMOVcc: an empty register is a stack fault whatever the condition. */
const x87MoveIf: Routine = ({ state }, i, condition) => {
  if (isEmpty(state, 0) || isEmpty(state, i)) return underflow(state, 0, 0, C1);
  const at = registerAt(state, i);
  if (condition !== 0) put(state, 0, state.getU16(at + 8), state.get(at + 4), state.get(at));
  return 0;
};

const x87ChangeSign: Routine = ({ state }) => {
  if (isEmpty(state, 0)) return underflow(state, 0, 0, C1);
  const at = registerAt(state, 0) + 8;
  state.setU16(at, state.getU16(at) ^ 0x8000);
  return signal(state, C1, 0);
};
const x87Absolute: Routine = ({ state }) => {
  if (isEmpty(state, 0)) return underflow(state, 0, 0, C1);
  const at = registerAt(state, 0) + 8;
  state.setU16(at, state.getU16(at) & 0x7fff);
  return signal(state, C1, 0);
};
/** FFREE and FFREEP. */
const x87Free: Routine = ({ state }, i, pops) => {
  free(state, i);
  pop(state, pops);
  return signal(state, C1, 0);
};

export const x87LoadRoutines = {
  x87LoadFloat32,
  x87LoadFloat64,
  x87LoadInt32,
  x87LoadInt64,
  x87LoadBcd,
  x87LoadConstant,
  x87LoadExtended,
  x87LoadRegister,
  x87StoreRegister,
  x87Exchange,
  x87MoveIf,
  x87ChangeSign,
  x87Absolute,
  x87Free,
} as const satisfies Record<string, Routine>;
