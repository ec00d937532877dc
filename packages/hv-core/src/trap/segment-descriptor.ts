// Segment descriptors a guest may have in its GDT and LDT: rule 8 of what Xen enforces. Present segments get a DPL of at least the
// kernel's ring (1, or 3 of a 64-bit guest); of system descriptors only call gates are let through, made unusable (DPL 0), since they
// would lead to an emulation that we do not have. SDM 3A §3.4.5.
import { FLAT_RING1_CS, FLAT_RING3_CS64 } from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { MachineMemory } from '../frame/machine-memory.js';
import { HOLE_32_START } from '../frame/page-table-entry.js';

export const DESCRIPTOR_BYTES = 8;
export const DESCRIPTORS_PER_FRAME: number = PAGE_SIZE / DESCRIPTOR_BYTES;
/** The first entry of a GDT that is the hypervisor's. */
export const FIRST_RESERVED_ENTRY: number = 14 * DESCRIPTORS_PER_FRAME;

// Of a descriptor's high word.
export const DESCRIPTOR_WRITABLE = 1 << 9;
export const DESCRIPTOR_EXPAND_DOWN = 1 << 10;
export const DESCRIPTOR_CODE = 1 << 11;
export const DESCRIPTOR_SEGMENT = 1 << 12;
export const DESCRIPTOR_PRESENT = 1 << 15;
export const DESCRIPTOR_LONG = 1 << 21;
export const DESCRIPTOR_BIG = 1 << 22;
export const DESCRIPTOR_GRANULAR = 1 << 23;
const TYPE_MASK = 0xf00;
const TYPE_CALL_GATE = 0xc00;
const DPL_SHIFT = 13;
const DPL_MASK = 3 << DPL_SHIFT;

/** A descriptor under check: in goes what the guest wants, out comes what it gets. */
export class CheckedDescriptor {
  low = 0;
  high = 0;

  /** Whether the guest may have it; then adapted to what it may do. */
  check(low: number, high: number, word: 32 | 64): boolean {
    this.low = low >>> 0;
    this.high = high >>> 0;
    if ((high & DESCRIPTOR_PRESENT) === 0) return true; // faults whenever it is used
    const level = Math.max((high >>> DPL_SHIFT) & 3, word === 32 ? 1 : 3);
    if ((high & DESCRIPTOR_SEGMENT) === 0) return this.#checkSystem(level, word);
    this.high = ((high & ~DPL_MASK) | (level << DPL_SHIFT)) >>> 0;
    if (word === 64) return true;
    if ((high & DESCRIPTOR_LONG) !== 0) return false;
    // Flat segments that end where an older hypervisor began reach to the end now, so that the M2P table can be read through them.
    if (baseOf(low, high) === 0 && limitOf(low, high) >= HOLE_32_START) {
      this.low = (low | 0xffff) >>> 0;
      this.high = (this.high | 0xf_0000) >>> 0;
    }
    return true;
  }

  #checkSystem(level: number, word: 32 | 64): boolean {
    const type = this.high & TYPE_MASK;
    if (type === 0) return true; // an upper half of a gate; invalid where it is used as a descriptor
    if (type !== TYPE_CALL_GATE) return false;
    const selector = this.low >>> 16;
    const isOfGuest = selector >>> 3 < FIRST_RESERVED_ENTRY || (selector & 4) !== 0;
    if (!isOfGuest && selector !== (word === 32 ? FLAT_RING1_CS : FLAT_RING3_CS64)) return false;
    if ((this.high & (word === 32 ? 0xe0 : 0xff)) !== 0) return false;
    this.high = (this.high & ~DPL_MASK) >>> 0;
    this.low = ((this.low & 0xffff) | (((selector & ~3) | level) << 16)) >>> 0;
    return true;
  }
}

export function baseOf(low: number, high: number): number {
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
}

/** The highest offset (of an expand-down segment: the highest that is not in it). */
export function limitOf(low: number, high: number): number {
  const limit = (low & 0xffff) | (high & 0xf_0000);
  return (high & DESCRIPTOR_GRANULAR) !== 0 ? limit * 0x1000 + 0xfff : limit;
}

const checked = new CheckedDescriptor();

/** Whether every descriptor of a frame may be there. */
export function mayHoldDescriptors(memory: MachineMemory, mfn: Mfn, word: 32 | 64): boolean {
  const { view } = memory;
  const from = mfn * PAGE_SIZE;
  for (let at = from; at < from + PAGE_SIZE; at += DESCRIPTOR_BYTES) {
    if (!checked.check(view.getUint32(at, true), view.getUint32(at + 4, true), word)) return false;
  }
  return true;
}

/** The same; if so, they are adapted. */
export function adaptDescriptorFrame(memory: MachineMemory, mfn: Mfn, word: 32 | 64): boolean {
  if (!mayHoldDescriptors(memory, mfn, word)) return false;
  const { view } = memory;
  const from = mfn * PAGE_SIZE;
  for (let at = from; at < from + PAGE_SIZE; at += DESCRIPTOR_BYTES) {
    checked.check(view.getUint32(at, true), view.getUint32(at + 4, true), word);
    view.setUint32(at, checked.low, true);
    view.setUint32(at + 4, checked.high, true);
  }
  memory.onWrite?.(mfn);
  return true;
}
