// PciCard: a function that is plugged into the board: it finds a slot and answers with what the bus sees of it.
import type { MmioDevice } from '../device.js';
import type { PciDevice } from './pci-device.js';

/** What a card finds at its slot. */
export interface PciSlot {
  /** Puts registers behind a memory BAR: the result is the BAR's `mapped`. */
  memory(name: string, byteLength: number, device: MmioDevice): (base: number | null) => void;
  /** A message signalled interrupt: a store of `data` to an address, in two halves. */
  sendMessage(addressLow: number, addressHigh: number, data: number): void;
}

/** Makes the function; called once. */
export type PciCard = (slot: PciSlot) => PciDevice;
