// DataPages: the pages that a front-end's requests read into or write from. With persistent grants (feature-persistent) the front-end
// uses the same grants over and over, and what was mapped once stays mapped; otherwise a mapping lasts as long as its request.
import type { HostMapping } from '@proxeny/hv-core';
import type { BackendHost } from '../backend-host.js';

export class DataPages {
  readonly #host: BackendHost;
  readonly #guestId: number;
  /** How many may stay mapped: 0 without persistent grants. */
  readonly #maxKept: number;
  readonly #kept: Map<number, HostMapping> = new Map();

  constructor(host: BackendHost, guestId: number, maxKept: number) {
    this.#host = host;
    this.#guestId = guestId;
    this.#maxKept = maxKept;
  }

  get keptCount(): number {
    return this.#kept.size;
  }

  /** The page granted as `ref`, until `release`; null if it cannot be used so. */
  acquire(ref: number, isReadOnly: boolean): HostMapping | null {
    const kept = this.#kept.get(ref);
    if (kept) return kept;
    const { grants } = this.#host;
    if (this.#kept.size < this.#maxKept) {
      const mapping = grants.map(this.#guestId, ref, false);
      if (typeof mapping !== 'number') {
        this.#kept.set(ref, mapping);
        return mapping;
      }
    }
    const mapping = grants.map(this.#guestId, ref, isReadOnly);
    return typeof mapping === 'number' ? null : mapping;
  }

  release(mapping: HostMapping): void {
    if (this.#kept.get(mapping.ref) !== mapping) this.#host.grants.unmap(mapping);
  }

  /** Unmaps what was kept. What requests hold is theirs to release. */
  releaseKept(): void {
    for (const mapping of this.#kept.values()) this.#host.grants.unmap(mapping);
    this.#kept.clear();
  }
}
