// LDTR, TR and the instructions that look at descriptors without loading them (SDM vol. 2 LLDT, LTR, LAR, LSL, VERR, VERW).
import type { Core, Routine } from '../core.js';
import { GP, NP, raise } from '../fault.js';
import { LDTR, SCRATCH, TR } from '../state/layout.js';
import { setSegment } from '../state/segments.js';
import {
  Descriptor,
  fetchDescriptor,
  findDescriptor,
  setNull,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_LDT,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS16_BUSY,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
  upperHalf,
} from './descriptor.js';

const TWO32 = 4294967296;
const CANONICAL = 2 ** 47;
const d = new Descriptor();

/** Base of a system segment: 64 bits in IA-32e mode, canonical. */
function systemBase(core: Core, selector: number): number {
  if (!core.longMode) return d.base;
  const base = upperHalf(core, selector, d) * TWO32 + d.base;
  if (base < -CANONICAL || base >= CANONICAL) raise(core.state, GP, selector & 0xfffc);
  return base;
}

const loadLocalTable: Routine = (core, selector) => {
  const { state } = core;
  if ((selector & 0xfffc) === 0) {
    setNull(core, LDTR, selector);
    return 0;
  }
  const error = selector & 0xfffc;
  if ((selector & 4) !== 0) raise(state, GP, error);
  fetchDescriptor(core, selector, d, GP);
  if (d.type !== TYPE_LDT) raise(state, GP, error);
  if (!d.present) raise(state, NP, error);
  setSegment(state, LDTR, selector, systemBase(core, selector), d.limit, d.attributes);
  return 0;
};

const loadTaskRegister: Routine = (core, selector) => {
  const { state } = core;
  const error = selector & 0xfffc;
  if (error === 0) raise(state, GP, 0);
  if ((selector & 4) !== 0) raise(state, GP, error);
  fetchDescriptor(core, selector, d, GP);
  if (d.type !== TYPE_TSS32 && (d.type !== TYPE_TSS16 || core.longMode)) raise(state, GP, error);
  if (!d.present) raise(state, NP, error);
  const base = systemBase(core, selector);
  d.high |= 0x200;
  core.mmu.writeU32(d.at + 4, d.high, false);
  setSegment(state, TR, selector, base, d.limit, d.attributes);
  return 0;
};

/** Whether code of the current level may see the descriptor; `rpl` as in the selector. */
function isVisible(core: Core, selector: number): boolean {
  if (d.isCode && d.isConforming) return true;
  return d.dpl >= core.cpl && d.dpl >= (selector & 3);
}
function isLarKind(core: Core, type: number): boolean {
  if (type >= 16) return true;
  switch (type) {
    case TYPE_LDT:
    case TYPE_TSS32:
    case TYPE_TSS32_BUSY:
    case TYPE_CALL_GATE32:
      return true;
    case TYPE_TSS16:
    case TYPE_TSS16_BUSY:
    case TYPE_CALL_GATE16:
    case TYPE_TASK_GATE:
      return !core.longMode;
    default:
      return false;
  }
}

/** LAR: 1 and the access rights in SCRATCH, or 0. */
const accessRights: Routine = (core, selector) => {
  if ((selector & 0xfffc) === 0 || !findDescriptor(core, selector, d)) return 0;
  if (!isLarKind(core, d.type) || !isVisible(core, selector)) return 0;
  core.state.setHalves(SCRATCH, d.high & 0x00f0ff00, 0);
  return 1;
};
/** LSL: 1 and the limit in bytes in SCRATCH, or 0. Gates have none. */
const segmentLimit: Routine = (core, selector) => {
  if ((selector & 0xfffc) === 0 || !findDescriptor(core, selector, d)) return 0;
  const { type } = d;
  const isGate = type === TYPE_CALL_GATE16 || type === TYPE_CALL_GATE32 || type === TYPE_TASK_GATE;
  if (isGate || !isLarKind(core, type) || !isVisible(core, selector)) return 0;
  core.state.setHalves(SCRATCH, d.limit | 0, 0);
  return 1;
};
/** VERR, VERW: 1 if the segment can be read (written) from here. */
const verifySegment: Routine = (core, selector, write) => {
  if ((selector & 0xfffc) === 0 || !findDescriptor(core, selector, d)) return 0;
  const can = write !== 0 ? d.isWritableData : d.isReadable;
  return can && isVisible(core, selector) ? 1 : 0;
};

export const tableRoutines = {
  loadLocalTable,
  loadTaskRegister,
  accessRights,
  segmentLimit,
  verifySegment,
} as const satisfies Record<string, Routine>;
