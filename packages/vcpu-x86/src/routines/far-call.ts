// Far CALL and RET (SDM vol. 2A CALL, vol. 2B RET; vol. 3A §5.8.5, §5.8.6): direct, through call gates with stack switch and
// parameter copy, to another task, and back.
import type { Core, Routine } from '../core.js';
import { GP, raise } from '../fault.js';
import { CS, GPR, RIP, SCRATCH, SS } from '../state/layout.js';
import { ATTRIBUTE_BIG } from '../state/segments.js';
import {
  checkDirectTarget,
  checkOffset,
  checkReturnTarget,
  enterCode,
  isLongCode,
} from './code-target.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS32,
} from './descriptor.js';
import {
  checkGate,
  checkTaskRights,
  enterRealCode,
  fetchGateTarget,
  gateOffsetHigh,
  gateOffsetLow,
} from './far-jump.js';
import { checkOuterStack, commitOuterStack } from './outer-stack.js';
import { dropInnerSegments } from './privilege-change.js';
import { frame, StackPlace, stack } from './stack-frame.js';
import { fetchInnerStackSegment, innerStack, readInnerStack, readLongStack } from './task-stack.js';
import { TASK_CALL } from './task-switch.js';
import { goToTask } from './task-transfer.js';

const RSP = GPR + 4 * 8;
const target = new Descriptor();
const code = new Descriptor();
const stackSegment = new Descriptor();
const oldStack = new StackPlace();

/** Pushes CS:rIP on the current stack (written, not committed: returns the pointer's movement). */
function pushReturn(core: Core, size: number): number {
  const { state } = core;
  stack.useCurrent(core);
  frame.clear();
  frame.push(state.selector(CS));
  frame.push(state.get(RIP), state.get(RIP + 4));
  frame.check(core, stack, size);
  frame.write(core, stack, size);
  return -frame.bytes(size);
}

function callInner(core: Core, gate: Descriptor, size: number, rip: number): void {
  const { state } = core;
  const level = code.dpl;
  const isLong = size === 8;
  oldStack.useCurrent(core);
  frame.clear();
  frame.push(state.selector(SS));
  frame.push(state.get(RSP), state.get(RSP + 4));
  if (isLong) stack.useLong(readLongStack(core, level, 0));
  else {
    readInnerStack(core, level, 0);
    fetchInnerStackSegment(core, innerStack.selector, level, stackSegment, 0);
    stack.useSegment(
      stackSegment.base,
      stackSegment.limit,
      stackSegment.attributes,
      innerStack.pointer,
    );
    for (let i = (gate.high & 31) - 1; i >= 0; i--) frame.push(oldStack.read(core, i * size, size));
  }
  stack.user = level === 3;
  stack.errorCode = isLong ? 0 : innerStack.selector & 0xfffc;
  frame.push(state.selector(CS));
  frame.push(state.get(RIP), state.get(RIP + 4));
  frame.check(core, stack, size);
  markAccessed(core, code);
  frame.write(core, stack, size);
  const pointer = stack.pointer - frame.bytes(size);
  if (isLong) {
    setNull(core, SS, level);
    state.set64(RSP, pointer);
  } else {
    setFromDescriptor(core, SS, innerStack.selector, stackSegment);
    const wide = (stackSegment.attributes & ATTRIBUTE_BIG) !== 0;
    state.setHalves(RSP, wide ? pointer | 0 : (stack.pointer & 0xffff0000) | (pointer & 0xffff), 0);
  }
  enterCode(core, gate.gateSelector, level, code, rip);
}

function callThroughGate(core: Core, selector: number, gate: Descriptor): void {
  checkGate(core, selector, gate);
  const high = gateOffsetHigh(core, selector, gate);
  const size = core.longMode ? 8 : gate.type === TYPE_CALL_GATE16 ? 2 : 4;
  fetchGateTarget(core, gate.gateSelector, code, true);
  const rip = checkOffset(core, code, gateOffsetLow(gate), high);
  if (!code.isConforming && code.dpl < core.cpl) {
    callInner(core, gate, size, rip);
    return;
  }
  markAccessed(core, code);
  const moved = pushReturn(core, size);
  stack.commit(core, moved);
  enterCode(core, gate.gateSelector, core.cpl, code, rip);
}

