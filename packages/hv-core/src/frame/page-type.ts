// PageTypes: which frame may be used as what. This file is the isolation of PV guests; page-table-x86.ts holds the rules per entry.
//
// A PV guest sees machine frames and writes its own page-table entries, so the hypervisor must know, for every entry a CPU may ever
// walk, that it leads only to what its domain may see. It does so by counting, as Xen does:
//
// 1. Every frame has an owner and a count of references. A frame is freed when the last reference is gone. An entry that maps a frame
//    holds a reference, so nothing that is mapped anywhere can be given to somebody else.
// 2. Every frame has a type and a count of type references: writable, page table of level 1 to 4, or segment descriptors. Types exclude
//    each other while the count is above zero: a frame that is a page table can't be mapped writable (the guest would change entries
//    unseen), and one that is mapped writable can't become a page table. A read-only mapping needs a reference but no type.
// 3. The first type reference as a page table validates: every present entry is checked and takes its own references. An L1 entry
//    takes a reference to its target (and a writable type reference if it is writable); an entry of level n takes a type reference of
//    level n − 1. Validation is all or nothing. The last type reference gone devalidates: the entries' references are given back.
// 4. A table's entries change only through checked calls (mmu_update and its kin), which take the references of the new entry before
//    they write it and give those of the old one back after.
// 5. A CPU's page-table base holds a type reference to the root; a pin holds one for its own sake.
// 6. Linear page tables: an entry may name a table of its own level, read only: itself, or another that is validated already. Chains
//    of such entries are forbidden (`linear` counts uses above zero and entries below; a table has only one of them), so that
//    devalidation never goes deeper than there are levels.
//
// Long work is preempted. Validation spends `workLeft`; without any left it returns RESTART, and tables below that are complete stay
// validated ("parked") for the call's next attempt. Devalidation is done table by table from a queue, before the call answers; a queued frame
// keeps a reference and can take no new type before its turn. So neither recursion nor time grow with what a guest built.
import { XEN_EINVAL } from '@proxeny/abi';
import { assert, fail } from '../error.js';
import { RESTART } from '../hypercall/continuation.js';
import {
  FRAME_DEVALIDATING,
  FRAME_VALIDATED,
  FRAME_VALIDATING,
  type FrameTable,
  MAX_REFERENCES,
  PageType,
} from './frame-table.js';

/** What makes a frame's contents fit a type; see page-table-x86.ts. */
export interface TypeRules {
  /** Checks the contents and takes the references they need: 0, an errno, or RESTART. On failure nothing is taken. */
  validate(mfn: number, type: PageType): number;
  /** Gives those references back. */
  devalidate(mfn: number, type: PageType): void;
  /** Entries to look at, as a measure of work. */
  workOf(type: PageType): number;
}

export class PageTypes {
  readonly frames: FrameTable;
  rules: TypeRules | null = null;
  /** Entries that may still be looked at before a preemption. */
  workLeft: number = Number.POSITIVE_INFINITY;
  readonly #devalidations: number[] = [];
  readonly #parked: number[] = [];

  constructor(frames: FrameTable) {
    this.frames = frames;
  }

  /** Frames that wait for their devalidation. */
  get pendingDevalidations(): number {
    return this.#devalidations.length;
  }

  /** Tables kept for a call that goes on later; each holds a reference and a type reference. */
  get parked(): readonly number[] {
    return this.#parked;
  }

  typeOf(mfn: number): PageType {
    return (
      this.frames.typeReferences[mfn] === 0 ? PageType.none : this.frames.type[mfn]
    ) as PageType;
  }

  isValidated(mfn: number, type: PageType): boolean {
    return (
      this.typeOf(mfn) === type && ((this.frames.flags[mfn] as number) & FRAME_VALIDATED) !== 0
    );
  }

