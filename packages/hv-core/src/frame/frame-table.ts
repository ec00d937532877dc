// FrameTable: who owns each frame and how often it is referred to. Types are counted here too, but what they mean and when a frame
// may change its type is in page-type.ts.
// Invariants: a frame is free exactly if it has no reference; a free frame is zeroed, has no owner, no type and is in no list;
// an owner's list holds exactly the frames it owns; the allocation itself is one reference (flag ALLOCATED).
import { DOMID_INVALID } from '@proxeny/abi';
import type { Mfn } from '@proxeny/memory';
import { fail } from '../error.js';
import type { MachineMemory } from './machine-memory.js';

/** What a frame is used as; exclusive while its type count is above zero. */
export const PageType = {
  none: 0,
  l1: 1,
  l2: 2,
  l3: 3,
  l4: 4,
  /** Holds segment descriptors (a GDT or LDT). */
  segmentDescriptors: 5,
  /** The L2 of a PAE guest's last gigabyte: part of it is the hypervisor's. */
  l2WithHypervisor: 6,
  writable: 7,
} as const;
export type PageType = (typeof PageType)[keyof typeof PageType];

/** The allocation holds a reference. */
export const FRAME_ALLOCATED = 1;
/** A guest pinned it: the pin holds a reference and a type reference. */
export const FRAME_PINNED = 2;
/** The contents of a page table were checked for its type. */
export const FRAME_VALIDATED = 4;
/** Made by the hypervisor to share with the owner (shared_info, grant tables); not part of the owner's reservation. */
export const FRAME_SHARED = 8;
/** Its last type reference is gone, the references its entries hold are not yet: waits in the devalidation queue. */
export const FRAME_DEVALIDATING = 16;
/** Its entries are being checked right now. */
export const FRAME_VALIDATING = 32;

/** References to one frame are bounded, so that no sequence of calls makes a count wrap. */
export const MAX_REFERENCES = 1 << 26;

/** The frames of one owner, as a doubly linked list through the table. */
export class FrameList {
  first: number = NO_FRAME;
  count = 0;
  /** Of them, those that count towards the owner's reservation. */
  reserved = 0;
}

/** End of a list. */
export const NO_FRAME = 0xffff_ffff;

export class FrameTable {
  readonly memory: MachineMemory;
  readonly frameCount: number;
  readonly owner: Uint16Array;
  readonly references: Uint32Array;
  readonly type: Uint8Array;
  readonly typeReferences: Uint32Array;
  readonly flags: Uint8Array;
  /** Above zero: linear page-table entries that refer to this frame; below: such entries in it. See page-type.ts. */
  readonly linear: Int32Array;
  /** Called when the last frame of an owner is gone. */
  onListEmpty: ((owner: number) => void) | null = null;
  /**
   * Called before a frame is used as something else: as `type`, or (none) not at all by whoever had it. Who caches translations or code
   * of it forgets them.
   */
  onRetype: ((mfn: Mfn, type: PageType) => void) | null = null;
  /** Called when a frame becomes free. */
  onFree: ((mfn: Mfn) => void) | null = null;
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  readonly #free: Uint32Array;
  #freeCount = 0;
  readonly #lists: (FrameList | undefined)[] = [];

