// Task switches (SDM vol. 3A chapter 7) between 16- and 32-bit task-state segments. Everything that can fault before the switch is
// tried first; what faults after it (segments of the new task) is the new task's fault.
import { type Core, CR0_TS, FLAG_NT, FLAG_VM } from '../core.js';
import { GP, NP, raise, SS_FAULT, TS } from '../fault.js';
import {
  CPL,
  CR0,
  CR3,
  CR4,
  CS,
  DR6,
  DR7,
  DS,
  ES,
  FLAGS_OTHER,
  FS,
  GPR,
  GS,
  LDTR,
  SS,
  TR,
} from '../state/layout.js';
import { setSegment } from '../state/segments.js';
import { loadPageDirectoryPointers } from './control-register.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
  TYPE_LDT,
} from './descriptor.js';
import { setRealSegment } from './real-segment.js';
import { frame, stack } from './stack-frame.js';
import { readSystem16, readSystem32 } from './system-memory.js';

export const TASK_JUMP = 0;
export const TASK_CALL = 1;
export const TASK_RETURN = 2;
export const TASK_INTERRUPT = 3;

/** Whether the switch under way has reached the new task. */
export const taskProgress = { isCommitted: false };

const CR0_PG = -0x80000000;
const CR4_PAE = 0x20;
const CR4_PGE = 0x80;
const tss = new Descriptor();
const d = new Descriptor();
/** The new task: CR3, eIP, eFLAGS, eight registers, six selectors (ES CS SS DS FS GS), LDT, trap flag. */
const next = new Int32Array(19);
const order = [ES, CS, SS, DS, FS, GS];

function readTask(core: Core, base: number, is32: boolean): void {
  if (is32) {
    for (let i = 0; i < 11; i++) next[i] = readSystem32(core, base + 28 + i * 4);
    for (let i = 0; i < 7; i++) next[11 + i] = readSystem16(core, base + 72 + i * 4);
    next[18] = readSystem16(core, base + 100) & 1;
    return;
  }
  next[0] = 0;
  for (let i = 0; i < 10; i++) next[1 + i] = readSystem16(core, base + 14 + i * 2);
  // A 286 task leaves the registers' upper halves undefined; processors set them.
  for (let i = 3; i < 11; i++) next[i] |= 0xffff0000;
  for (let i = 0; i < 4; i++) next[11 + i] = readSystem16(core, base + 34 + i * 2);
  next[15] = next[16] = 0;
  next[17] = readSystem16(core, base + 42);
  next[18] = 0;
}

function saveTask(core: Core, base: number, is32: boolean, flags: number): void {
  const { state, mmu } = core;
  if (is32) {
    mmu.writeU32(base + 32, state.rip | 0, false);
    mmu.writeU32(base + 36, flags, false);
    for (let i = 0; i < 8; i++) mmu.writeU32(base + 40 + i * 4, state.get(GPR + i * 8), false);
    for (let i = 0; i < 6; i++) mmu.writeU16(base + 72 + i * 4, state.selector(order[i]), false);
    return;
  }
  mmu.writeU16(base + 14, state.rip & 0xffff, false);
  mmu.writeU16(base + 16, flags & 0xffff, false);
  for (let i = 0; i < 8; i++) mmu.writeU16(base + 18 + i * 2, state.getU16(GPR + i * 8), false);
  for (let i = 0; i < 4; i++) mmu.writeU16(base + 34 + i * 2, state.selector(order[i]), false);
}

/** Busy bit of the TSS descriptor at a linear address. */
function setBusy(core: Core, at: number, isBusy: boolean): void {
  const high = readSystem32(core, at + 4);
  core.mmu.writeU32(at + 4, isBusy ? high | 0x200 : high & ~0x200, false);
}

/**
 * Switches to the task of `selector`. `flags` is the image saved for the old task; `errorCode` (-1: none) goes on the new stack.
 * The caller updates the mode.
 */
