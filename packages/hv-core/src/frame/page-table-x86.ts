// PageTables: the rules of page-type.ts for each kind of entry of x86-64 and PAE page tables, and checked changes of one entry.
// Every entry in a validated table satisfies: its target is owned by the table's owner, or was granted to it.
import { XEN_EBUSY, XEN_EINVAL, XEN_EPERM } from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { RESTART } from '../hypercall/continuation.js';
import { adaptDescriptorFrame } from '../trap/segment-descriptor.js';
import { PageType } from './frame-table.js';
import { LinearTables } from './linear-table.js';
import type { M2p } from './m2p.js';
import {
  ENTRIES_PER_TABLE,
  ENTRY_BYTES,
  entryMfn,
  isHypervisorL4Slot,
  isPresent,
  L1_DISALLOWED_HIGH,
  L1_DISALLOWED_LOW,
  L2_FIRST_HYPERVISOR_SLOT,
  L4_FIRST_HYPERVISOR_SLOT,
  L4_LAST_HYPERVISOR_SLOT,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_HIGH_GUEST_KERNEL,
  PTE_HIGH_NO_EXECUTE,
  PTE_USER,
  PTE_WRITABLE,
  UPPER_DISALLOWED_LOW,
} from './page-table-entry.js';
import type { PageTypes, TypeRules } from './page-type.js';

/** A table in {@link MachineMemory.words}: two for each entry. */
const TABLE_WORDS = ENTRIES_PER_TABLE * 2;

/** Tells the word size of a frame's owner: 32 means PAE. */
export type WordOfOwner = (owner: number) => 32 | 64;

export class PageTables implements TypeRules {
  readonly #types: PageTypes;
  readonly #m2p: M2p;
  readonly #wordOf: WordOfOwner;
  readonly #linear: LinearTables;
  /** An entry that led to a table with pages of a kernel's leads elsewhere now, or nowhere, or with less rights. */
  onTableUnmapped: ((owner: number) => void) | null = null;
  /**
   * An entry of a kernel's (not of a 64-bit guest's user mode) maps the frame no more, or for user mode, or no longer so that it may be
   * executed; or (`isReadable`) no longer so that it may be written at once. Could it be executed before?
   */
  onKernelPageUnmapped: ((mfn: Mfn, isReadable: boolean, wasExecutable: boolean) => void) | null =
    null;
  /** Called before a read-only mapping of a frame of descriptors goes. */
  onDescriptorsUnmapped: ((owner: number) => void) | null = null;

  constructor(types: PageTypes, m2p: M2p, wordOf: WordOfOwner) {
    this.#types = types;
    this.#m2p = m2p;
    this.#wordOf = wordOf;
    this.#linear = new LinearTables(types);
    types.rules = this;
  }

  workOf(type: PageType): number {
    return type === PageType.segmentDescriptors ? 1 : ENTRIES_PER_TABLE;
  }

  validate(mfn: number, type: PageType): number {
    const owner = this.#types.frames.owner[mfn] as number;
    const isPae = this.#wordOf(owner) === 32;
    if (type === PageType.segmentDescriptors) {
      const { memory } = this.#types.frames;
      return adaptDescriptorFrame(memory, mfn as Mfn, isPae ? 32 : 64) ? 0 : -XEN_EINVAL;
    }
    if (type === PageType.l4 && isPae) return -XEN_EINVAL;
    const slots = this.#slotCount(type, isPae);
    const { words } = this.#types.frames.memory;
    const first = mfn * TABLE_WORDS;
    for (let slot = 0; slot < slots; slot++) {
      const low = words[first + slot * 2] as number;
      let status = 0;
      if (!isPresent(low)) {
        // The hypervisor lives in the last gigabyte, so a PAE guest must always have a table for it.
        if (!isPae || type !== PageType.l3 || slot !== 3) continue;
        status = -XEN_EINVAL;
      } else {
        if (type === PageType.l4 && isHypervisorL4Slot(slot)) continue;
        const high = words[first + slot * 2 + 1] as number;
        status =
          type === PageType.l1
            ? this.#takeMapping(entryMfn(low, high), low, high, owner)
            : this.take(mfn, type, slot, low, high, owner);
      }
      if (status === 0) continue;
      this.#giveEntriesBack(mfn, type, slot, status === RESTART);
      return status;
    }
    this.#adjustTable(mfn, type, isPae);
    return 0;
  }

