// A disk's entries in the store (kind vbd), and the numbers that disks have. io/blkif.h, docs/man/xen-vbd-interface.7.
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

/** The number of a disk by its name: `xvda`, `xvdb3`, `sda`, `hda`; null for what is no such name. docs/man/xen-vbd-interface.7. */
export function diskNumber(name: string): number | null {
  const [, prefix, letters, digits] = /^(xvd|sd|hd)([a-z]{1,3})(\d{0,3})$/.exec(name) ?? [];
  if (prefix === undefined || letters === undefined) return null;
  let disk = 0;
  for (const letter of letters) disk = disk * 26 + (letter.charCodeAt(0) - 96);
  disk -= 1;
  const partition = digits === '' ? 0 : Number(digits);
  if (digits?.startsWith('0')) return null;
  if (prefix === 'xvd') {
    if (disk < 16 && partition < 16) return (202 << 8) | (disk << 4) | partition;
    if (disk < 1 << 20 && partition < 256) return (1 << 28) | (disk << 8) | partition;
    return null;
  }
  if (prefix === 'sd') {
    if (disk < 16 && partition < 16) return (8 << 8) | (disk << 4) | partition;
    return null;
  }
  const major = disk < 2 ? 3 : 22;
  return disk < 4 && partition < 64 ? (major << 8) | ((disk & 1) << 6) | partition : null;
}

/** Makes the pair of a block device. */
export function addDisk(client: StoreClient, disk: DiskEntry): void {
  const type = disk.isCdrom === true ? 'cdrom' : 'disk';
  addDevice(client, diskDevice(disk), {
    front: { 'virtual-device': disk.id, 'device-type': type, trusted: 1 },
    back: {
      params: disk.parameters,
      removable: disk.isRemovable === true ? 1 : 0,
      bootable: 1,
      dev: disk.name,
      type: 'phy',
      mode: disk.isReadOnly ? 'r' : 'w',
      'device-type': type,
      'discard-enable': disk.isReadOnly ? 0 : 1,
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
