// GrantTable: what one domain grants to others, and what it maps of theirs. An entry in use is "active": pinned by its readers and
// writers, its frame remembered, so that a change of the entry does not matter before the last one lets go.
// Invariant: an entry is marked as read or written exactly while it is pinned.
import {
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_general_error,
  GNTTAB_NR_RESERVED_ENTRIES,
  GTF_permit_access,
  GTF_readonly,
  GTF_sub_page,
  GTF_type_mask,
  XEN_EBUSY,
  XEN_ENOMEM,
} from '@proxeny/abi';
import type { Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { assert, fail } from '../error.js';
import { GrantEntries, STATUS_PER_FRAME } from './grant-entries.js';
import { MapTrack } from './map-track.js';

/** A grant that is in use. */
export interface ActiveGrant {
  readonly grantee: number;
  readonly mfn: Mfn;
  readers: number;
  writers: number;
}

export class GrantTable {
  readonly entries: GrantEntries;
  /** Mappings this domain holds. */
  readonly mappings: MapTrack;
  readonly #domain: Domain;
  readonly #active: Map<number, ActiveGrant> = new Map();

  constructor(domain: Domain) {
    this.#domain = domain;
    this.entries = new GrantEntries(domain.hypervisor.memory);
    this.mappings = new MapTrack(domain.limits.maxMappings);
    this.grow(1);
  }

  get version(): 1 | 2 {
    return this.entries.version;
  }

  active(ref: number): ActiveGrant | undefined {
    return this.#active.get(ref);
  }

  #statusFramesFor(frames: number): number {
    return Math.ceil((frames * 256) / STATUS_PER_FRAME);
  }

  /** Makes the table at least `count` frames long; false, and nothing done, if that cannot be. */
  grow(count: number): boolean {
    const { entries } = this;
    if (count > this.#domain.limits.maxGrantFrames) return false;
    const wanted = Math.max(0, count - entries.frames.length);
    const statusCount = this.version === 2 ? this.#statusFramesFor(count) : 0;
    const wantedStatus = Math.max(0, statusCount - entries.statusFrames.length);
    if (this.#domain.hypervisor.frames.freeCount < wanted + wantedStatus) return false;
    this.#append(entries.frames, wanted);
    this.#append(entries.statusFrames, wantedStatus);
    return true;
  }

  #append(frames: Mfn[], count: number): void {
    for (let i = 0; i < count; i++) {
      const mfn = this.#domain.allocateShared();
      assert(mfn !== -1, 'no frame is left, though there were enough');
      frames.push(mfn);
    }
  }

  /**
   * Whether `grantee` may use entry `ref` now: the frame it is granted, or a GNTST_* error.
   * Sub-page and transitive grants are for copies only (grant-copy.ts).
   */
  check(ref: number, grantee: number, isWrite: boolean): Mfn | number {
    const { entries } = this;
    if (ref >= entries.count) return GNTST_bad_gntref;
    const active = this.#active.get(ref);
    if (active && active.grantee !== grantee) return GNTST_general_error;
    const flags = entries.flags(ref);
    const type = flags & GTF_type_mask;
    if (type !== GTF_permit_access || entries.grantee(ref) !== grantee) return GNTST_general_error;
    if (isWrite && (flags & GTF_readonly) !== 0) return GNTST_general_error;
    if (this.version === 2 && (flags & GTF_sub_page) !== 0) return GNTST_general_error;
    if (active) return active.mfn;
    const mfn = this.#domain.findOwnFrame(entries.frame(ref));
    return mfn === -1 ? GNTST_bad_page : mfn;
  }

  /** Marks the entry as in use once more. */
  pin(ref: number, grantee: number, mfn: Mfn, isWrite: boolean): void {
    let active = this.#active.get(ref);
    if (!active) {
      active = { grantee, mfn, readers: 0, writers: 0 };
      this.#active.set(ref, active);
    }
    if (isWrite) active.writers++;
    else active.readers++;
    this.entries.setUse(ref, true, active.writers > 0);
  }

  unpin(ref: number, isWrite: boolean): void {
    const active = this.#active.get(ref);
    if (!active) fail(`grant ${ref} of domain ${this.#domain.id} is not in use`);
    if (isWrite) active.writers--;
    else active.readers--;
    const isUsed = active.readers + active.writers > 0;
    this.entries.setUse(ref, isUsed, active.writers > 0);
    if (!isUsed) this.#active.delete(ref);
  }

  /** 0 if the version can be changed: only while no grant but the tools' own is in use. Or an errno. */
  checkVersion(version: 1 | 2): number {
    if (version === this.version) return 0;
    for (const ref of this.#active.keys()) {
      if (ref >= GNTTAB_NR_RESERVED_ENTRIES) return -XEN_EBUSY;
    }
    const needed = version === 2 ? this.#statusFramesFor(this.entries.frames.length) : 0;
    return this.#domain.hypervisor.frames.freeCount < needed ? -XEN_ENOMEM : 0;
  }

  /** Changes the version; `checkVersion` was 0. */
  setVersion(version: 1 | 2): void {
    if (version === this.version) return;
    if (version === 2) {
      this.#append(this.entries.statusFrames, this.#statusFramesFor(this.entries.frames.length));
    } else {
      for (const mfn of this.entries.statusFrames.splice(0)) this.#domain.releaseShared(mfn);
    }
    this.entries.changeVersion(version, GNTTAB_NR_RESERVED_ENTRIES);
    for (const [ref, active] of this.#active) {
      this.entries.setUse(ref, true, active.writers > 0);
    }
  }

  /** Gives the table's frames back; entries in use stay remembered until they are let go. */
  releaseFrames(): void {
    for (const mfn of this.entries.frames.splice(0)) this.#domain.releaseShared(mfn);
    for (const mfn of this.entries.statusFrames.splice(0)) this.#domain.releaseShared(mfn);
  }

  /** For the state digest. */
  describe(): unknown {
    const mappings = [...this.mappings.all()].map((each) => [
      each.handle,
      each.owner.id,
      each.ref,
      each.mfn,
      each.isHost,
      each.isDevice,
    ]);
    const active = [...this.#active].map(([ref, each]) => [
      ref,
      each.mfn,
      each.readers,
      each.writers,
    ]);
    return [this.version, this.entries.frames, this.entries.statusFrames, active, mappings];
  }
}
