// PCs, and what machines of all kinds are made of: a program that needs no more starts sooner with it than with the whole package.
export { ConfigError, checkMemoryBytes, MEMORY_MAX_BYTES, MEMORY_MIN_BYTES } from '../../config.js';
export {
  ControlError,
  type ControlMethod,
  type ControlMethods,
  type ControlStream,
} from '../../control-method.js';
export { type GuestSample, GuestSampler } from '../../guest-sampler.js';
export { CaptureFile } from '../../host/capture-file.js';
export { ControlClient } from '../../host/control-client.js';
export { controlFolder, machineNames } from '../../host/control-folder.js';
export { ControlServer, type ControlServerOptions } from '../../host/control-server.js';
export {
  backingPath,
  type DiskFormat,
  type DiskImageOptions,
  detectFormat,
  diskFormats,
  openBacking,
  openDiskImage,
  openImageFile,
} from '../../host/disk-image.js';
export { engineVersion } from '../../host/engine-version.js';
export { FileDisk, type FileDiskOptions } from '../../host/file-disk.js';
export { HostAlarm } from '../../host/host-alarm.js';
export { HostSockets } from '../../host/host-sockets.js';
export type { IdRange } from '../../host/id-map.js';
export { createDiskImage, fillNewImage, type NewImageOptions } from '../../host/make-image.js';
export { openOverlayFile } from '../../host/overlay-file.js';
export { encodePng } from '../../host/png-image.js';
export { hostRandomU32 } from '../../host/random.js';
export { hashOf } from '../../host/region-file.js';
export {
  defaultRegionFolder,
  listRegionFolder,
  MAX_FOLDER_BYTES,
  pruneRegionFolder,
  type RegionFileInfo,
} from '../../host/region-folder.js';
export { RegionStore, type RegionStoreOptions } from '../../host/region-store.js';
export { SharedFolder, type SharedFolderOptions } from '../../host/shared-folder.js';
export {
  type ConsoleInput,
  type ConsoleOutput,
  StdioConsole,
  type StdioConsoleOptions,
} from '../../host/stdio-console.js';
export {
  connectStreamNetwork,
  listenStreamNetwork,
  type StreamAddress,
  type StreamNetwork,
} from '../../host/stream-network.js';
export { VsockSockets } from '../../host/vsock-sockets.js';
export { WorkerCompiler } from '../../host/worker-compiler.js';
export { requiredCpuFeatures } from '../../loader/cpu-features.js';
export { type MemoryRegion, pcMemoryMap } from '../../loader/e820.js';
export { type ElfImage, parseElf } from '../../loader/elf.js';
export { elfNotes } from '../../loader/elf-note.js';
export { type ElfSymbol, elfSymbols } from '../../loader/elf-symbol.js';
export type { BootEntry, BootSegment, BootTable, LoadTarget } from '../../loader/entry.js';
export { type ImageKind, loadImage, sniffImage } from '../../loader/image.js';
export { unpackKernelPayload } from '../../loader/kernel-payload.js';
export { ImageError, type ImageErrorCode } from '../../loader/load-error.js';
export type {
  BootModule,
  BootProtocol,
  LoadedImage,
  LoadRequest,
  PlacedRange,
  RomImage,
} from '../../loader/load-request.js';
export { sniffPayload, unpackPayload } from '../../loader/payload.js';
export { parseSetupHeader, type SetupHeader } from '../../loader/setup-header.js';
export { Machine, type PcConfig } from '../../machine.js';
export type { MachineEnd } from '../../machine-end.js';
export type { MachineStatistics } from '../../machine-statistics.js';
export type { Alarm } from '../../network/alarmed-timers.js';
export { makeCable, makeLoopback } from '../../network/cable.js';
export { ipv4Text, parseIpv4Address } from '../../network/ipv4-address.js';
export {
  type EthernetFrame,
  type FrameReceiver,
  type LargeSegment,
  type MissingChecksum,
  type NetworkPort,
  plainFrame,
} from '../../network/network-port.js';
export { NetworkSwitch } from '../../network/network-switch.js';
export type {
  HostDatagrams,
  HostEndpoint,
  HostFailure,
  HostListener,
  HostNetwork,
  HostStream,
  HostStreamEvents,
  OnDatagram,
} from '../../network/user/host-network.js';
export { FIRST_GUEST } from '../../network/user/layout.js';
export type { PortForward } from '../../network/user/port-forward.js';
export type { UserNetworkStatistics } from '../../network/user/statistics.js';
export { UserNetwork, type UserNetworkOptions } from '../../network/user/user-network.js';
export { processLibrary } from '../../process-library.js';
export {
  type BlockBackend,
  BlockError,
  type BlockErrorKind,
  SECTOR_BYTES,
} from '../../storage/block-backend.js';
export type { ByteFile } from '../../storage/byte-file.js';
export { copyDisk } from '../../storage/copy-disk.js';
export { MemoryDisk, type MemoryDiskOptions } from '../../storage/memory-disk.js';
export { OverlayDisk, type OverlayDiskOptions } from '../../storage/overlay-disk.js';
export { checkQcow2, type Qcow2CheckResult } from '../../storage/qcow2/check.js';
export { createQcow2, type Qcow2CreateOptions } from '../../storage/qcow2/create.js';
export {
  type BackingName,
  type CompressionType,
  isQcow2,
  type Qcow2Header,
} from '../../storage/qcow2/header.js';
export { Qcow2Image } from '../../storage/qcow2/image.js';
export { Qcow2Disk, type Qcow2DiskOptions } from '../../storage/qcow2/qcow2-disk.js';
export { resizeQcow2 } from '../../storage/qcow2/resize.js';
export { repairRefcounts } from '../../storage/qcow2/rewrite.js';
export type { Qcow2Snapshot } from '../../storage/qcow2/snapshot-table.js';
export {
  applySnapshot,
  createSnapshot,
  deleteSnapshot,
  findSnapshot,
  type SnapshotWish,
  showSnapshot,
} from '../../storage/qcow2/snapshots.js';
export { RawDisk, type RawDiskOptions } from '../../storage/raw-disk.js';
export { BalloonControl, balloonMethods, type PcBalloon } from '../../virtio/balloon-control.js';
export type {
  PcDisk,
  PcNetwork,
  PcShare,
  PcVsock,
  ShareProtocol,
  VirtioTransport,
} from '../../virtio/pc-devices.js';
export { PcDisplay, type PcDisplayOptions } from '../../virtio/pc-display.js';
