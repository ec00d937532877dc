// BackendMachine: a hypervisor with a domain for the host's back-ends and native guests, for tests of back-ends.
import { type Domain, Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import {
  type FrontKernel,
  GuestEvents,
  GuestGrants,
  type NativeCode,
  NativeCpu,
} from '@proxeny/pv-guest';
import { expect } from 'vitest';
import { BackendHost } from './backend-host.js';
import { TestStore } from './testing-store.contract.js';
import type { XenbusDevice } from './xenbus/xenbus-backend.js';
import { XenbusBackend } from './xenbus/xenbus-backend.js';

const PAGE_BYTES = 4096;
const SHARED_INFO_PAGE = 2000;
const GRANT_TABLE_PAGE = 2001;
const GRANT_TABLE_PAGES = 4;
const FIRST_FREE_PAGE = 16;

export interface TestGuest {
  readonly domain: Domain;
  readonly cpu: NativeCpu;
}

export class BackendMachine {
  readonly hypervisor: Hypervisor;
  readonly hostDomain: Domain;
  readonly store: TestStore = new TestStore();
  readonly host: BackendHost;
  /** Of the device added last. */
  lastBackend: XenbusBackend | null = null;
  /** Frames a translated guest has by default. */
  readonly guestPages: number;

  constructor(guestPages = 1024) {
    this.guestPages = guestPages;
    this.hypervisor = new Hypervisor({
      memory: new MachineMemory((guestPages * 3 + 64) * PAGE_BYTES),
      clock: new ManualClock(),
    });
    this.hostDomain = this.hypervisor.createDomain({ id: 0, name: 'host', kind: 'translated' });
    this.host = new BackendHost({ domain: this.hostDomain, store: this.store });
  }

  /** A guest that runs `kernel` with grants, events and the store set up. */
  addGuest(
    kernel: (front: FrontKernel) => NativeCode,
    options: { word?: 32 | 64; id?: number } = {},
  ): TestGuest {
    const { guestPages, store } = this;
    const cpus: NativeCpu[] = [];
    const domain = this.hypervisor.createDomain({
      ...options,
      kind: 'translated',
      createCpu: (vcpu) => {
        const cpu = new NativeCpu(vcpu, function* (guest) {
          const events = yield* GuestEvents.setUp(guest, SHARED_INFO_PAGE * PAGE_BYTES);
          const table = GRANT_TABLE_PAGE * PAGE_BYTES;
          const grants = yield* GuestGrants.setUp(guest, table, GRANT_TABLE_PAGES);
          let free = FIRST_FREE_PAGE;
          yield* kernel({
            guest,
            events,
            grants,
            store: store.forGuest(),
            takePages: (count) => {
              free += count;
              if (free > guestPages) throw new Error('the guest has no page left');
              return (free - count) * PAGE_BYTES;
            },
          });
        });
        cpus.push(cpu);
        return cpu;
      },
    });
    domain.populate(0, guestPages);
    domain.start();
    domain.unpause();
    return { domain, cpu: cpus[0] as NativeCpu };
  }

  /** What the tools write for a new device; its back-end, started. */
  addDevice(
    guestId: number,
    kind: 'vbd' | 'vif' | 'virtio',
    number: number,
    device: XenbusDevice,
  ): XenbusBackend {
    const { host, store } = this;
    const frontendPath = `/local/domain/${guestId}/device/${kind}/${number}`;
    const backendPath = `/local/domain/0/backend/${kind}/${guestId}/${number}`;
    const write = (directory: string, keys: Record<string, string | number>): void => {
      for (const [name, value] of Object.entries(keys))
        store.write(`${directory}/${name}`, `${value}`);
    };
    write(backendPath, { frontend: frontendPath, 'frontend-id': guestId, online: 1, state: 1 });
    write(frontendPath, { backend: backendPath, 'backend-id': 0, state: 1 });
    const backend = new XenbusBackend({ host, device, backendPath, frontendPath });
    backend.start();
    this.lastBackend = backend;
    return backend;
  }

  /** Runs guests, and lets the host's promises settle, until `isDone`, or every guest has ended. */
  async run(isDone: () => boolean = () => false): Promise<void> {
    for (let turn = 0; turn < 5000 && !isDone(); turn++) {
      this.hypervisor.runUntilIdle();
      const guests = [...this.hypervisor.domains].filter((domain) => domain !== this.hostDomain);
      if (guests.every((domain) => domain.shutdownReason !== null)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!isDone()) throw new Error('the guests wait for something that does not come');
  }

  /** Checks that back-ends hold nothing, and that `domain` goes without a trace. */
  expectNothingHeld(domain: Domain): void {
    expect(this.host.grants.count).toBe(0);
    expect([...this.hostDomain.events.open()]).toEqual([]);
    expect(this.store.watchCount).toBe(0);
    this.hypervisor.destroyDomain(domain);
    expect(this.hypervisor.dyingCount).toBe(0);
    expect(this.hypervisor.frames.findInconsistency()).toBeNull();
  }

  /** Runs one kernel to its end; what it threw fails the test. */
  async runGuest(guest: TestGuest): Promise<void> {
    await this.run(() => guest.domain.shutdownReason !== null);
    if (guest.cpu.error) throw guest.cpu.error;
    if (guest.domain.crashCause) throw guest.domain.crashCause;
  }
}
