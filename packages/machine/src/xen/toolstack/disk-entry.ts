// A disk's entries in the store (kind vbd). io/blkif.h.
import { XenbusStateInitialising } from '@proxeny/abi';
import type { StoreClient } from '../store/store-client.js';
import { addDevice, type DeviceName } from './device-pair.js';

/** A disk as a guest sees it. */
export interface DiskEntry {
  readonly domain: number;
  /** Its number: 51712 is xvda. */
  readonly id: number;
  /** `xvda`. */
  readonly name: string;
  /** What the back-end opens; it alone reads it. */
  readonly parameters: string;
  readonly isReadOnly: boolean;
  readonly isRemovable?: boolean;
  readonly isCdrom?: boolean;
  readonly backend?: number;
}

/** Makes the pair of a block device. */
export function addDisk(client: StoreClient, disk: DiskEntry): void {
  const type = disk.isCdrom === true ? 'cdrom' : 'disk';
  addDevice(client, diskDevice(disk), {
    front: { 'virtual-device': disk.id, 'device-type': type, trusted: 1 },
    back: {
      params: disk.parameters,
      'frontend-id': disk.domain,
      online: 1,
      removable: disk.isRemovable === true ? 1 : 0,
      bootable: 1,
      state: XenbusStateInitialising,
      dev: disk.name,
      type: 'phy',
      mode: disk.isReadOnly ? 'r' : 'w',
      'device-type': type,
      'discard-enable': disk.isReadOnly ? 0 : 1,
      specification: 'xen',
    },
  });
}

export function diskDevice({
  domain,
  id,
  backend = 0,
}: Pick<DiskEntry, 'domain' | 'id' | 'backend'>): DeviceName {
  return { kind: 'vbd', domain, id, backend };
}