  devalidate(mfn: number, type: PageType): void {
    const slots = type === PageType.l2WithHypervisor ? L2_FIRST_HYPERVISOR_SLOT : ENTRIES_PER_TABLE;
    this.#giveEntriesBack(mfn, type, slots, false);
  }

  /** Slots of a table that are the guest's, apart from an L4's. */
  #slotCount(type: PageType, isPae: boolean): number {
    if (type === PageType.l2WithHypervisor) return L2_FIRST_HYPERVISOR_SLOT;
    return type === PageType.l3 && isPae ? 4 : ENTRIES_PER_TABLE;
  }

  /** Takes the references a present entry needs; 0 or an errno (then nothing is taken) or RESTART. */
  take(
    mfn: number,
    type: PageType,
    slot: number,
    low: number,
    high: number,
    owner: number,
  ): number {
    const target = entryMfn(low, high);
    if (type === PageType.l1) return this.#takeMapping(target, low, high, owner);
    if ((low & UPPER_DISALLOWED_LOW) !== 0) return -XEN_EINVAL;
    const child = this.#childType(type, slot, owner);
    const status = this.#types.getPageAndType(target, owner, child);
    if (status === 0 || status === RESTART) return status;
    return this.#linear.take(mfn, type, low, target, owner) ? 0 : status;
  }

  #childType(type: PageType, slot: number, owner: number): PageType {
    if (type === PageType.l4) return PageType.l3;
    if (type === PageType.l3) {
      return slot === 3 && this.#wordOf(owner) === 32 ? PageType.l2WithHypervisor : PageType.l2;
    }
    return PageType.l1;
  }

  /** What an L1 entry maps: a frame of the domain's own, writable only if it is nothing but data. */
  #takeMapping(target: Mfn, low: number, high: number, owner: number): number {
    const { frames } = this.#types;
    if ((low & L1_DISALLOWED_LOW) !== 0 || (high & L1_DISALLOWED_HIGH) !== 0) return -XEN_EINVAL;
    if (target >= frames.frameCount) return -XEN_EPERM; // I/O memory, which no guest is permitted
    if (!frames.getPage(target, owner)) return -XEN_EBUSY;
    if ((low & PTE_WRITABLE) === 0) return 0;
    if (this.#types.getType(target, PageType.writable) === 0) return 0;
    frames.putPage(target);
    return -XEN_EBUSY;
  }

  /** Gives back what a present entry of a table holds. */
  give(mfn: number, type: PageType, low: number, high: number): void {
    const target = entryMfn(low, high);
    if (type === PageType.l1) {
      if ((low & PTE_WRITABLE) !== 0) this.#types.putType(target);
      else if (this.#types.typeOf(target) === PageType.segmentDescriptors) {
        this.onDescriptorsUnmapped?.(this.#types.frames.owner[mfn] as number);
      }
      this.#types.frames.putPage(target);
    } else if (!this.#linear.give(mfn, type, target)) {
      this.#types.putPageAndType(target);
    }
  }

  #giveEntriesBack(mfn: number, type: PageType, slots: number, isRestart: boolean): void {
    const { words } = this.#types.frames.memory;
    const first = mfn * TABLE_WORDS;
    for (let slot = 0; slot < slots; slot++) {
      const low = words[first + slot * 2] as number;
      if (!isPresent(low) || (type === PageType.l4 && isHypervisorL4Slot(slot))) continue;
      const high = words[first + slot * 2 + 1] as number;
      if (isRestart && type !== PageType.l1) {
        const child = entryMfn(low, high);
        if (child !== mfn && this.#types.frames.typeReferences[child] === 1)
          this.#types.park(child);
      }
      this.give(mfn, type, low, high);
    }
  }

  /** After validation: the hypervisor's own slots, and the bits it keeps in a 64-bit guest's entries. */
  #adjustTable(mfn: number, type: PageType, isPae: boolean): void {
    const { memory } = this.#types.frames;
    const base = mfn * PAGE_SIZE;
    if (isPae) {
      if (type === PageType.l3) memory.bytes.fill(0, base + 4 * ENTRY_BYTES, base + PAGE_SIZE);
      if (type === PageType.l2WithHypervisor) this.#m2p.fillLastL2(mfn as Mfn);
    } else {
      const { words } = memory;
      const first = mfn * TABLE_WORDS;
      for (let slot = 0; slot < ENTRIES_PER_TABLE; slot++) {
        const low = words[first + slot * 2] as number;
        if (!isPresent(low) || (type === PageType.l4 && isHypervisorL4Slot(slot))) continue;
        const high = words[first + slot * 2 + 1] as number;
        this.#writeEntry(base + slot * ENTRY_BYTES, type, low, high, false);
      }
      if (type === PageType.l4) {
        const from = base + L4_FIRST_HYPERVISOR_SLOT * ENTRY_BYTES;
        memory.bytes.fill(0, from, base + (L4_LAST_HYPERVISOR_SLOT + 1) * ENTRY_BYTES);
        this.#m2p.fillL4(mfn as Mfn);
      }
    }
    memory.onWrite?.(mfn as Mfn);
  }

  /** Writes an entry; a 64-bit guest's kernel runs as user, so its pages are marked and all of them get the U bit. */
  #writeEntry(at: number, type: PageType, low: number, high: number, isPae: boolean): void {
    const { view } = this.#types.frames.memory;
    if (!isPae && isPresent(low)) {
      if (type !== PageType.l1) low |= PTE_USER;
      else {
        if ((high & PTE_HIGH_GUEST_KERNEL) !== 0) low &= ~PTE_GLOBAL;
        if ((low & PTE_USER) === 0) {
          high |= PTE_HIGH_GUEST_KERNEL;
          low |= PTE_USER;
        } else if ((high & PTE_HIGH_GUEST_KERNEL) === 0) low |= PTE_GLOBAL;
      }
    }
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
  }

  /**
   * Changes one entry of a validated table of `owner`: new references first, then the entry, then the old references go.
   * Returns 0, an errno (then nothing changed) or RESTART.
   */
  update(
    mfn: number,
    slot: number,
    low: number,
    high: number,
    owner: number,
    preserveAccessed: boolean,
  ): number {
    const { view } = this.#types.frames.memory;
    const type = this.#types.typeOf(mfn);
    const isPae = this.#wordOf(owner) === 32;
    if (type === PageType.l4 && isHypervisorL4Slot(slot)) return -XEN_EINVAL;
    // The table of a PAE guest's last gigabyte stays: the hypervisor's own mappings are in it.
    if (type === PageType.l3 && isPae && slot >= 3) return -XEN_EINVAL;
    if (type === PageType.l2WithHypervisor && slot >= L2_FIRST_HYPERVISOR_SLOT) return -XEN_EPERM;
    const at = mfn * PAGE_SIZE + slot * ENTRY_BYTES;
    const oldLow = view.getUint32(at, true);
    const oldHigh = view.getUint32(at + 4, true);
    if (isPresent(low)) {
      const status = this.take(mfn, type, slot, low, high, owner);
      if (status !== 0) {
        if (!this.#isSameMapping(type, oldLow, oldHigh, low, high)) return status;
        // The same frame with the same rights, and not one this domain may map anew (a grant): only flags change.
        this.#writeEntry(at, type, low, high, isPae);
        this.#types.frames.memory.onWrite?.(mfn as Mfn);
        this.#tellReplaced(mfn, type, oldLow, oldHigh, at);
        return 0;
      }
    }
    const kept = preserveAccessed ? oldLow & (PTE_ACCESSED | PTE_DIRTY) : 0;
    this.#writeEntry(at, type, low | kept, high, isPae);
    this.#types.frames.memory.onWrite?.(mfn as Mfn);
    if (isPresent(oldLow)) {
      this.#tellReplaced(mfn, type, oldLow, oldHigh, at);
      this.give(mfn, type, oldLow, oldHigh);
    }
    return 0;
  }

  /** Tells what translations that hang on the old entry, whose place has the new one now, must hear. */
  #tellReplaced(mfn: number, type: PageType, oldLow: number, oldHigh: number, at: number): void {
    if (type === PageType.l1 && (oldHigh & PTE_HIGH_GUEST_KERNEL) === 0) return;
    const { frames } = this.#types;
    const low = frames.memory.view.getUint32(at, true);
    const target = entryMfn(oldLow, oldHigh);
    const high = frames.memory.view.getUint32(at + 4, true);
    // The kernel's mark or the right to execute went.
    const lost =
      (oldHigh & ~high & PTE_HIGH_GUEST_KERNEL) | (high & ~oldHigh & PTE_HIGH_NO_EXECUTE);
    const isReadable = isPresent(low) && target === entryMfn(low, high) && lost === 0;
    if (type !== PageType.l1) {
      const owner = frames.owner[mfn] as number;
      const hasLess = !isReadable || (oldLow & ~low & PTE_WRITABLE) !== 0;
      if (hasLess && this.#hasKernelPages(target, type === PageType.l2, owner))
        this.onTableUnmapped?.(owner);
    } else if (!isReadable || (oldLow & ~low & (PTE_WRITABLE | PTE_DIRTY)) !== 0)
      this.onKernelPageUnmapped?.(target, isReadable, (oldHigh & PTE_HIGH_NO_EXECUTE) === 0);
  }
  /**
   * May a table lead to a page of a kernel's, or be one that it sees through its tables? Of a 64-bit guest's its mark says so; when one
   * goes from an L1 that is told.
   */
  #hasKernelPages(table: Mfn, isL1: boolean, owner: number): boolean {
    if (this.#wordOf(owner) === 32 || this.#linear.areUsedBy(owner)) return true;
    const { words } = this.#types.frames.memory;
    const first = table * TABLE_WORDS;
    for (let at = first; at < first + TABLE_WORDS; at += 2) {
      if (!isPresent(words[at] as number)) continue;
      if (!isL1 || ((words[at + 1] as number) & PTE_HIGH_GUEST_KERNEL) !== 0) return true;
    }
    return false;
  }

  /** Puts an L1 entry for a granted frame, whose references the caller has taken; those of the old entry go. */
  putForeign(mfn: Mfn, slot: number, low: number, high: number, word: 32 | 64): void {
    const { view, onWrite } = this.#types.frames.memory;
    const at = mfn * PAGE_SIZE + slot * ENTRY_BYTES;
    const oldLow = view.getUint32(at, true);
    const oldHigh = view.getUint32(at + 4, true);
    this.#writeEntry(at, PageType.l1, low, high, word === 32);
    onWrite?.(mfn);
    if (!isPresent(oldLow)) return;
    this.#tellReplaced(mfn, PageType.l1, oldLow, oldHigh, at);
    this.give(mfn, PageType.l1, oldLow, oldHigh);
  }

  /** Empties an L1 entry that maps `target` so; its references pass to the caller. False if it maps something else. */
  takeForeign(mfn: Mfn, slot: number, target: Mfn, isReadOnly: boolean): boolean {
    const { view, onWrite } = this.#types.frames.memory;
    const at = mfn * PAGE_SIZE + slot * ENTRY_BYTES;
    const low = view.getUint32(at, true);
    const isWritable = (low & PTE_WRITABLE) !== 0;
    if (!isPresent(low) || isWritable === isReadOnly) return false;
    if (entryMfn(low, view.getUint32(at + 4, true)) !== target) return false;
    view.setUint32(at, 0, true);
    view.setUint32(at + 4, 0, true);
    onWrite?.(mfn);
    // It is somebody else's: not even a stale translation may reach it.
    this.#types.frames.onRetype?.(target, PageType.none);
    return true;
  }

  #isSameMapping(
    type: PageType,
    low0: number,
    high0: number,
    low1: number,
    high1: number,
  ): boolean {
    if (type !== PageType.l1 || !isPresent(low0)) return false;
    if ((low1 & L1_DISALLOWED_LOW) !== 0 || (high1 & L1_DISALLOWED_HIGH) !== 0) return false;
    const rights = PTE_WRITABLE;
    return entryMfn(low0, high0) === entryMfn(low1, high1) && ((low0 ^ low1) & rights) === 0;
  }
}
