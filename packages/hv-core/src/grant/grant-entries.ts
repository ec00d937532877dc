// GrantEntries: the entries in a domain's grant table frames, in the layout of its version. The guest may change an entry at any time,
// so each is read once a use. grant_table.h.
import { GTF_reading, GTF_writing, grant_entry_v1, grant_entry_v2 } from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { MachineMemory } from '../frame/machine-memory.js';

const v1 = grant_entry_v1.of(64);
const v2 = grant_entry_v2.of(64);
/** Entries of a table frame, by version; status words of a status frame. */
export const ENTRIES_PER_FRAME = { 1: PAGE_SIZE / 8, 2: PAGE_SIZE / 16 } as const;
export const STATUS_PER_FRAME: number = PAGE_SIZE / 2;

export class GrantEntries {
  version: 1 | 2 = 1;
  readonly frames: Mfn[] = [];
  readonly statusFrames: Mfn[] = [];
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
  }

  get count(): number {
    return this.frames.length * ENTRIES_PER_FRAME[this.version];
  }

  /** Where entry `ref` is; it must be below `count`. */
  addressOf(ref: number): number {
    const perFrame = ENTRIES_PER_FRAME[this.version];
    const frame = this.frames[Math.floor(ref / perFrame)] as Mfn;
    return frame * PAGE_SIZE + (ref % perFrame) * (PAGE_SIZE / perFrame);
  }

  /** GTF_*. */
  flags(ref: number): number {
    return v1.fields.flags.get(this.#memory.view, this.addressOf(ref));
  }

  /** Who is granted. */
  grantee(ref: number): number {
    return v1.fields.domid.get(this.#memory.view, this.addressOf(ref));
  }

  /** The frame granted, in the granting domain's numbers. */
  frame(ref: number): number {
    const at = this.addressOf(ref);
    return this.version === 1
      ? v1.fields.frame.get(this.#memory.view, at)
      : v2.fields.full_page.fields.frame.get(this.#memory.view, at);
  }

  /** First byte and length of a sub-page grant. Version 2. */
  range(ref: number): { start: number; length: number } {
    const at = this.addressOf(ref);
    const { page_off, length } = v2.fields.sub_page.fields;
    return {
      start: page_off.get(this.#memory.view, at),
      length: length.get(this.#memory.view, at),
    };
  }

  /** The grant a transitive one stands for. Version 2. */
  transitive(ref: number): { domain: number; ref: number } {
    const at = this.addressOf(ref);
    const { trans_domid, gref } = v2.fields.transitive.fields;
    return {
      domain: trans_domid.get(this.#memory.view, at),
      ref: gref.get(this.#memory.view, at),
    };
  }

  /** Tells the guest that its grant is in use. */
  setUse(ref: number, isRead: boolean, isWritten: boolean): void {
    const { view } = this.#memory;
    const at = this.#useAddress(ref);
    if (at < 0) return;
    const kept = view.getUint16(at, true) & ~(GTF_reading | GTF_writing);
    const use = (isRead ? GTF_reading : 0) | (isWritten ? GTF_writing : 0);
    view.setUint16(at, kept | use, true);
  }

  /** Where the flags of use are: in the entry, or in a status word. -1 if the table is gone. */
  #useAddress(ref: number): number {
    if (ref >= this.count) return -1;
    if (this.version === 1) return this.addressOf(ref);
    const frame = this.statusFrames[Math.floor(ref / STATUS_PER_FRAME)];
    return frame === undefined ? -1 : frame * PAGE_SIZE + (ref % STATUS_PER_FRAME) * 2;
  }

  swap(a: number, b: number): void {
    const { bytes } = this.#memory;
    const size = PAGE_SIZE / ENTRIES_PER_FRAME[this.version];
    const atA = this.addressOf(a);
    const atB = this.addressOf(b);
    const kept = bytes.slice(atA, atA + size);
    bytes.copyWithin(atA, atB, atB + size);
    bytes.set(kept, atB);
  }

  /** Empties all frames but keeps the first entries, which the tools filled in, in the new version's layout. */
  changeVersion(version: 1 | 2, keep: number): void {
    const { bytes, view } = this.#memory;
    const kept: { flags: number; grantee: number; frame: number }[] = [];
    for (let ref = 0; ref < Math.min(keep, this.count); ref++) {
      kept.push({ flags: this.flags(ref), grantee: this.grantee(ref), frame: this.frame(ref) });
    }
    for (const frame of this.frames) bytes.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    this.version = version;
    for (const [ref, entry] of kept.entries()) {
      const at = this.addressOf(ref);
      v1.fields.domid.set(view, at, entry.grantee);
      if (version === 1) v1.fields.frame.set(view, at, entry.frame);
      else v2.fields.full_page.fields.frame.set(view, at, entry.frame);
      v1.fields.flags.set(view, at, entry.flags & ~(GTF_reading | GTF_writing));
    }
  }
}
