// virtioCard: a virtio device as a card for the PC's PCI bus.
import { PciTransport, type PciTransportOptions, type VirtioDevice } from '@proxeny/virtio';
import type { PciCard } from '../pc/pci-card.js';
import { PciDevice } from '../pc/pci-device.js';

/** A capability's bytes begin after its id and link. */
const BODY = 2;
/** In the body of the window's capability (VIRTIO 1.2 §4.1.4.9). */
const WINDOW_BAR = 2;
const WINDOW_OFFSET = 6;
const WINDOW_LENGTH = 10;
const WINDOW_DATA = 14;
const WINDOW_DATA_BYTES = 4;

export interface VirtioCardOptions
  extends Pick<PciTransportOptions, 'memory' | 'onFailure' | 'classCode' | 'hasPackedRings'> {
  /** For errors and listings. */
  readonly name: string;
  readonly device: VirtioDevice;
}

export function virtioCard(options: VirtioCardOptions): PciCard {
  return (slot) => {
    const { name } = options;
    const transport: PciTransport = new PciTransport({
      ...options,
      intx: (level) => pci.interrupt(level),
      sendMessage: slot.sendMessage,
    });
    const pci = new PciDevice(name, transport.identity);
    pci.addBar({
      ...{ index: 0, space: 'memory', byteLength: transport.barBytes },
      mapped: slot.memory(name, transport.barBytes, {
        readMmio: (offset, size) => transport.readBar(offset, size),
        writeMmio: (offset, size, value) => transport.writeBar(offset, size, value),
      }),
    });
    let msixAt = 0;
    let windowAt = 0;
    for (const { id, body, writable, role } of transport.capabilities) {
      const at = pci.addCapability(id, body) + BODY;
      for (const [i, mask] of writable.entries()) pci.allowWrites(at + i, 1, mask);
      if (role === 'msix') msixAt = at;
      if (role === 'window') windowAt = at;
    }
    const dataAt = windowAt + WINDOW_DATA;
    /** An access to the window's data is one to the BAR, at the place that the driver wrote beside it. */
    const isWindow = (offset: number) => offset >= dataAt && offset < dataAt + WINDOW_DATA_BYTES;
    const place = () =>
      [
        pci.configAt(windowAt + WINDOW_BAR, 1),
        pci.configAt(windowAt + WINDOW_OFFSET, 4),
        pci.configAt(windowAt + WINDOW_LENGTH, 4),
      ] as const;
    pci.onConfigRead = (offset) =>
      isWindow(offset) ? transport.readWindow(...place()) >>> (8 * (offset - dataAt)) : null;
    pci.onConfigWritten = (offset, size, value) => {
      if (offset <= msixAt + 1 && offset + size > msixAt)
        transport.writeMessageControl(pci.configAt(msixAt, 2));
      if (offset === dataAt && value !== null) transport.writeWindow(...place(), value);
    };
    return pci;
  };
}
