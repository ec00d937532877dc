// FST, FIST, FISTTP and FBSTP to memory (SDM vol. 1 §8.3.3), in two steps around the store: the first puts the bits into SCRATCH
// and changes nothing, so that the store may fault; its result is the status to signal, with STORE set when there is something
// to store. The second signals and pops.
// @hot

import type { Routine } from '../core.js';
import { toBcd } from '../float/float80-bcd.js';
import { toFloat32, toFloat64 } from '../float/float80-convert.js';
import { C1, f80, IE, INDEFINITE_HI, INDEFINITE_SE } from '../float/float80-format.js';
import { toInt80 } from '../float/float80-integer.js';
import { FPU_CONTROL, SCRATCH } from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { STORE } from '../state/x87-bits.js';
import { isEmpty, masksInvalid, pop, registerAt, SF, signal } from './x87-stack.js';

/** ST(0), or real indefinite for an empty one. */
const source = { se: 0, hi: 0, lo: 0 };

function readSource(state: VcpuState): void {
  const at = registerAt(state, 0);
  const empty = isEmpty(state, 0);
  source.se = empty ? INDEFINITE_SE : state.getU16(at + 8);
  source.hi = empty ? INDEFINITE_HI : state.get(at + 4);
  source.lo = empty ? 0 : state.get(at);
}
/** Result record to SCRATCH. An empty ST(0) is a stack fault and nothing else. */
function converted(state: VcpuState): number {
  state.setHalves(SCRATCH, f80.lo, f80.hi);
  if (isEmpty(state, 0)) return masksInvalid(state) ? IE | SF | STORE : IE | SF;
  return f80.stored !== 0 ? f80.status | STORE : f80.status;
}

const x87ToFloat32: Routine = ({ state }) => {
  readSource(state);
  toFloat32(state.get(FPU_CONTROL), source.se, source.hi, source.lo);
  return converted(state);
};
const x87ToFloat64: Routine = ({ state }) => {
  readSource(state);
  toFloat64(state.get(FPU_CONTROL), source.se, source.hi, source.lo);
  return converted(state);
};
const x87ToInteger: Routine = ({ state }, bits, truncate) => {
  readSource(state);
  toInt80(state.get(FPU_CONTROL), bits, truncate, source.se, source.hi, source.lo);
  return converted(state);
};
const x87ToBcd: Routine = ({ state }) => {
  readSource(state);
  toBcd(state.get(FPU_CONTROL), source.se, source.hi, source.lo);
  state.set(SCRATCH + 8, f80.se);
  return converted(state);
};
const x87ToExtended: Routine = ({ state }) => {
  readSource(state);
  state.setHalves(SCRATCH, source.lo, source.hi);
  state.set(SCRATCH + 8, source.se);
  if (isEmpty(state, 0)) return masksInvalid(state) ? IE | SF | STORE : IE | SF;
  return STORE;
};

/** The second step, given the first one's result. */
const x87Stored: Routine = ({ state }, result, pops) => {
  if ((result & STORE) !== 0) pop(state, pops);
  return signal(state, C1, result & ~STORE);
};

export const x87StoreRoutines = {
  x87ToFloat32,
  x87ToFloat64,
  x87ToInteger,
  x87ToBcd,
  x87ToExtended,
  x87Stored,
} as const satisfies Record<string, Routine>;
