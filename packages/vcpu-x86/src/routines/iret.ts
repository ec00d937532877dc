// IRET, IRETD, IRETQ in every mode (SDM vol. 2A IRET): real, virtual-8086, protected to the same and an outer level, to
// virtual-8086 mode, out of a nested task, and IA-32e mode.
// @hot
import {
  type Core,
  CR0_PE,
  FLAG_AC,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_TF,
  FLAG_VM,
  type Routine,
} from '../core.js';
import { GP, raise } from '../fault.js';
import { CPL, CR0, CS, DS, ES, FLAGS_OTHER, FS, GPR, GS, SCRATCH, SS } from '../state/layout.js';
import { checkOffset, checkReturnTarget, enterCode, isLongCode } from './code-target.js';
import { Descriptor, fetchDescriptor, isLoaded, markAccessed } from './descriptor.js';
import { checkOuterStack, commitOuterStack } from './outer-stack.js';
import { dropInnerSegments, loadFlags, returnFlagsMask } from './privilege-change.js';
import { setRealSegment } from './real-segment.js';
import { stack } from './stack-frame.js';
import { returnFromTask } from './task-transfer.js';

const RSP = GPR + 4 * 8;
/** Flags that IRETD loads in real mode (not VM, VIF, VIP; RF is of no use there). */
const REAL_FLAGS = 0x247fd5;
const V86_FLAGS = 0x267fd5;
const code = new Descriptor();
const outerStack = new Descriptor();

function returnReal(core: Core, size: number, isV86: boolean): void {
  const { state } = core;
  const rip = stack.read(core, 0, size) >>> 0;
  const selector = stack.read(core, size, size) & 0xffff;
  const image = stack.read(core, 2 * size, size);
  const limit = isV86 ? 0xffff : state.segmentLimit(CS);
  if (rip > limit) raise(state, GP, 0);
  stack.commit(core, 3 * size);
  setRealSegment(core, CS, selector);
  state.rip = rip;
  const mask = (size === 2 ? 0xffff : REAL_FLAGS) & (isV86 ? ~FLAG_IOPL : -1);
  loadFlags(core, image, mask);
}

/** IRETD at level 0 with VM in the image. */
function returnToV86(core: Core, rip: number, selector: number, image: number): void {
  const { state } = core;
  const esp = stack.read(core, 12, 4);
  const ss = stack.read(core, 16, 4) & 0xffff;
  const es = stack.read(core, 20, 4) & 0xffff;
  const ds = stack.read(core, 24, 4) & 0xffff;
  const fs = stack.read(core, 28, 4) & 0xffff;
  const gs = stack.read(core, 32, 4) & 0xffff;
  if (rip > 0xffff) raise(state, GP, 0);
  state.rflags = (image & V86_FLAGS) | 2;
  state.setHalves(RSP, esp, 0);
  state.set(CPL, 3);
  setRealSegment(core, CS, selector);
  setRealSegment(core, SS, ss);
  setRealSegment(core, ES, es);
  setRealSegment(core, DS, ds);
  setRealSegment(core, FS, fs);
  setRealSegment(core, GS, gs);
  state.rip = rip;
}

/** False: to the level, CS and SS that there were, so that no more than the flags can have changed the mode. */
function returnProtected(core: Core, size: number): boolean {
  const { state } = core;
  const { cpl } = state;
  stack.open(core, 5 * size);
  const ripLow = stack.read(core, 0, size);
  const ripHigh = state.get(SCRATCH + 4);
  const selector = stack.read(core, size, size) & 0xffff;
  const image = stack.read(core, 2 * size, size);
  if ((image & FLAG_VM) !== 0 && size === 4 && cpl === 0 && !core.longMode) {
    returnToV86(core, ripLow >>> 0, selector, image);
    return true;
  }
  if ((selector & 0xfffc) === 0) raise(state, GP, 0);
  fetchDescriptor(core, selector, code, GP);
  checkReturnTarget(core, selector, code);
  const level = selector & 3;
  const isOuter = level > cpl;
  // 64-bit mode pops SS:RSP whatever the level.
  const popsStack = isOuter || stack.mask === 0;
  let pointerLow = 0;
  let pointerHigh = 0;
  let ss = 0;
  if (popsStack) {
    pointerLow = stack.read(core, 3 * size, size);
    pointerHigh = state.get(SCRATCH + 4);
    ss = stack.read(core, 4 * size, size) & 0xffff;
    checkOuterStack(core, ss, level, isLongCode(core, code), outerStack);
  }
  const rip = checkOffset(core, code, ripLow, ripHigh);
  markAccessed(core, code);

  const mask = returnFlagsMask(core, cpl, size);
  if (!popsStack) stack.commit(core, 3 * size);
  loadFlags(core, image, size === 2 ? mask & 0xffff : mask);
  const toLong = isLongCode(core, code);
  if (
    !isOuter &&
    isLoaded(core, CS, selector, code) &&
    (!popsStack || (toLong && (ss & 0xfffc) !== 0 && isLoaded(core, SS, ss, outerStack)))
  ) {
    state.rip = rip;
    if (popsStack) state.setHalves(RSP, pointerLow, pointerHigh);
    return false;
  }
  enterCode(core, selector, level, code, rip);
  if (popsStack) commitOuterStack(core, ss, outerStack, toLong, pointerLow, pointerHigh);
  if (isOuter) dropInnerSegments(core, level);
  return true;
}

/** Flags that are part of a mode. */
const MODE_FLAGS = FLAG_AC | FLAG_TF | FLAG_VM;

/** IRET with an operand size of `bits`. */
const returnFromInterrupt: Routine = (core, bits) => {
  const { state } = core;
  const size = bits >> 3;
  const flags = state.get(FLAGS_OTHER);
  const isV86 = (flags & FLAG_VM) !== 0;
  // NMIs are unblocked even if the instruction faults (SDM vol. 3A §6.7.1).
  core.nmiBlocked = false;
  let changesMode = true;
  stack.useCurrent(core);
  if ((state.get(CR0) & CR0_PE) === 0) returnReal(core, size, false);
  else if (isV86) {
    if ((flags & FLAG_IOPL) !== FLAG_IOPL) raise(state, GP, 0);
    returnReal(core, size, true);
  } else if ((flags & FLAG_NT) !== 0) {
    if (core.longMode) raise(state, GP, 0);
    return returnFromTask(core);
  } else changesMode = returnProtected(core, size);
  const newFlags = state.get(FLAGS_OTHER);
  changesMode ||= ((flags ^ newFlags) & MODE_FLAGS) !== 0 || (newFlags & FLAG_TF) !== 0;
  if (changesMode || core.breakpointsEnabled) core.updateMode();
  core.noticeInterrupt();
  return 0;
};

export const iretRoutines = { returnFromInterrupt } as const satisfies Record<string, Routine>;
