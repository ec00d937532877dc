// Segment and gate descriptors (SDM vol. 3A §3.4.5, §3.5, §5.8.3): fetched from the GDT or LDT into reused records.
// @hot
import type { Core } from '../core.js';
import { raise } from '../fault.js';
import {
  GDTR_BASE,
  GDTR_LIMIT,
  LDTR,
  SEGMENT_STRIDE,
  SELECTOR_DESCRIPTOR,
  SELECTORS,
} from '../state/layout.js';
import {
  ATTRIBUTE_ACCESSED,
  ATTRIBUTE_CODE,
  ATTRIBUTE_CODE_OR_DATA,
  ATTRIBUTE_EXPAND_DOWN,
  ATTRIBUTE_GRANULAR,
  ATTRIBUTE_MASK,
  ATTRIBUTE_PRESENT,
  ATTRIBUTE_WRITABLE,
  setSegment,
} from '../state/segments.js';
import { readSystem32 } from './system-memory.js';

/** System descriptor types (S = 0). */
export const TYPE_TSS16 = 1;
export const TYPE_LDT = 2;
export const TYPE_TSS16_BUSY = 3;
export const TYPE_CALL_GATE16 = 4;
export const TYPE_TASK_GATE = 5;
export const TYPE_TSS32 = 9;
export const TYPE_TSS32_BUSY = 11;
export const TYPE_CALL_GATE32 = 12;

/** A descriptor as read, with where it was read. */
export class Descriptor {
  low = 0;
  high = 0;
  /** Linear address, unless it came from {@link Core.descriptors}. */
  at = 0;

  get attributes(): number {
    return this.high & ATTRIBUTE_MASK;
  }
  get present(): boolean {
    return (this.high & ATTRIBUTE_PRESENT) !== 0;
  }
  get dpl(): number {
    return (this.high >>> 13) & 3;
  }
  /** S and type: 16–31 code and data, 0–15 system. */
  get type(): number {
    return (this.high >>> 8) & 31;
  }
  get isCode(): boolean {
    return (
      (this.high & (ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_CODE)) ===
      (ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_CODE)
    );
  }
  get isConforming(): boolean {
    return (this.high & ATTRIBUTE_EXPAND_DOWN) !== 0;
  }
  get isWritableData(): boolean {
    return (
      (this.high & (ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_CODE | ATTRIBUTE_WRITABLE)) ===
      (ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_WRITABLE)
    );
  }
  /** Data, or readable code. */
  get isReadable(): boolean {
    return (
      (this.high & ATTRIBUTE_CODE_OR_DATA) !== 0 &&
      (this.high & (ATTRIBUTE_CODE | ATTRIBUTE_WRITABLE)) !== ATTRIBUTE_CODE
    );
  }
  get base(): number {
    return ((this.low >>> 16) | ((this.high & 0xff) << 16) | (this.high & 0xff000000)) >>> 0;
  }
  /** Limit in bytes. */
  get limit(): number {
    const limit = (this.low & 0xffff) | (this.high & 0xf0000);
    return (this.high & ATTRIBUTE_GRANULAR) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
  }
  /** Selector in a call, task, interrupt or trap gate, and its offset (low 32 bits). */
  get gateSelector(): number {
    return this.low >>> 16;
  }
  get gateOffset(): number {
    return ((this.low & 0xffff) | (this.high & 0xffff0000)) >>> 0;
  }
}

/** Reads the descriptor that a selector names; false when it is null or beyond its table (or there is no LDT). */
export function findDescriptor(core: Core, selector: number, into: Descriptor): boolean {
  const { state } = core;
  if (core.descriptors) return core.descriptors.find(selector, into);
  const offset = selector & 0xfff8;
  let base: number;
  if ((selector & 4) !== 0) {
    if (state.segmentAttributes(LDTR) === 0 || offset + 7 > state.segmentLimit(LDTR)) return false;
    base = state.segmentBase(LDTR);
  } else {
    if (offset === 0 || offset + 7 > state.getU(GDTR_LIMIT)) return false;
    base = state.get64(GDTR_BASE);
  }
  into.at = base + offset;
  into.low = readSystem32(core, into.at);
  into.high = readSystem32(core, into.at + 4);
  return true;
}

/** Reads a descriptor; beyond its table: `vector` with the selector (and `ext`) as error code. */
export function fetchDescriptor(
  core: Core,
  selector: number,
  into: Descriptor,
  vector: number,
  ext: number = 0,
): void {
  if (!findDescriptor(core, selector, into)) raise(core.state, vector, (selector & 0xfffc) | ext);
}

/** Bits 63–32 of the base (or offset) of a 16-byte descriptor, signed; bits 12–8 of its last dword must be zero (SDM vol. 3A §8.2.3). */
export function upperHalf(core: Core, selector: number, d: Descriptor, ext: number = 0): number {
  const { state } = core;
  const offset = selector & 0xfff8;
  const limit = (selector & 4) !== 0 ? state.segmentLimit(LDTR) : state.getU(GDTR_LIMIT);
  if (offset + 15 > limit || ((readSystem32(core, d.at + 12) >>> 8) & 31) !== 0)
    raise(state, 13, (selector & 0xfffc) | ext);
  return readSystem32(core, d.at + 8);
}

/** Sets the accessed bit in the table, where it is not set. May fault. */
export function markAccessed(core: Core, d: Descriptor): void {
  if ((d.high & ATTRIBUTE_ACCESSED) !== 0) return;
  d.high |= ATTRIBUTE_ACCESSED;
  if (core.descriptors) core.descriptors.markAccessed(d);
  else core.mmu.writeU8(d.at + 5, (d.high >>> 8) & 0xff, false);
}

/** A segment register was loaded from a (present) descriptor like this one: loading it would change the selector at most. */
export function isLike(core: Core, segment: number, d: Descriptor): boolean {
  const { state } = core;
  const at = SELECTORS + segment * SEGMENT_STRIDE + SELECTOR_DESCRIPTOR;
  return (
    state.get(at + 4) === d.high &&
    state.get(at) === d.low &&
    // A register that no descriptor was loaded into has zeros there. Real mode loads a base alone.
    d.present &&
    state.segmentBase(segment) === d.base
  );
}
/** A segment register was loaded by this selector from this (present) descriptor: loading it again would change nothing. */
export const isLoaded = (core: Core, segment: number, selector: number, d: Descriptor): boolean =>
  core.state.selector(segment) === selector && isLike(core, segment, d);
/** Changes the selector of a register whose descriptor {@link isLike} the new selector's. */
export const renameSegment = (core: Core, segment: number, selector: number): void =>
  core.state.set(SELECTORS + segment * SEGMENT_STRIDE, selector);

/** Loads a segment register from a checked descriptor; nearly nothing if it was loaded from one like it, as kernels do again and again. */
export function setFromDescriptor(
  core: Core,
  segment: number,
  selector: number,
  d: Descriptor,
): void {
  const { state } = core;
  if (isLike(core, segment, d)) return renameSegment(core, segment, selector);
  setSegment(state, segment, selector, d.base, d.limit, d.attributes);
  state.setHalves(SELECTORS + SELECTOR_DESCRIPTOR + segment * SEGMENT_STRIDE, d.low, d.high);
}

/** Loads a null selector: unusable outside of 64-bit mode. */
export function setNull(core: Core, segment: number, selector: number): void {
  setSegment(core.state, segment, selector, 0, 0, 0);
}
