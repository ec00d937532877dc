// Far JMP (SDM vol. 2A JMP; vol. 3A §5.8): direct, through a call gate, or to another task.
import type { Core, Routine } from '../core.js';
import { GP, NP, raise } from '../fault.js';
import { CS, SCRATCH } from '../state/layout.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_LONG } from '../state/segments.js';
import { checkDirectTarget, checkOffset, enterCode } from './code-target.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS32,
  upperHalf,
} from './descriptor.js';
import { setRealSegment } from './real-segment.js';
import { TASK_JUMP } from './task-switch.js';
import { goToTask } from './task-transfer.js';

const target = new Descriptor();
const code = new Descriptor();

/** Far transfer in real and virtual-8086 mode. */
export function enterRealCode(core: Core, selector: number, ip: number): void {
  const { state } = core;
  if (ip > (core.virtual8086 ? 0xffff : state.segmentLimit(CS))) raise(state, GP, 0);
  setRealSegment(core, CS, selector);
  state.rip = ip;
}

/** The checks of a gate itself (SDM vol. 3A §5.8.4). */
export function checkGate(core: Core, selector: number, gate: Descriptor): void {
  const { state } = core;
  const error = selector & 0xfffc;
  if (gate.dpl < state.cpl || (selector & 3) > gate.dpl) raise(state, GP, error);
  if (!gate.present) raise(state, NP, error);
}

/** Reads the code segment that a call gate leads to; transfers to the same or (CALL) an inner level pass. */
export function fetchGateTarget(
  core: Core,
  selector: number,
  d: Descriptor,
  isCall: boolean,
): void {
  const { state } = core;
  if ((selector & 0xfffc) === 0) raise(state, GP, 0);
  fetchDescriptor(core, selector, d, GP);
  const error = selector & 0xfffc;
  const { dpl } = d;
  const { cpl } = state;
  const fits = d.isConforming || isCall ? dpl <= cpl : dpl === cpl;
  if (!d.isCode || !fits) raise(state, GP, error);
  if (core.longMode && (d.high & (ATTRIBUTE_LONG | ATTRIBUTE_BIG)) !== ATTRIBUTE_LONG)
    raise(state, GP, error);
  if (!d.present) raise(state, NP, error);
}

/** Bits 63–32 of a call gate's offset. */
export const gateOffsetHigh = (core: Core, selector: number, gate: Descriptor): number =>
  core.longMode ? upperHalf(core, selector, gate) : 0;
/** Bits 31–0, by the gate's size. */
export const gateOffsetLow = (gate: Descriptor): number =>
  gate.type === TYPE_CALL_GATE16 ? gate.gateOffset & 0xffff : gate.gateOffset;

function jumpThroughGate(core: Core, selector: number, gate: Descriptor): void {
  checkGate(core, selector, gate);
  const high = gateOffsetHigh(core, selector, gate);
  fetchGateTarget(core, gate.gateSelector, code, false);
  const rip = checkOffset(core, code, gateOffsetLow(gate), high);
  markAccessed(core, code);
  enterCode(core, gate.gateSelector, core.cpl, code, rip);
}

/** JMP far to `selector`:SCRATCH with an operand size of `bits`. */
const jumpFar: Routine = (core, selector, bits) => {
  const { state } = core;
  const low = bits === 16 ? state.get(SCRATCH) & 0xffff : state.get(SCRATCH);
  const high = bits === 64 ? state.get(SCRATCH + 4) : 0;
  if (!core.protectedMode) enterRealCode(core, selector, low >>> 0);
  else {
    if ((selector & 0xfffc) === 0) raise(state, GP, 0);
    fetchDescriptor(core, selector, target, GP);
    const { type } = target;
    if (target.isCode) {
      checkDirectTarget(core, selector, target);
      const rip = checkOffset(core, target, low, high);
      markAccessed(core, target);
      enterCode(core, selector, core.cpl, target, rip);
    } else if (type === TYPE_CALL_GATE32 || (type === TYPE_CALL_GATE16 && !core.longMode))
      jumpThroughGate(core, selector, target);
    else if (core.longMode) raise(state, GP, selector & 0xfffc);
    else if (type === TYPE_TASK_GATE) {
      checkGate(core, selector, target);
      return goToTask(core, target.gateSelector, TASK_JUMP);
    } else if (type === TYPE_TSS16 || type === TYPE_TSS32) {
      checkTaskRights(core, selector, target);
      return goToTask(core, selector, TASK_JUMP);
    } else raise(state, GP, selector & 0xfffc);
  }
  core.updateMode();
  return 0;
};

/** A TSS named directly must be reachable from the current level. */
export function checkTaskRights(core: Core, selector: number, d: Descriptor): void {
  if (d.dpl < core.cpl || d.dpl < (selector & 3)) raise(core.state, GP, selector & 0xfffc);
}

export const farJumpRoutines = { jumpFar } as const satisfies Record<string, Routine>;
