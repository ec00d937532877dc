// PcDevices: the virtio devices of a PC, made of what its configuration asks for, as cards for its PCI bus.
import { BlkDevice, type DeviceMemory, type VirtioDevice } from '@proxeny/virtio';
import type { PciCard } from '../pc/pci-card.js';
import type { BlockBackend } from '../storage/block-backend.js';
import { virtioCard } from './virtio-card.js';

/** PCI class codes. */
const STORAGE = 0x010000;

/** A disk of a PC. */
export interface PcDisk {
  readonly disk: BlockBackend;
  /** The guest may not change it. */
  readonly isReadOnly?: boolean;
  /** Its serial number: at most 20 ASCII characters. */
  readonly serial?: string;
}

export interface PcDevicesOptions {
  readonly disks: readonly PcDisk[];
  readonly memory: DeviceMemory;
  /** The host got something to do: the slice should end soon. Called within the slice. */
  readonly onStart: () => void;
  /** The host did something: the guest may go on. Called between slices. */
  readonly onCompletion: () => void;
  readonly onMessage: (message: string) => void;
}

export class PcDevices {
  readonly cards: readonly PciCard[];
  readonly #disks: readonly BlkDevice[];

  constructor(options: PcDevicesOptions) {
    const { disks, memory, onStart, onCompletion, onMessage } = options;
    const card = (name: string, device: VirtioDevice, classCode: number): PciCard =>
      virtioCard({
        ...{ name, device, classCode, memory },
        onFailure: (reason) => onMessage(`${name} stopped until its driver resets it: ${reason}`),
      });
    this.#disks = disks.map(
      ({ disk, isReadOnly = false, serial = '' }) =>
        new BlkDevice({ disk, isReadOnly, id: serial, onStart, onCompletion }),
    );
    this.cards = this.#disks.map((device, i) => card(`virtio disk ${i}`, device, STORAGE));
  }

  /** Requests are with the host. */
  get awaitHost(): boolean {
    for (const disk of this.#disks) if (disk.isBusy) return true;
    return false;
  }
}
