// The file system device: VIRTIO 1.2 §5.11.
export const VIRTIO_ID_FS = 26;

/** Configuration space: the tag, in UTF-8, filled up with NUL; then the number of request queues. */
export const VIRTIO_FS_TAG_BYTES = 36;
export const VIRTIO_FS_NUM_REQUEST_QUEUES = 36;
export const VIRTIO_FS_CONFIG_BYTES = 40;
