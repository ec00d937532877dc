// BackendHost: what back-ends of all kinds stand on: the domain whose name they run under, its grants, its ends of event channels,
// xenstore, and a way to wake the run loop.
import { type Domain, HostGrants, HostPort, type MachineMemory } from '@proxeny/hv-core';
import type { BackendStore } from './backend-store.js';

export interface BackendHostOptions {
  /** The domain that guests grant to: as a rule number 0, without a vCPU. */
  readonly domain: Domain;
  readonly store: BackendStore;
  /** A guest may have something to do, outside of a slice: the run loop must not sleep on. */
  readonly wake?: () => void;
}

export class BackendHost {
  readonly domain: Domain;
  readonly store: BackendStore;
  readonly grants: HostGrants;
  readonly #wake: () => void;

  constructor(options: BackendHostOptions) {
    this.domain = options.domain;
    this.store = options.store;
    this.grants = new HostGrants(options.domain);
    this.#wake = options.wake ?? (() => {});
  }

  get memory(): MachineMemory {
    return this.domain.hypervisor.memory;
  }

  /** The bits of a guest's word; 64 if there is no such guest. */
  wordOf(guestId: number): 32 | 64 {
    return this.domain.hypervisor.domain(guestId)?.word ?? 64;
  }

  /** The host's end of a port that guest `guestId` has made for it, or null. */
  bindPort(guestId: number, port: number): HostPort | null {
    return HostPort.bind(this.domain, guestId, port);
  }

  wake(): void {
    this.#wake();
  }
}