export function taskSwitch(
  core: Core,
  selector: number,
  kind: number,
  flags: number,
  errorCode: number,
  ext: number,
): void {
  const { state, mmu } = core;
  const isReturn = kind === TASK_RETURN;
  const vector = isReturn ? TS : GP;
  const error = (selector & 0xfffc) | ext;
  taskProgress.isCommitted = false;
  if ((selector & 4) !== 0) raise(state, vector, error);
  fetchDescriptor(core, selector, tss, vector, ext);
  const { type } = tss;
  const isBusy = type === 3 || type === 11;
  if (isReturn ? !isBusy : type !== 1 && type !== 9) raise(state, vector, error);
  if (!tss.present) raise(state, NP, error);
  const is32 = (type & 8) !== 0;
  if (tss.limit < (is32 ? 0x67 : 0x2b)) raise(state, TS, error);

  // All pages first: both tasks' segments and both descriptors.
  const base = tss.base;
  readTask(core, base, is32);
  const oldBase = state.segmentBase(TR);
  const oldIs32 = (state.segmentAttributes(TR) & 0x800) !== 0;
  fetchDescriptor(core, state.selector(TR), d, TS);
  const oldAt = d.at;
  mmu.probe(oldBase, oldIs32 ? 104 : 44, true, false);
  const links = kind === TASK_CALL || kind === TASK_INTERRUPT;
  if (links) mmu.probe(base, 2, true, false);
  mmu.probe(tss.at, 8, true, false);
  mmu.probe(oldAt, 8, true, false);

  if (kind === TASK_JUMP || isReturn) setBusy(core, oldAt, false);
  saveTask(core, oldBase, oldIs32, isReturn ? flags & ~FLAG_NT : flags);
  if (links) mmu.writeU16(base, state.selector(TR), false);
  if (!isReturn) setBusy(core, tss.at, true);
  taskProgress.isCommitted = true;
  setSegment(state, TR, selector, base, tss.limit, tss.attributes | 0x200);
  state.set(CR0, state.get(CR0) | CR0_TS);
  enterTask(core, is32, links);
  if (errorCode >= 0) {
    const size = is32 ? 4 : 2;
    stack.useCurrent(core);
    stack.errorCode = ext;
    frame.clear();
    frame.push(errorCode);
    frame.check(core, stack, size);
    frame.write(core, stack, size);
    stack.commit(core, -size);
  }
  if (state.rip > state.segmentLimit(CS)) raise(state, GP, 0);
  if (next[18] !== 0) {
    // The T flag: a debug trap before the new task's first instruction.
    state.set(DR6, state.get(DR6) | 0x8000);
    raise(state, 1);
  }
}

function enterTask(core: Core, is32: boolean, links: boolean): void {
  const { state } = core;
  if (is32 && (state.get(CR0) & CR0_PG) !== 0 && next[0] !== state.get(CR3)) {
    state.setHalves(CR3, next[0], 0);
    core.flushTlb((state.get(CR4) & CR4_PGE) !== 0);
    if ((state.get(CR4) & CR4_PAE) !== 0 && !loadPageDirectoryPointers(core)) raise(state, GP, 0);
    core.updateMode();
  }
  state.set(DR7, state.get(DR7) & ~0x155);
  state.rip = next[1] >>> 0;
  const image = is32 ? next[2] : next[2] & 0xffff;
  state.rflags = (image & 0x277fd5) | 2 | (links ? FLAG_NT : 0);
  for (let i = 0; i < 8; i++) state.setHalves(GPR + i * 8, next[3 + i], 0);
  // Selectors first: a fault finds them all loaded, their segments not yet.
  for (let i = 0; i < 6; i++) setNull(core, order[i], next[11 + i]);
  setNull(core, LDTR, next[17]);
  if ((state.get(FLAGS_OTHER) & FLAG_VM) !== 0) {
    state.set(CPL, 3);
    for (let i = 0; i < 6; i++) setRealSegment(core, order[i], next[11 + i]);
    loadLdt(core);
    core.updateMode();
    return;
  }
  state.set(CPL, next[12] & 3);
  core.updateMode();
  loadLdt(core);
  loadCode(core);
  loadStack(core);
  for (let i = 0; i < 6; i++)
    if (order[i] !== CS && order[i] !== SS) loadData(core, order[i], next[11 + i]);
  core.updateMode();
}

function loadLdt(core: Core): void {
  const { state } = core;
  const selector = next[17];
  if ((selector & 0xfffc) === 0) return;
  const error = selector & 0xfffc;
  if ((selector & 4) !== 0) raise(state, TS, error);
  fetchDescriptor(core, selector, d, TS);
  if (d.type !== TYPE_LDT || !d.present) raise(state, TS, error);
  setSegment(state, LDTR, selector, d.base, d.limit, d.attributes);
}

function loadCode(core: Core): void {
  const { state } = core;
  const selector = next[12];
  const error = selector & 0xfffc;
  if (error === 0) raise(state, TS, 0);
  fetchDescriptor(core, selector, d, TS);
  const rpl = selector & 3;
  if (!d.isCode || (d.isConforming ? d.dpl > rpl : d.dpl !== rpl)) raise(state, TS, error);
  if (!d.present) raise(state, NP, error);
  markAccessed(core, d);
  setFromDescriptor(core, CS, selector, d);
}

function loadStack(core: Core): void {
  const { state } = core;
  const selector = next[13];
  const error = selector & 0xfffc;
  if (error === 0) raise(state, TS, 0);
  fetchDescriptor(core, selector, d, TS);
  if (!d.isWritableData || (selector & 3) !== state.cpl || d.dpl !== state.cpl)
    raise(state, TS, error);
  if (!d.present) raise(state, SS_FAULT, error);
  markAccessed(core, d);
  setFromDescriptor(core, SS, selector, d);
}

function loadData(core: Core, segment: number, selector: number): void {
  const { state } = core;
  const error = selector & 0xfffc;
  if (error === 0) return;
  fetchDescriptor(core, selector, d, TS);
  if (!d.isReadable) raise(state, TS, error);
  const isOpen = d.isCode && d.isConforming;
  if (!isOpen && (d.dpl < state.cpl || d.dpl < (selector & 3))) raise(state, TS, error);
  if (!d.present) raise(state, NP, error);
  markAccessed(core, d);
  setFromDescriptor(core, segment, selector, d);
}
