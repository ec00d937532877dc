// The channel transport, ours: docs/virtio-channel.md. The register page, in little-endian words, and how addresses are made of grants.

/** Driver: a number that differs from the one before, written after the words below. */
export const VIRTIO_CHANNEL_REQUEST = 0x00;
/** Driver: bytes to access (1, 2 or 4), and {@link VIRTIO_CHANNEL_ACCESS_WRITE}. */
export const VIRTIO_CHANNEL_ACCESS = 0x04;
/** Driver: where; registers are those of MMIO. */
export const VIRTIO_CHANNEL_OFFSET = 0x08;
/** Driver: what to write. */
export const VIRTIO_CHANNEL_VALUE = 0x0c;
/** Device: the request that it has done last. */
export const VIRTIO_CHANNEL_ANSWERED = 0x10;
/** Device: what was read. */
export const VIRTIO_CHANNEL_ANSWER = 0x14;
/** Device: counts changes of configuration space and of its need for a reset. */
export const VIRTIO_CHANNEL_CHANGES = 0x18;

export const VIRTIO_CHANNEL_ACCESS_WRITE = 0x100;

/** Bytes of the page that have a meaning. */
export const VIRTIO_CHANNEL_PAGE_BYTES = 0x1c;
/** Bytes of a granted page; no range goes over its end. */
export const VIRTIO_CHANNEL_GRANT_BYTES = 4096;
/** The descriptors of a ring of this size fill a page. */
export const VIRTIO_CHANNEL_MAX_QUEUE_SIZE = 256;

/** What a granted page's first byte is called in descriptors and registers. */
export const channelAddress = (ref: number): number => ref * VIRTIO_CHANNEL_GRANT_BYTES;