/** CALL far to `selector`:SCRATCH with an operand size of `bits`. */
const callFar: Routine = (core, selector, bits) => {
  const { state } = core;
  const size = bits >> 3;
  const low = bits === 16 ? state.get(SCRATCH) & 0xffff : state.get(SCRATCH);
  const high = bits === 64 ? state.get(SCRATCH + 4) : 0;
  if (!core.protectedMode) {
    const moved = pushReturn(core, size);
    enterRealCode(core, selector, low >>> 0);
    stack.commit(core, moved);
  } else {
    if ((selector & 0xfffc) === 0) raise(state, GP, 0);
    fetchDescriptor(core, selector, target, GP);
    const { type } = target;
    if (target.isCode) {
      checkDirectTarget(core, selector, target);
      const rip = checkOffset(core, target, low, high);
      markAccessed(core, target);
      stack.commit(core, pushReturn(core, size));
      enterCode(core, selector, core.cpl, target, rip);
    } else if (type === TYPE_CALL_GATE32 || (type === TYPE_CALL_GATE16 && !core.longMode))
      callThroughGate(core, selector, target);
    else if (core.longMode) raise(state, GP, selector & 0xfffc);
    else if (type === TYPE_TASK_GATE) {
      checkGate(core, selector, target);
      return goToTask(core, target.gateSelector, TASK_CALL);
    } else if (type === TYPE_TSS16 || type === TYPE_TSS32) {
      checkTaskRights(core, selector, target);
      return goToTask(core, selector, TASK_CALL);
    } else raise(state, GP, selector & 0xfffc);
  }
  core.updateMode();
  return 0;
};

/** RET far, releasing `bytes` of parameters. */
const returnFar: Routine = (core, bits, bytes) => {
  const { state } = core;
  const size = bits >> 3;
  stack.useCurrent(core);
  const low = stack.read(core, 0, size);
  const high = state.get(SCRATCH + 4);
  const selector = stack.read(core, size, size) & 0xffff;
  const released = 2 * size + bytes;
  if (!core.protectedMode) {
    enterRealCode(core, selector, low >>> 0);
    stack.commit(core, released);
  } else {
    if ((selector & 0xfffc) === 0) raise(state, GP, 0);
    fetchDescriptor(core, selector, code, GP);
    checkReturnTarget(core, selector, code);
    const level = selector & 3;
    if (level === core.cpl) {
      const rip = checkOffset(core, code, low, high);
      markAccessed(core, code);
      stack.commit(core, released);
      enterCode(core, selector, level, code, rip);
    } else returnOuter(core, selector, low, high, size, released, bytes);
  }
  core.updateMode();
  return 0;
};

function returnOuter(
  core: Core,
  selector: number,
  low: number,
  high: number,
  size: number,
  released: number,
  bytes: number,
): void {
  const { state } = core;
  const level = selector & 3;
  const toLong = isLongCode(core, code);
  const pointerLow = stack.read(core, released, size);
  const pointerHigh = state.get(SCRATCH + 4);
  const ss = stack.read(core, released + size, size) & 0xffff;
  checkOuterStack(core, ss, level, toLong, stackSegment);
  const rip = checkOffset(core, code, low, high);
  markAccessed(core, code);
  // The parameters leave the outer stack as well.
  const sum = (pointerLow >>> 0) + bytes;
  const carry = sum > 0xffffffff ? 1 : 0;
  commitOuterStack(core, ss, stackSegment, toLong, sum | 0, (pointerHigh + carry) | 0);
  enterCode(core, selector, level, code, rip);
  dropInnerSegments(core, level);
}

export const farCallRoutines = { callFar, returnFar } as const satisfies Record<string, Routine>;
