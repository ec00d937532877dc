// The device status field (VIRTIO 1.2 §2.1).
export const VIRTIO_CONFIG_S_ACKNOWLEDGE = 1;
export const VIRTIO_CONFIG_S_DRIVER = 2;
export const VIRTIO_CONFIG_S_DRIVER_OK = 4;
export const VIRTIO_CONFIG_S_FEATURES_OK = 8;
/** The device cannot go on until it is reset. */
export const VIRTIO_CONFIG_S_NEEDS_RESET = 64;
