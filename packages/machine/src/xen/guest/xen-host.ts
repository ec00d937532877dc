// XenHost: a machine with the services its domains have from the host: xenstore, and domain 0, in whose name they run, without a CPU.
import { type Domain, HostPort, type Hypervisor } from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';
import { BlkDevice, type VirtioDevice } from '@proxeny/virtio';
import type { ControlMethods } from '../../control-method.js';
import type { NetworkPort } from '../../network/network-port.js';
import type { BlockBackend } from '../../storage/block-backend.js';
import { BackendHost } from '../backend-host.js';
import { Blkback } from '../block/blkback.js';
import { virtualDeviceNumber } from '../block/virtual-device.js';
import { logMethods, MessageLog } from '../message-log.js';
import { Netback } from '../net/netback.js';
import type { EventPort } from '../shared-page.js';
import type { StoreClient } from '../store/store-client.js';
import { StoreService } from '../store/store-service.js';
import { storeMethods } from '../store-methods.js';
import { addDevice, backendPath, type DeviceName, frontendPath } from '../toolstack/device-pair.js';
import { addDisk, diskDevice } from '../toolstack/disk-entry.js';
import { addNetwork } from '../toolstack/network-entry.js';
import { Virtioback } from '../virtio/virtioback.js';
import { XenbusBackend, type XenbusDevice } from '../xenbus/xenbus-backend.js';
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
  /** A virtio device on a channel (docs/virtio-channel.md), not a Xen block device. */
  readonly isVirtio?: boolean;
  /** What xenstore says the disk is: a path, say. */
  readonly parameters?: string;
}

/** A network card for a guest. */
export interface GuestNetwork {
  /** From 0 on. */
  readonly id: number;
  /** Its address: `00:16:3e:xx:xx:xx`. */
  readonly mac: string;
  /** The longest packet the guest should send, in bytes; 1500 if left out. */
  readonly mtu?: number;
  /** What it is plugged into; closed by whoever made it, after the machine. */
  readonly network: NetworkPort;
}

/** One ring of a guest's, at the host's side. */
export interface ServedRing {
  readonly page: FramePage;
  readonly port: EventPort;
  close(): void;
}

interface AttachedDevice {
  readonly backend: XenbusBackend;
  readonly path: string;
}

export class XenHost {
  readonly domain: Domain;
  readonly stores: StoreService = new StoreService();
  readonly store: StoreClient;
  /** What the hypervisor has to say, and what guests may print by console_io. */
  readonly log: MessageLog = new MessageLog();
  /** What other processes may ask. */
  readonly control: ControlMethods;
  readonly #backends: BackendHost;
  /** Back-ends by the number of their guest, each with its directory in the store. */
  readonly #devices: Map<number, AttachedDevice[]> = new Map();

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
    this.control = { ...storeMethods(this.store, wake), ...logMethods(this.log) };
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
    if (request.isVirtio === true) {
      const onCompletion = () => this.#backends.wake();
      const device = new BlkDevice({ disk, isReadOnly, id: name, onCompletion });
      this.attachVirtio(guest, id, device);
      return;
    }
    addDisk(this.store, { domain: guest.id, id, name, parameters, isReadOnly, isCdrom });
    const host = this.#backends;
    const blkback = new Blkback({ host, guestId: guest.id, disk, isReadOnly, isCdrom });
    this.#start(diskDevice({ domain: guest.id, id }), blkback);
  }

  /** Shows a virtio device to a guest whose home is in the store, as `device/virtio/<id>`. */
  attachVirtio(guest: Domain, id: number, device: VirtioDevice): void {
    const name: DeviceName = { kind: 'virtio', domain: guest.id, id };
    addDevice(this.store, name, { front: {}, back: {} });
    const host = this.#backends;
    const onFailure = (reason: string) =>
      this.log.say(`domain ${guest.id}: virtio device ${id} waits for a reset: ${reason}`);
    this.#start(name, new Virtioback({ host, guestId: guest.id, device, onFailure }));
  }

  /** Gives a network card to a guest whose home is in the store. */
  attachNetwork(guest: Domain, { id, mac, mtu = 1500, network }: GuestNetwork): void {
    addNetwork(this.store, { domain: guest.id, id, mac, mtu });
    const netback = new Netback({ host: this.#backends, guestId: guest.id, network });
    this.#start({ kind: 'vif', domain: guest.id, id }, netback);
  }

  #start(name: DeviceName, device: XenbusDevice): void {
    const path = backendPath(name);
    const backend = new XenbusBackend({
      host: this.#backends,
      device,
      backendPath: path,
      frontendPath: frontendPath(name),
    });
    const devices = this.#devices.get(name.domain) ?? [];
    this.#devices.set(name.domain, devices);
    devices.push({ backend, path });
    backend.start();
  }

  /** Ends a guest's devices, and takes them out of the store; done when requests in flight are. */
  async closeDevices(guest: Domain): Promise<void> {
    const devices = this.#devices.get(guest.id) ?? [];
    this.#devices.delete(guest.id);
    await Promise.all(devices.map(({ backend }) => backend.close()));
    for (const { path } of devices) this.store.remove(path);
  }

  /** Ends all devices at once; done when requests in flight are. */
  async close(): Promise<void> {
    const devices = [...this.#devices.values()].flat();
    this.#devices.clear();
    await Promise.all(devices.map(({ backend }) => backend.close()));
  }
}
