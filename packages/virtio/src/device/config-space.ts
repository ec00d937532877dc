// Configuration space that is a block of bytes.
import type { AccessSize } from './virtio-device.js';

/** Reads it as VirtioDevice.readConfig does; wholly inside. */
export function readConfigSpace(config: DataView, offset: number, size: AccessSize): number {
  if (size === 1) return config.getUint8(offset);
  return size === 2 ? config.getUint16(offset, true) : config.getUint32(offset, true);
}
