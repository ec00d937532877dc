// Interrupt and trap gates of legacy protected mode (SDM vol. 3A §6.12.1, vol. 2A INT n): to the same or an inner privilege level,
// also out of virtual-8086 mode.
// @hot
import { type Core, FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../core.js';
import { GP, NP, raise } from '../fault.js';
import { CPL, CS, DS, ES, FLAGS_OTHER, FS, GPR, GS, SS } from '../state/layout.js';
import { ATTRIBUTE_BIG } from '../state/segments.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
} from './descriptor.js';
import { frame, stack } from './stack-frame.js';
import { fetchInnerStackSegment, innerStack, readInnerStack } from './task-stack.js';

const RSP = 4;
const code = new Descriptor();
const newStack = new Descriptor();

export function enterProtected(
  core: Core,
  gate: Descriptor,
  flags: number,
  errorCode: number,
  ext: number,
): void {
  const { state } = core;
  const { type } = gate;
  const size = (type & 8) !== 0 ? 4 : 2;
  const selector = gate.gateSelector;
  const offset = size === 4 ? gate.gateOffset : gate.gateOffset & 0xffff;
  const oldCpl = state.cpl;
  const fromV86 = (flags & FLAG_VM) !== 0;
  if ((selector & 0xfffc) === 0) raise(state, GP, ext);
  fetchDescriptor(core, selector, code, GP, ext);
  const error = (selector & 0xfffc) | ext;
  if (!code.isCode || code.dpl > oldCpl) raise(state, GP, error);
  if (!code.present) raise(state, NP, error);
  const inner = !code.isConforming && code.dpl < oldCpl;
  if (fromV86 && (!inner || code.dpl !== 0)) raise(state, GP, error);
  const level = inner ? code.dpl : oldCpl;

  frame.clear();
  if (inner) {
    readInnerStack(core, level, ext);
    fetchInnerStackSegment(core, innerStack.selector, level, newStack, ext);
    stack.useSegment(newStack.base, newStack.limit, newStack.attributes, innerStack.pointer);
    stack.errorCode = (innerStack.selector & 0xfffc) | ext;
    stack.user = level === 3;
    if (fromV86) {
      frame.push(state.selector(GS));
      frame.push(state.selector(FS));
      frame.push(state.selector(DS));
      frame.push(state.selector(ES));
    }
    frame.push(state.selector(SS));
    frame.push(state.gpr32(RSP));
  } else {
    stack.useCurrent(core);
    stack.errorCode = ext;
  }
  frame.push(flags);
  frame.push(state.selector(CS));
  frame.push(state.rip);
  if (errorCode >= 0) frame.push(errorCode);
  frame.check(core, stack, size);
  if (offset > code.limit) raise(state, GP, ext);
  markAccessed(core, code);
  frame.write(core, stack, size);

  // Nothing faults from here on.
  if (inner) {
    setFromDescriptor(core, SS, innerStack.selector, newStack);
    // Under a 16-bit stack segment the pointer's upper half comes from the TSS too.
    const moved = stack.pointer - frame.bytes(size);
    const wide = (newStack.attributes & ATTRIBUTE_BIG) !== 0;
    state.setHalves(
      GPR + RSP * 8,
      wide ? moved | 0 : (stack.pointer & 0xffff0000) | (moved & 0xffff),
      0,
    );
    if (fromV86) {
      setNull(core, GS, 0);
      setNull(core, FS, 0);
      setNull(core, DS, 0);
      setNull(core, ES, 0);
    }
  } else stack.commit(core, -frame.bytes(size));
  state.set(CPL, level);
  setFromDescriptor(core, CS, (selector & 0xfffc) | level, code);
  state.rip = offset;
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | ((type & 1) === 0 ? FLAG_IF : 0);
  state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~cleared);
}
