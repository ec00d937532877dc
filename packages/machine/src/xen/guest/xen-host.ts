// XenHost: a machine with the services its domains have from the host: xenstore, and domain 0, in whose name they run, without a CPU.
import { type Domain, HostPort, type Hypervisor } from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';
import type { EventPort } from '../shared-page.js';
import type { StoreClient } from '../store/store-client.js';
import { StoreService } from '../store/store-service.js';
import { FramePage } from './frame-page.js';

/** Event channels and grants of all services together. */
const HOST_PORTS = 65_536;
const HOST_MAPPINGS = 1 << 20;

/** One ring of a guest's, at the host's side. */
export interface ServedRing {
  readonly page: FramePage;
  readonly port: EventPort;
  close(): void;
}

export class XenHost {
  readonly domain: Domain;
  readonly stores: StoreService = new StoreService();
  readonly store: StoreClient;

  constructor(hypervisor: Hypervisor) {
    this.domain = hypervisor.createDomain({
      id: 0,
      name: 'Domain-0',
      kind: 'translated',
      gfnLimit: 1,
      limits: { maxFrames: 0, maxPort: HOST_PORTS, maxMappings: HOST_MAPPINGS },
    });
    this.store = this.stores.client();
    this.store.write('/local/domain/0/name', 'Domain-0');
    this.store.write('/local/domain/0/domid', '0');
  }

  /**
   * Takes the host's side of a ring that a builder has made.
   * @throws Error if it is not the guest's: a mistake of the builder
   */
  serve(guest: Domain, mfn: Mfn, port: number): ServedRing {
    const page = FramePage.hold(guest, mfn);
    const far = HostPort.bind(this.domain, guest.id, port);
    if (!page || !far)
      throw new Error(`domain ${guest.id} has no ring in frame ${mfn}, port ${port}`);
    return {
      page,
      port: far,
      close: () => {
        far.close();
        page.release();
      },
    };
  }
}
