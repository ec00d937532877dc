// Guests of Xen and their services, without what all machines are made of (exports/pc), and without configuration files.
export { BackendHost, type BackendHostOptions } from '../../xen/backend-host.js';
export type { BackendStore } from '../../xen/backend-store.js';
export { Blkback, type BlkbackOptions } from '../../xen/block/blkback.js';
export { virtualDeviceNumber } from '../../xen/block/virtual-device.js';
export { type BuiltPv, buildPv, type PvRequest } from '../../xen/build/build-pv.js';
export { type BuiltPvh, buildPvh, type PvhRequest } from '../../xen/build/build-pvh.js';
export { type ExaminedImage, examineImage, type GuestType } from '../../xen/build/guest-types.js';
export type { PvImage } from '../../xen/build/pv-image.js';
export type { PvLayout } from '../../xen/build/pv-layout.js';
export type { PvStart } from '../../xen/build/pv-start.js';
export type { PvhLayout } from '../../xen/build/pvh-layout.js';
export type { ServiceRing } from '../../xen/build/service-ring.js';
export { openXenImage, type XenGuestType, type XenImage } from '../../xen/build/xen-image.js';
export { ConsoleRing, type ConsoleRingOptions } from '../../xen/console/console-ring.js';
export { XenDomain, type XenDomainConfig, type XenPlace } from '../../xen/guest/xen-domain.js';
export {
  type DomainWish,
  type EndAction,
  XenDomains,
  type XenDomainsConfig,
} from '../../xen/guest/xen-domains.js';
export { XenGuest, type XenGuestConfig } from '../../xen/guest/xen-guest.js';
export type { GuestDisk, GuestNetwork } from '../../xen/guest/xen-host.js';
export { XenMachine, type XenMachineConfig } from '../../xen/guest/xen-machine.js';
export { logMethods, MessageLog } from '../../xen/message-log.js';
export { Netback, type NetbackOptions } from '../../xen/net/netback.js';
export type { EventPort, SharedPage } from '../../xen/shared-page.js';
export type { Store, StoreObserver, StoreOptions } from '../../xen/store/store.js';
export { StoreClient, StoreNodes, StoreTransaction } from '../../xen/store/store-client.js';
export { type StoreErrno, StoreError } from '../../xen/store/store-error.js';
export { defaultStoreLimits, type StoreLimits } from '../../xen/store/store-limits.js';
export { StoreRing } from '../../xen/store/store-ring.js';
export { StoreService } from '../../xen/store/store-service.js';
export { storeTrace } from '../../xen/store/store-trace.js';
export { type StoreEntry, storeMethods } from '../../xen/store-methods.js';
export { addConsole } from '../../xen/toolstack/console-entry.js';
export {
  addDevice,
  backendPath,
  type DeviceName,
  type DeviceValueSets,
  type DeviceValues,
  frontendPath,
  removeDevice,
} from '../../xen/toolstack/device-pair.js';
export { addDisk, type DiskEntry, diskDevice } from '../../xen/toolstack/disk-entry.js';
export {
  type DomainEntries,
  type GuestRing,
  removeDomainHome,
  writeDomainHome,
} from '../../xen/toolstack/domain-home.js';
export { addNetwork, type NetworkEntry } from '../../xen/toolstack/network-entry.js';
export { AskedCall, type DecodedCall } from '../../xen/trace/hypercall-arguments.js';
export {
  HypercallTrace,
  type HypercallTraceOptions,
  type TracedCall,
} from '../../xen/trace/hypercall-trace.js';
export {
  XenbusBackend,
  type XenbusBackendOptions,
  type XenbusDevice,
} from '../../xen/xenbus/xenbus-backend.js';
