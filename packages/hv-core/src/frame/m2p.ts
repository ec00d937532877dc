// M2p: the guest frame number of every machine frame, as guests see it: a table of 8-byte entries for 64-bit guests and one of 4-byte
// entries for PAE guests, mapped read only at the start of the hypervisor's part of every PV address space.
// The tables lie in frames of DOMID_XEN, which no guest can map otherwise.
import { DOMID_XEN } from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { HvError } from '../error.js';
import type { FrameTable } from './frame-table.js';
import {
  ENTRIES_PER_TABLE,
  ENTRY_BYTES,
  entryHigh,
  entryLow,
  L2_FIRST_HYPERVISOR_SLOT,
  L4_FIRST_HYPERVISOR_SLOT,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_USER,
} from './page-table-entry.js';

/** No guest frame. */
export const INVALID_M2P_ENTRY = 0xffff_ffff;

const TABLE_FLAGS = PTE_PRESENT | PTE_USER | PTE_ACCESSED;
const PAGE_FLAGS = TABLE_FLAGS | PTE_DIRTY;

export class M2p {
  readonly #frames: FrameTable;
  /** First frames of the two tables. */
  readonly #wide: Mfn;
  readonly #narrow: Mfn;
  /** The L3 below L4 slot 256, and the L1s that map the narrow table. */
  readonly #l3: Mfn;
  readonly #narrowL1s: readonly Mfn[];

  constructor(frames: FrameTable) {
    this.#frames = frames;
    const count = frames.frameCount;
    const widePages = Math.ceil((count * 8) / PAGE_SIZE);
    const narrowPages = Math.ceil((count * 4) / PAGE_SIZE);
    this.#wide = this.#allocateRun(widePages);
    this.#narrow = this.#allocateRun(narrowPages);
    frames.memory.bytes.fill(0xff, this.#wide * PAGE_SIZE, (this.#wide + widePages) * PAGE_SIZE);
    frames.memory.bytes.fill(
      0xff,
      this.#narrow * PAGE_SIZE,
      (this.#narrow + narrowPages) * PAGE_SIZE,
    );
    const l2s = this.#tablesOver(this.#mappingsOf(this.#wide, widePages));
    this.#l3 = this.#tablesOver(l2s)[0] as Mfn;
    this.#narrowL1s = this.#mappingsOf(this.#narrow, narrowPages);
  }

  /** Frames with an M2P entry: all of the machine. */
  get entryCount(): number {
    return this.#frames.frameCount;
  }

  get(mfn: number): number {
    return this.#frames.memory.view.getUint32(this.#narrow * PAGE_SIZE + mfn * 4, true);
  }

  /** Says that `mfn` is the owner's frame `pfn` (INVALID_M2P_ENTRY: none). */
  set(mfn: number, pfn: number): void {
    const { view } = this.#frames.memory;
    const isValid = pfn >= 0 && pfn < INVALID_M2P_ENTRY;
    const low = isValid ? pfn : INVALID_M2P_ENTRY;
    view.setUint32(this.#narrow * PAGE_SIZE + mfn * 4, low, true);
    const at = this.#wide * PAGE_SIZE + mfn * 8;
    view.setUint32(at, low, true);
    view.setUint32(at + 4, isValid ? 0 : INVALID_M2P_ENTRY, true);
  }

  /** Says that `mfns[pfn]` is the owner's frame `pfn`, for all of them. */
  setAll(mfns: readonly Mfn[]): void {
    const { words } = this.#frames.memory;
    const narrow = (this.#narrow * PAGE_SIZE) >>> 2;
    const wide = (this.#wide * PAGE_SIZE) >>> 2;
    for (let pfn = 0; pfn < mfns.length; pfn++) {
      const mfn = mfns[pfn] as Mfn;
      words[narrow + mfn] = pfn;
      words[wide + mfn * 2] = pfn;
      words[wide + mfn * 2 + 1] = 0;
    }
  }

  /** The frames of the table a guest of this word size sees, 2 MiB (32-bit: the same extents) apart. */
  extents(word: 32 | 64): number[] {
    const first = word === 64 ? this.#wide : this.#narrow;
    const pages = Math.ceil((this.entryCount * (word / 8)) / PAGE_SIZE);
    const found: number[] = [];
    for (let page = 0; page < pages; page += ENTRIES_PER_TABLE) found.push(first + page);
    return found;
  }

  /** Puts the window into a validated L4. */
  fillL4(l4: Mfn): void {
    this.#write(l4, L4_FIRST_HYPERVISOR_SLOT, this.#l3, TABLE_FLAGS);
  }

  /** Takes the window out of an L4 again: of user mode, if the guest wants it so (VMASST_TYPE_m2p_strict). */
  emptyL4(l4: Mfn): void {
    const at = l4 * PAGE_SIZE + L4_FIRST_HYPERVISOR_SLOT * ENTRY_BYTES;
    this.#frames.memory.bytes.fill(0, at, at + ENTRY_BYTES);
  }

  /** Puts the window into the L2 of a PAE guest's last gigabyte; the rest of its hypervisor slots is empty. */
  fillLastL2(l2: Mfn): void {
    const from = l2 * PAGE_SIZE + L2_FIRST_HYPERVISOR_SLOT * ENTRY_BYTES;
    this.#frames.memory.bytes.fill(0, from, (l2 + 1) * PAGE_SIZE);
    const room = ENTRIES_PER_TABLE - L2_FIRST_HYPERVISOR_SLOT;
    for (let i = 0; i < Math.min(room, this.#narrowL1s.length); i++) {
      this.#write(l2, L2_FIRST_HYPERVISOR_SLOT + i, this.#narrowL1s[i] as Mfn, TABLE_FLAGS);
    }
  }

  #allocate(): Mfn {
    const mfn = this.#frames.allocate(DOMID_XEN);
    if (mfn === -1) {
      throw new HvError(
        'no-memory',
        `${this.#frames.frameCount} frames of machine memory do not hold the hypervisor's own tables: give more`,
      );
    }
    return mfn;
  }

  #allocateRun(count: number): Mfn {
    const first = this.#allocate();
    for (let i = 1; i < count; i++) {
      if (this.#allocate() !== first + i)
        throw new HvError(
          'bad-argument',
          'the M2P table must be made before any other frame is used',
        );
    }
    return first;
  }

  /** L1 tables that map `pages` frames from `first` on, read only. */
  #mappingsOf(first: number, pages: number): Mfn[] {
    const l1s: Mfn[] = [];
    for (let page = 0; page < pages; page++) {
      if (page % ENTRIES_PER_TABLE === 0) l1s.push(this.#allocate());
      this.#write(l1s[l1s.length - 1] as Mfn, page % ENTRIES_PER_TABLE, first + page, PAGE_FLAGS);
    }
    return l1s;
  }

  /** Tables of the next level over `tables`. */
  #tablesOver(tables: readonly Mfn[]): Mfn[] {
    const above: Mfn[] = [];
    for (const [index, table] of tables.entries()) {
      if (index % ENTRIES_PER_TABLE === 0) above.push(this.#allocate());
      this.#write(above[above.length - 1] as Mfn, index % ENTRIES_PER_TABLE, table, TABLE_FLAGS);
    }
    return above;
  }

  #write(table: number, slot: number, target: number, flags: number): void {
    const at = table * PAGE_SIZE + slot * ENTRY_BYTES;
    const { view } = this.#frames.memory;
    view.setUint32(at, entryLow(target, flags), true);
    view.setUint32(at + 4, entryHigh(target), true);
  }
}
