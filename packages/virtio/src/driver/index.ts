// The package's /driver: the driver's side of virtqueues, and the numbers drivers need to set them up.
export {
  channelAddress,
  VIRTIO_CHANNEL_ACCESS,
  VIRTIO_CHANNEL_ACCESS_WRITE,
  VIRTIO_CHANNEL_ANSWER,
  VIRTIO_CHANNEL_ANSWERED,
  VIRTIO_CHANNEL_CHANGES,
  VIRTIO_CHANNEL_GRANT_BYTES,
  VIRTIO_CHANNEL_OFFSET,
  VIRTIO_CHANNEL_REQUEST,
  VIRTIO_CHANNEL_VALUE,
} from '../spec/channel.js';
export {
  featureMask,
  hasFeature,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from '../spec/feature.js';
export {
  VIRTIO_MMIO_CONFIG,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DEVICE_ID,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NUM,
  VIRTIO_MMIO_QUEUE_NUM_MAX,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_RESET,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_STATUS,
} from '../spec/mmio.js';
export {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
} from '../spec/status.js';
export {
  type DriverBuffer,
  type DriverQueue,
  type DriverQueueOptions,
  type IndirectTables,
  placeQueue,
  type UsedBuffer,
} from './driver-queue.js';
export { PackedDriverQueue } from './packed-driver-queue.js';
export { SplitDriverQueue } from './split-driver-queue.js';
