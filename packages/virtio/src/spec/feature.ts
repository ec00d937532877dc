// Feature bits of rings and transports (VIRTIO 1.2 §6); each device's own bits stand with the device's numbers. As bit numbers.

/** §2.7.5.3: a descriptor may name a table of descriptors. */
export const VIRTIO_F_INDIRECT_DESC = 28;
/** §2.7.7, §2.7.10, §2.8.14: both sides say at which index they want to hear. */
export const VIRTIO_F_EVENT_IDX = 29;
/** The driver knows version 1 of the specification; without it, it is a legacy driver. */
export const VIRTIO_F_VERSION_1 = 32;
/** §2.8: packed virtqueues. */
export const VIRTIO_F_RING_PACKED = 34;
/** §6: buffers are used in the order in which they were made available. */
export const VIRTIO_F_IN_ORDER = 35;
/** §2.6.1: a queue can be reset alone. */
export const VIRTIO_F_RING_RESET = 40;

/** The bit as a mask. */
export const featureMask = (bit: number): bigint => 1n << BigInt(bit);

/** Whether `features` has `bit`. */
export const hasFeature = (features: bigint, bit: number): boolean =>
  (features & featureMask(bit)) !== 0n;
