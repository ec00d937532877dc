// Loads of the data segment registers and SS, with the checks in the order of the SDM (vol. 2B MOV, POP; vol. 3A §5.6, §5.7).
// @hot
import { type Core, CR0_PE, FLAG_VM, type Routine } from '../core.js';
import { GP, NP, raise, SS_FAULT } from '../fault.js';
import {
  CR0,
  FLAGS_OTHER,
  FS,
  GPR,
  INTERRUPT_SHADOW,
  PENDING_STEP,
  SCRATCH,
  SEGMENT_STRIDE,
  SS,
} from '../state/layout.js';
import { ATTRIBUTE_BIG, isFlat } from '../state/segments.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
} from './descriptor.js';
import { setRealSegment } from './real-segment.js';

const RSP = GPR + 4 * 8;
const d = new Descriptor();

function loadStackSegment(core: Core, selector: number): void {
  const { state } = core;
  const { cpl } = state;
  if ((selector & 0xfffc) === 0) {
    // 64-bit mode has stacks without a segment, except at level 3.
    if (!core.mode64 || cpl === 3 || (selector & 3) !== cpl) raise(state, GP, 0);
    setNull(core, SS, selector);
    return;
  }
  fetchDescriptor(core, selector, d, GP);
  const error = selector & 0xfffc;
  if ((selector & 3) !== cpl || !d.isWritableData || d.dpl !== cpl) raise(state, GP, error);
  if (!d.present) raise(state, SS_FAULT, error);
  markAccessed(core, d);
  setFromDescriptor(core, SS, selector, d);
}

function loadDataSegment(core: Core, segment: number, selector: number): void {
  const { state } = core;
  if ((selector & 0xfffc) === 0) {
    setNull(core, segment, selector);
    return;
  }
  fetchDescriptor(core, selector, d, GP);
  const error = selector & 0xfffc;
  if (!d.isReadable) raise(state, GP, error);
  if (!(d.isCode && d.isConforming)) {
    const { dpl } = d;
    if ((selector & 3) > dpl || state.cpl > dpl) raise(state, GP, error);
  }
  if (!d.present) raise(state, NP, error);
  markAccessed(core, d);
  setFromDescriptor(core, segment, selector, d);
}

/** Loads ES, SS, DS, FS or GS as the mode does; a fault leaves it unchanged. Does not update the mode. */
export function loadSegmentRegister(core: Core, segment: number, selector: number): void {
  const { state } = core;
  const isProtected = (state.get(CR0) & CR0_PE) !== 0 && (state.get(FLAGS_OTHER) & FLAG_VM) === 0;
  if (!isProtected) setRealSegment(core, segment, selector);
  else if (segment === SS) loadStackSegment(core, selector);
  else loadDataSegment(core, segment, selector);
}

/** The same, and what follows for the mode: nothing from FS and GS, from DS and ES only whether they are flat. */
function loadAndUpdate(core: Core, segment: number, selector: number): void {
  if (segment >= FS) {
    loadSegmentRegister(core, segment, selector);
    return;
  }
  const wasFlat = isFlat(core.state, segment, true);
  loadSegmentRegister(core, segment, selector);
  if (segment === SS || isFlat(core.state, segment, true) !== wasFlat) core.updateMode();
}

/** MOV to SS and POP SS hold interrupts off for one instruction. */
function shadow(core: Core): void {
  core.state.set(INTERRUPT_SHADOW, 1);
  core.state.addPending(PENDING_STEP);
}

/** MOV Sreg. `slot`: segment times SEGMENT_STRIDE. */
const loadSegment: Routine = (core, slot, selector) => {
  const segment = slot / SEGMENT_STRIDE;
  loadAndUpdate(core, segment, selector);
  if (segment === SS) shadow(core);
  return 0;
};
/** POP Sreg: `bytes` leave the stack. */
const popSegment: Routine = (core, slot, selector, bytes) => {
  const { state } = core;
  const segment = slot / SEGMENT_STRIDE;
  const isWide = core.mode64;
  const isBig = (state.segmentAttributes(SS) & ATTRIBUTE_BIG) !== 0;
  loadAndUpdate(core, segment, selector);
  if (isWide) state.set64(RSP, state.get64(RSP) + bytes);
  else if (isBig) state.setHalves(RSP, (state.get(RSP) + bytes) | 0, 0);
  else state.setU16(RSP, state.getU16(RSP) + bytes);
  if (segment === SS) shadow(core);
  return 0;
};
/** LES, LDS, LSS, LFS, LGS: the offset (in SCRATCH) goes to the general register in state slot `register`. */
const loadFarPointer: Routine = (core, segment, selector, register, bits) => {
  const { state } = core;
  const low = state.get(SCRATCH);
  const high = state.get(SCRATCH + 4);
  loadAndUpdate(core, segment, selector);
  if (bits === 16) state.setU16(register, low);
  else state.setHalves(register, low, bits === 64 ? high : 0);
  return 0;
};

export const segmentRoutines = {
  loadSegment,
  popSegment,
  loadFarPointer,
} as const satisfies Record<string, Routine>;