  /** Frames below `firstFrame` are left alone: they belong to whoever made `memory`. */
  constructor(memory: MachineMemory, firstFrame = 0) {
    const count = memory.frameCount;
    this.memory = memory;
    this.frameCount = count;
    this.owner = new Uint16Array(count).fill(DOMID_INVALID);
    this.references = new Uint32Array(count);
    this.type = new Uint8Array(count);
    this.typeReferences = new Uint32Array(count);
    this.flags = new Uint8Array(count);
    this.linear = new Int32Array(count);
    this.#next = new Uint32Array(count);
    this.#previous = new Uint32Array(count);
    const free = new Uint32Array(count);
    let freeCount = 0;
    for (let mfn = count - 1; mfn >= firstFrame; mfn--) free[freeCount++] = mfn;
    this.#free = free;
    this.#freeCount = freeCount;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /** Frames owned by `owner`; makes the list on first use. */
  list(owner: number): FrameList {
    let list = this.#lists[owner];
    if (!list) {
      list = new FrameList();
      this.#lists[owner] = list;
    }
    return list;
  }

  nextOwned(mfn: number): number {
    return this.#next[mfn] as number;
  }

  /** A zeroed frame for `owner` with the allocation's reference, or -1 if none is free. */
  allocate(owner: number, flags = 0): Mfn | -1 {
    if (this.#freeCount === 0) return -1;
    const mfn = this.#free[--this.#freeCount] as Mfn;
    this.owner[mfn] = owner;
    this.references[mfn] = 1;
    this.flags[mfn] = FRAME_ALLOCATED | flags;
    const list = this.list(owner);
    this.#next[mfn] = list.first;
    this.#previous[mfn] = NO_FRAME;
    if (list.first !== NO_FRAME) this.#previous[list.first] = mfn;
    list.first = mfn;
    list.count++;
    if ((flags & FRAME_SHARED) === 0) list.reserved++;
    return mfn;
  }

  isOwnedBy(mfn: number, owner: number): boolean {
    return mfn < this.frameCount && mfn >= 0 && this.owner[mfn] === owner;
  }

  /** Takes a reference if `owner` owns the frame; false (and nothing taken) otherwise. */
  getPage(mfn: number, owner: number): boolean {
    if (!this.isOwnedBy(mfn, owner)) return false;
    const count = this.references[mfn] as number;
    if (count === 0 || count >= MAX_REFERENCES) return false;
    this.references[mfn] = count + 1;
    return true;
  }

  /** One more reference to a frame the caller already holds one to. */
  getAgain(mfn: number): void {
    const count = this.references[mfn] as number;
    if (count === 0) fail(`frame ${mfn} is referred to again without a reference`);
    this.references[mfn] = count + 1;
  }

  /** Gives a reference back; the last one frees the frame. */
  putPage(mfn: number): void {
    const count = this.references[mfn] as number;
    if (count === 0) fail(`frame ${mfn} has no reference to give back`);
    this.references[mfn] = count - 1;
    if (count === 1) this.#release(mfn);
  }

  /** Gives the allocation's own reference back; false if that happened before. */
  putAllocation(mfn: number): boolean {
    const flags = this.flags[mfn] as number;
    if ((flags & FRAME_ALLOCATED) === 0) return false;
    this.flags[mfn] = flags & ~FRAME_ALLOCATED;
    this.putPage(mfn);
    return true;
  }

  #release(mfn: number): void {
    if (this.typeReferences[mfn] !== 0) fail(`frame ${mfn} is freed while it has a type`);
    const owner = this.owner[mfn] as number;
    const list = this.list(owner);
    const next = this.#next[mfn] as number;
    const previous = this.#previous[mfn] as number;
    if (previous === NO_FRAME) list.first = next;
    else this.#next[previous] = next;
    if (next !== NO_FRAME) this.#previous[next] = previous;
    list.count--;
    if (((this.flags[mfn] as number) & FRAME_SHARED) === 0) list.reserved--;
    this.onRetype?.(mfn as Mfn, PageType.none);
    this.onFree?.(mfn as Mfn);
    this.memory.clear(mfn as Mfn);
    this.owner[mfn] = DOMID_INVALID;
    this.flags[mfn] = 0;
    this.type[mfn] = PageType.none;
    this.linear[mfn] = 0;
    this.#free[this.#freeCount++] = mfn;
    if (list.count === 0) this.onListEmpty?.(owner);
  }

  /** Frames that have neither owner nor reference but are not free, or the reverse; for tests. */
  findInconsistency(): string | null {
    const isFree = new Uint8Array(this.frameCount);
    for (let i = 0; i < this.#freeCount; i++) isFree[this.#free[i] as number] = 1;
    for (let mfn = 0; mfn < this.frameCount; mfn++) {
      const references = this.references[mfn] as number;
      if (isFree[mfn] === 1) {
        if (references !== 0 || this.typeReferences[mfn] !== 0 || this.owner[mfn] !== DOMID_INVALID)
          return `frame ${mfn} is free but in use`;
      } else if (references < (this.typeReferences[mfn] as number)) {
        return `frame ${mfn} has more type references than references`;
      }
    }
    return null;
  }
}
