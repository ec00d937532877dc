// The entropy device (VIRTIO 1.2 §5.4).
export const VIRTIO_ID_RNG = 4;
