// MapTrack: the mappings of others' grants that one domain holds, by handle. Handles are dense and reused, so their table is bounded
// by the domain's limit.
import type { Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';

/** One mapping of a grant. */
export interface GrantMapping {
  readonly handle: number;
  /** Who granted. */
  readonly owner: Domain;
  readonly ref: number;
  readonly mfn: Mfn;
  readonly isReadOnly: boolean;
  /** It is mapped for CPUs at `hostAddress`; undone apart from the device's part. */
  isHost: boolean;
  isDevice: boolean;
  /** As the guest gave it. */
  readonly hostAddress: number;
  readonly containsPte: boolean;
}

export class MapTrack {
  readonly #limit: number;
  readonly #mappings: (GrantMapping | undefined)[] = [];
  readonly #freeHandles: number[] = [];
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  get count(): number {
    return this.#count;
  }

  /** Keeps a mapping; not when full. */
  add(mapping: Omit<GrantMapping, 'handle'>): GrantMapping {
    const handle = this.#freeHandles.pop() ?? this.#mappings.length;
    // Member by member: a spread is several times slower, and devices map for every page they read.
    const added: GrantMapping = {
      handle,
      owner: mapping.owner,
      ref: mapping.ref,
      mfn: mapping.mfn,
      isReadOnly: mapping.isReadOnly,
      isHost: mapping.isHost,
      isDevice: mapping.isDevice,
      hostAddress: mapping.hostAddress,
      containsPte: mapping.containsPte,
    };
    this.#mappings[handle] = added;
    this.#count++;
    return added;
  }

  get(handle: number): GrantMapping | undefined {
    return this.#mappings[handle];
  }

  remove(mapping: GrantMapping): void {
    if (this.#mappings[mapping.handle] !== mapping) return;
    this.#mappings[mapping.handle] = undefined;
    this.#freeHandles.push(mapping.handle);
    this.#count--;
  }

  *all(): Iterable<GrantMapping> {
    for (const mapping of this.#mappings) if (mapping) yield mapping;
  }
}