  /** One more type reference to a frame the caller holds a reference to; 0, -EINVAL or RESTART. */
  getType(mfn: number, type: PageType): number {
    const { frames } = this;
    const count = frames.typeReferences[mfn] as number;
    if (count > 0) {
      const flags = frames.flags[mfn] as number;
      if (frames.type[mfn] !== type || (flags & FRAME_VALIDATED) === 0) return -XEN_EINVAL;
      if (count >= MAX_REFERENCES) return -XEN_EINVAL;
      frames.typeReferences[mfn] = count + 1;
      return 0;
    }
    if (((frames.flags[mfn] as number) & FRAME_DEVALIDATING) !== 0) this.#devalidate(mfn);
    if (type !== PageType.writable && this.workLeft <= 0) return RESTART;
    frames.onRetype?.(mfn as never, type);
    frames.type[mfn] = type;
    frames.typeReferences[mfn] = 1;
    if (type === PageType.writable) {
      frames.flags[mfn] = (frames.flags[mfn] as number) | FRAME_VALIDATED;
      return 0;
    }
    return this.#validate(mfn, type);
  }

  #validate(mfn: number, type: PageType): number {
    const { frames, rules } = this;
    assert(rules !== null, 'page types are used before their rules are known');
    this.workLeft -= rules.workOf(type);
    frames.flags[mfn] = (frames.flags[mfn] as number) | FRAME_VALIDATING;
    const status = rules.validate(mfn, type);
    frames.flags[mfn] = (frames.flags[mfn] as number) & ~FRAME_VALIDATING;
    if (status === 0) {
      frames.flags[mfn] = (frames.flags[mfn] as number) | FRAME_VALIDATED;
    } else {
      frames.typeReferences[mfn] = 0;
      frames.type[mfn] = PageType.none;
    }
    return status;
  }

  /** Gives a type reference back. */
  putType(mfn: number): void {
    const { frames } = this;
    const count = frames.typeReferences[mfn] as number;
    if (count === 0) fail(`frame ${mfn} has no type reference to give back`);
    frames.typeReferences[mfn] = count - 1;
    if (count > 1) return;
    const flags = frames.flags[mfn] as number;
    if (
      frames.type[mfn] === PageType.writable ||
      frames.type[mfn] === PageType.segmentDescriptors
    ) {
      frames.flags[mfn] = flags & ~FRAME_VALIDATED;
      frames.type[mfn] = PageType.none;
      return;
    }
    frames.flags[mfn] = (flags & ~FRAME_VALIDATED) | FRAME_DEVALIDATING;
    frames.getAgain(mfn); // the queue's reference
    this.#devalidations.push(mfn);
  }

  /** A reference and a type reference, if `owner` owns the frame; 0, -EINVAL or RESTART. */
  getPageAndType(mfn: number, owner: number, type: PageType): number {
    if (!this.frames.getPage(mfn, owner)) return -XEN_EINVAL;
    const status = this.getType(mfn, type);
    if (status !== 0) this.frames.putPage(mfn);
    return status;
  }

  putPageAndType(mfn: number): void {
    this.putType(mfn);
    this.frames.putPage(mfn);
  }

  /** Keeps a validated table that its parent is about to let go, so that the call's next attempt finds it done. */
  park(mfn: number): void {
    this.frames.getAgain(mfn);
    this.frames.typeReferences[mfn] = (this.frames.typeReferences[mfn] as number) + 1;
    this.#parked.push(mfn);
  }

  /** Lets go of what was parked; at the end of every call that does not start again. */
  releaseParked(): void {
    for (let mfn = this.#parked.pop(); mfn !== undefined; mfn = this.#parked.pop()) {
      this.putPageAndType(mfn);
    }
  }

  /** Works on the queue while `workLeft` lasts; whether it is empty. */
  drain(): boolean {
    while (this.#devalidations.length > 0) {
      if (this.workLeft <= 0) return false;
      const mfn = this.#devalidations.pop() as number;
      if (((this.frames.flags[mfn] as number) & FRAME_DEVALIDATING) !== 0) this.#devalidate(mfn);
    }
    return true;
  }

  #devalidate(mfn: number): void {
    const { frames, rules } = this;
    assert(rules !== null, 'page types are used before their rules are known');
    const type = frames.type[mfn] as PageType;
    frames.flags[mfn] = (frames.flags[mfn] as number) & ~FRAME_DEVALIDATING;
    frames.type[mfn] = PageType.none;
    this.workLeft -= rules.workOf(type);
    rules.devalidate(mfn, type);
    frames.putPage(mfn);
  }
}
