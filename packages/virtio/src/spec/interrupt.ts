// What an interrupt says, in the MMIO transport's InterruptStatus and in the PCI transport's ISR (VIRTIO 1.2 §4.2.2, §4.1.4.5).
export const VIRTIO_INTERRUPT_QUEUE = 1;
export const VIRTIO_INTERRUPT_CONFIG = 2;
