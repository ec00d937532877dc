// virtioMmio: a virtio device as registers in memory, for a PC without such cards on its PCI bus.
import { MmioTransport, type MmioTransportOptions } from '@proxeny/virtio';
import type { MmioCard } from '../pc/mmio-card.js';

export interface VirtioMmioOptions extends Omit<MmioTransportOptions, 'interrupt'> {
  readonly name: string;
}

export function virtioMmio({ name, ...options }: VirtioMmioOptions): MmioCard {
  return (interrupt) => ({ name, device: new MmioTransport({ ...options, interrupt }) });
}
