// XenHost: a machine with the services its domains have from the host: xenstore, and domain 0, in whose name they run, without a CPU.
import { type Domain, HostPort, type Hypervisor } from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';
import type { BlockBackend } from '../../storage/block-backend.js';
import { BackendHost } from '../backend-host.js';
import { Blkback } from '../block/blkback.js';
import { virtualDeviceNumber } from '../block/virtual-device.js';
import type { EventPort } from '../shared-page.js';
import type { StoreClient } from '../store/store-client.js';
import { StoreService } from '../store/store-service.js';
import { backendPath, frontendPath } from '../toolstack/device-pair.js';
import { addDisk, diskDevice } from '../toolstack/disk-entry.js';
import { XenbusBackend } from '../xenbus/xenbus-backend.js';
import { FramePage } from './frame-page.js';

/** Event channels and grants of all services together. */
const HOST_PORTS = 65_536;
const HOST_MAPPINGS = 1 << 20;

/** A disk for a guest. */
export interface GuestDisk {
  /** As the guest calls it: `xvda`. */
  readonly name: string;
  /** Closed by whoever opened it, after the machine. */
  readonly disk: BlockBackend;
  readonly isReadOnly?: boolean;
  readonly isCdrom?: boolean;
  /** What xenstore says the disk is: a path, say. */
  readonly parameters?: string;
}

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
  readonly #backends: BackendHost;
  readonly #devices: XenbusBackend[] = [];

  /** @param wake a guest has something to do: the run loop must not sleep on */
  constructor(hypervisor: Hypervisor, wake: () => void) {
    this.domain = hypervisor.createDomain({
      id: 0,
      name: 'Domain-0',
      kind: 'translated',
      gfnLimit: 1,
      limits: { maxFrames: 0, maxPort: HOST_PORTS, maxMappings: HOST_MAPPINGS },
    });
    this.store = this.stores.client();
    this.#backends = new BackendHost({ domain: this.domain, store: this.store, wake });
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

  /**
   * Shows a disk to a guest whose home is in the store.
   * @throws RangeError for a name that no disk has
   */
  attachDisk(guest: Domain, request: GuestDisk): void {
    const { name, disk, isCdrom = false, parameters = '' } = request;
    const id = virtualDeviceNumber(name);
    if (id === null) throw new RangeError(`'${name}' is no name of a disk; the first one is xvda`);
    const isReadOnly = request.isReadOnly === true || disk.isReadOnly;
    addDisk(this.store, { domain: guest.id, id, name, parameters, isReadOnly, isCdrom });
    const device = diskDevice({ domain: guest.id, id });
    const backend = new XenbusBackend({
      host: this.#backends,
      device: new Blkback({ host: this.#backends, guestId: guest.id, disk, isReadOnly, isCdrom }),
      backendPath: backendPath(device),
      frontendPath: frontendPath(device),
    });
    this.#devices.push(backend);
    backend.start();
  }

  /** Ends all devices at once; done when requests in flight are. */
  async close(): Promise<void> {
    await Promise.all(this.#devices.splice(0).map((device) => device.close()));
  }
}
