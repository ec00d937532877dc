// The public names of @proxeny/virtio: the device's side. The driver's side is @proxeny/virtio/driver.
export {
  BalloonDevice,
  type BalloonDeviceOptions,
  type BalloonDeviceState,
} from './balloon/balloon-device.js';
export type { BalloonStatistics } from './balloon/balloon-statistics.js';
export type { BlkBackend } from './blk/blk-backend.js';
export { BlkDevice, type BlkDeviceOptions, type BlkDeviceState } from './blk/blk-device.js';
export {
  ConsoleDevice,
  type ConsoleDeviceOptions,
  type ConsoleDeviceState,
  type ConsolePortOptions,
} from './console/console-device.js';
export {
  DeviceControl,
  type DeviceControlOptions,
  type InterruptSink,
} from './device/device-control.js';
export type { DeviceControlState } from './device/device-control-state.js';
export type { AccessSize, DriverConnection, VirtioDevice } from './device/virtio-device.js';
export {
  type DirectoryEntry,
  type FileAttributes,
  type FileChanges,
  FileError,
  type FileNode,
  type FileOwner,
  type FileSystem,
  type FileVolume,
  type OpenFile,
} from './files/file-system.js';
export type { MessageDeviceState, MessageServer } from './files/message-device.js';
export { FsDevice, type FsDeviceOptions } from './fs/fs-device.js';
export { FuseServer } from './fs/fuse-server.js';
export { GpuDevice, type GpuDeviceOptions, type GpuDeviceState } from './gpu/gpu-device.js';
export type { Picture } from './gpu/scanout.js';
export {
  InputDevice,
  type InputDeviceOptions,
  type InputDeviceState,
  type InputEvent,
} from './input/input-device.js';
export { keyCodes } from './input/key-codes.js';
export { Keyboard, type KeyboardOptions } from './input/keyboard.js';
export {
  NetDevice,
  type NetDeviceOptions,
  type NetDeviceState,
  type NetStatistics,
} from './net/net-device.js';
export type { FrameFinisher, NetFrame, NetOffloads, NetPort } from './net/net-port.js';
export { P9Device, type P9DeviceOptions } from './p9/p9-device.js';
export { P9Server } from './p9/p9-server.js';
export { DescriptorChain } from './queue/descriptor-chain.js';
export type { DeviceMemory } from './queue/device-memory.js';
export { openVirtqueue } from './queue/open-virtqueue.js';
export { Virtqueue, type VirtqueueOptions, type VirtqueueState } from './queue/virtqueue.js';
export { RngDevice, type RngDeviceOptions, type RngDeviceState } from './rng/rng-device.js';
export {
  VIRTIO_CHANNEL_GRANT_BYTES,
  VIRTIO_CHANNEL_MAX_QUEUE_SIZE,
} from './spec/channel.js';
export { EFBIG, EINVAL, EIO, ENFILE, EOPNOTSUPP, EROFS, ESTALE } from './spec/errno.js';
export {
  featureMask,
  hasFeature,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from './spec/feature.js';
export { fileKindOf, S_IFLNK, S_IFREG } from './spec/file-mode.js';
export {
  ChannelTransport,
  type ChannelTransportOptions,
  type ChannelTransportState,
} from './transport/channel.js';
export {
  MmioTransport,
  type MmioTransportOptions,
  type MmioTransportState,
} from './transport/mmio.js';
export type { MessageSender } from './transport/msix.js';
export {
  type PciFunctionIdentity,
  PciTransport,
  type PciTransportOptions,
  type PciTransportState,
} from './transport/pci.js';
export type { PciCapability, PciCapabilityRole } from './transport/pci-capability.js';
export {
  VsockDevice,
  type VsockDeviceOptions,
  type VsockDeviceState,
} from './vsock/vsock-device.js';
export type {
  VsockHost,
  VsockReceiver,
  VsockRequest,
  VsockStream,
  VsockStreamEvents,
} from './vsock/vsock-host.js';
