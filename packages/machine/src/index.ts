// The package: what a program that builds a machine may use. Parts of it, which load faster, are in exports/.

export { ConfigError, checkMemoryBytes, MEMORY_MAX_BYTES, MEMORY_MIN_BYTES } from './config.js';
export {
  ControlError,
  type ControlMethod,
  type ControlMethods,
  type ControlStream,
} from './control-method.js';
export { type GuestSample, GuestSampler } from './guest-sampler.js';
export { CaptureFile } from './host/capture-file.js';
export { ControlClient } from './host/control-client.js';
export { controlFolder, machineNames } from './host/control-folder.js';
export { ControlServer, type ControlServerOptions } from './host/control-server.js';
export {
  backingPath,
  type DiskFormat,
  type DiskImageOptions,
  detectFormat,
  diskFormats,
  openBacking,
  openDiskImage,
  openImageFile,
} from './host/disk-image.js';
export { engineVersion } from './host/engine-version.js';
export { FileDisk, type FileDiskOptions } from './host/file-disk.js';
export { HostAlarm } from './host/host-alarm.js';
export { HostSockets } from './host/host-sockets.js';
export type { IdRange } from './host/id-map.js';
export { createDiskImage, fillNewImage, type NewImageOptions } from './host/make-image.js';
export { openOverlayFile } from './host/overlay-file.js';
export { encodePng } from './host/png-image.js';
export { hostRandomU32 } from './host/random.js';
export { hashOf } from './host/region-file.js';
export {
  defaultRegionFolder,
  listRegionFolder,
  MAX_FOLDER_BYTES,
  pruneRegionFolder,
  type RegionFileInfo,
} from './host/region-folder.js';
export { RegionStore, type RegionStoreOptions } from './host/region-store.js';
export { SharedFolder, type SharedFolderOptions } from './host/shared-folder.js';
export {
  type ConsoleInput,
  type ConsoleOutput,
  StdioConsole,
  type StdioConsoleOptions,
} from './host/stdio-console.js';
export {
  connectStreamNetwork,
  listenStreamNetwork,
  type StreamAddress,
  type StreamNetwork,
} from './host/stream-network.js';
export { VsockSockets } from './host/vsock-sockets.js';
export { WorkerCompiler } from './host/worker-compiler.js';
export { requiredCpuFeatures } from './loader/cpu-features.js';
export { type MemoryRegion, pcMemoryMap } from './loader/e820.js';
export { type ElfImage, parseElf } from './loader/elf.js';
export { elfNotes } from './loader/elf-note.js';
export { type ElfSymbol, elfSymbols } from './loader/elf-symbol.js';
export type { BootEntry, BootSegment, BootTable, LoadTarget } from './loader/entry.js';
export { type ImageKind, loadImage, sniffImage } from './loader/image.js';
export { unpackKernelPayload } from './loader/kernel-payload.js';
export { ImageError, type ImageErrorCode } from './loader/load-error.js';
export type {
  BootModule,
  BootProtocol,
  LoadedImage,
  LoadRequest,
  PlacedRange,
  RomImage,
} from './loader/load-request.js';
export { sniffPayload, unpackPayload } from './loader/payload.js';
export { parseSetupHeader, type SetupHeader } from './loader/setup-header.js';
export { Machine, type PcConfig } from './machine.js';
export type { MachineEnd } from './machine-end.js';
export type { MachineStatistics } from './machine-statistics.js';
export type { Alarm } from './network/alarmed-timers.js';
export { makeCable, makeLoopback } from './network/cable.js';
export { ipv4Text, parseIpv4Address } from './network/ipv4-address.js';
export {
  type EthernetFrame,
  type FrameReceiver,
  type LargeSegment,
  type MissingChecksum,
  type NetworkPort,
  plainFrame,
} from './network/network-port.js';
export { NetworkSwitch } from './network/network-switch.js';
export type {
  HostDatagrams,
  HostEndpoint,
  HostFailure,
  HostListener,
  HostNetwork,
  HostStream,
  HostStreamEvents,
  OnDatagram,
} from './network/user/host-network.js';
export { FIRST_GUEST } from './network/user/layout.js';
export type { PortForward } from './network/user/port-forward.js';
export type { UserNetworkStatistics } from './network/user/statistics.js';
export { UserNetwork, type UserNetworkOptions } from './network/user/user-network.js';
export { processLibrary } from './process-library.js';
export {
  type BlockBackend,
  BlockError,
  type BlockErrorKind,
  SECTOR_BYTES,
} from './storage/block-backend.js';
export type { ByteFile } from './storage/byte-file.js';
export { copyDisk } from './storage/copy-disk.js';
export { MemoryDisk, type MemoryDiskOptions } from './storage/memory-disk.js';
export { OverlayDisk, type OverlayDiskOptions } from './storage/overlay-disk.js';
export { checkQcow2, type Qcow2CheckResult } from './storage/qcow2/check.js';
export { createQcow2, type Qcow2CreateOptions } from './storage/qcow2/create.js';
export {
  type BackingName,
  type CompressionType,
  isQcow2,
  type Qcow2Header,
} from './storage/qcow2/header.js';
export { Qcow2Image } from './storage/qcow2/image.js';
export { Qcow2Disk, type Qcow2DiskOptions } from './storage/qcow2/qcow2-disk.js';
export { resizeQcow2 } from './storage/qcow2/resize.js';
export { repairRefcounts } from './storage/qcow2/rewrite.js';
export type { Qcow2Snapshot } from './storage/qcow2/snapshot-table.js';
export {
  applySnapshot,
  createSnapshot,
  deleteSnapshot,
  findSnapshot,
  type SnapshotWish,
  showSnapshot,
} from './storage/qcow2/snapshots.js';
export { RawDisk, type RawDiskOptions } from './storage/raw-disk.js';
export { BalloonControl, balloonMethods, type PcBalloon } from './virtio/balloon-control.js';
export type {
  PcDisk,
  PcNetwork,
  PcShare,
  PcVsock,
  ShareProtocol,
  VirtioTransport,
} from './virtio/pc-devices.js';
export { PcDisplay, type PcDisplayOptions } from './virtio/pc-display.js';
export { BackendHost, type BackendHostOptions } from './xen/backend-host.js';
export type { BackendStore } from './xen/backend-store.js';
export { Blkback, type BlkbackOptions } from './xen/block/blkback.js';
export { virtualDeviceNumber } from './xen/block/virtual-device.js';
export { type BuiltPv, buildPv, type PvRequest } from './xen/build/build-pv.js';
export { type BuiltPvh, buildPvh, type PvhRequest } from './xen/build/build-pvh.js';
export { type ExaminedImage, examineImage, type GuestType } from './xen/build/guest-types.js';
export type { PvImage } from './xen/build/pv-image.js';
export type { PvLayout } from './xen/build/pv-layout.js';
export type { PvStart } from './xen/build/pv-start.js';
export type { PvhLayout } from './xen/build/pvh-layout.js';
export type { ServiceRing } from './xen/build/service-ring.js';
export { openXenImage, type XenGuestType, type XenImage } from './xen/build/xen-image.js';
export {
  type DiskConfiguration,
  type DomainConfigFile,
  type DomainConfiguration,
  type InterfaceConfiguration,
  parseDomainConfig,
  readDomainConfig,
} from './xen/config/domain-config.js';
export { configJsonSchema } from './xen/config/domain-schema.js';
export { ConsoleRing, type ConsoleRingOptions } from './xen/console/console-ring.js';
export { XenDomain, type XenDomainConfig, type XenPlace } from './xen/guest/xen-domain.js';
export {
  type DomainWish,
  type EndAction,
  XenDomains,
  type XenDomainsConfig,
} from './xen/guest/xen-domains.js';
export { XenGuest, type XenGuestConfig } from './xen/guest/xen-guest.js';
export type { GuestDisk, GuestNetwork } from './xen/guest/xen-host.js';
export { XenMachine, type XenMachineConfig } from './xen/guest/xen-machine.js';
export { logMethods, MessageLog } from './xen/message-log.js';
export { Netback, type NetbackOptions } from './xen/net/netback.js';
export type { EventPort, SharedPage } from './xen/shared-page.js';
export type { Store, StoreObserver, StoreOptions } from './xen/store/store.js';
export { StoreClient, StoreNodes, StoreTransaction } from './xen/store/store-client.js';
export { type StoreErrno, StoreError } from './xen/store/store-error.js';
export { defaultStoreLimits, type StoreLimits } from './xen/store/store-limits.js';
export { StoreRing } from './xen/store/store-ring.js';
export { StoreService } from './xen/store/store-service.js';
export { storeTrace } from './xen/store/store-trace.js';
export { type StoreEntry, storeMethods } from './xen/store-methods.js';
export { addConsole } from './xen/toolstack/console-entry.js';
export {
  addDevice,
  backendPath,
  type DeviceName,
  type DeviceValueSets,
  type DeviceValues,
  frontendPath,
  removeDevice,
} from './xen/toolstack/device-pair.js';
export { addDisk, type DiskEntry, diskDevice } from './xen/toolstack/disk-entry.js';
export {
  type DomainEntries,
  type GuestRing,
  removeDomainHome,
  writeDomainHome,
} from './xen/toolstack/domain-home.js';
export { addNetwork, type NetworkEntry } from './xen/toolstack/network-entry.js';
export { AskedCall, type DecodedCall } from './xen/trace/hypercall-arguments.js';
export {
  HypercallTrace,
  type HypercallTraceOptions,
  type TracedCall,
} from './xen/trace/hypercall-trace.js';
export {
  XenbusBackend,
  type XenbusBackendOptions,
  type XenbusDevice,
} from './xen/xenbus/xenbus-backend.js';
