// The hypervisor's own entries of every guest's GDT, from 0xE000 on: the flat segments guests start with. arch-x86/xen-x86_32.h,
// xen-x86_64.h. One frame of them for each word size; the CPU reads descriptors there and finds the accessed bits set.
import { DOMID_XEN, FLAT_RING1_CS, FLAT_RING3_CS32 } from '@proxeny/abi';
import { type Maddr, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { HvError } from '../error.js';
import type { FrameTable } from '../frame/frame-table.js';

/** Selector of the first entry. */
export const RESERVED_SELECTOR = 0xe000;
const RESERVED_END = RESERVED_SELECTOR + PAGE_SIZE;

/** Descriptors from the entry of the first one named on; high words. */
const wide = [
  0x00cf_fb00, // ring 3 code, 32 bits
  0x00cf_f300, // ring 3 data
  0x00af_fb00, // ring 3 code, 64 bits
];
const narrow = [
  0x00cf_bb00, // ring 1 code
  0x00cf_b300, // ring 1 data
  0x00cf_fb00, // ring 3 code
  0x00cf_f300, // ring 3 data
];

export class ReservedDescriptors {
  readonly #frames: Readonly<Record<32 | 64, Mfn>>;

  constructor(frames: FrameTable) {
    this.#frames = {
      32: fill(frames, FLAT_RING1_CS, narrow),
      64: fill(frames, FLAT_RING3_CS32, wide),
    };
  }

  /** Where the descriptor of a reserved selector is; -1 if it is none. */
  at(selector: number, word: 32 | 64): Maddr | -1 {
    if (selector < RESERVED_SELECTOR || selector >= RESERVED_END || (selector & 4) !== 0) return -1;
    return (this.#frames[word] * PAGE_SIZE + (selector & 0xff8)) as Maddr;
  }
}

function fill(frames: FrameTable, selector: number, high: readonly number[]): Mfn {
  const mfn = frames.allocate(DOMID_XEN);
  if (mfn === -1) throw new HvError('no-memory', 'machine memory is too small: give more');
  for (const [i, word] of high.entries()) {
    const at = mfn * PAGE_SIZE + (selector & 0xff8) + i * 8;
    frames.memory.view.setUint32(at, 0x0000_ffff, true);
    frames.memory.view.setUint32(at + 4, word, true);
  }
  return mfn;
}
