// What a block device says of itself: features and configuration space (VIRTIO 1.2 §5.2.3, §5.2.4).
import * as B from '../spec/blk.js';
import { featureMask } from '../spec/feature.js';
import type { BlkBackend } from './blk-backend.js';

/** Most sectors of one range to discard or to zero: 2 GiB. */
export const MAX_RANGE_SECTORS = 0x40_0000;
/** Most ranges of one such request. */
export const MAX_RANGES = 16;
/** A driver puts request header and status beside the data. */
const HEADER_AND_STATUS = 2;

const mask = (bits: readonly number[]): bigint =>
  bits.reduce((all, bit) => all | featureMask(bit), 0n);

export function blkFeatures(disk: BlkBackend, queueCount: number): bigint {
  const { isReadOnly } = disk;
  return mask([
    ...[B.VIRTIO_BLK_F_SEG_MAX, B.VIRTIO_BLK_F_BLK_SIZE, B.VIRTIO_BLK_F_TOPOLOGY],
    ...[B.VIRTIO_BLK_F_FLUSH, B.VIRTIO_BLK_F_CONFIG_WCE],
    ...(queueCount > 1 ? [B.VIRTIO_BLK_F_MQ] : []),
    ...(isReadOnly ? [B.VIRTIO_BLK_F_RO] : [B.VIRTIO_BLK_F_DISCARD, B.VIRTIO_BLK_F_WRITE_ZEROES]),
  ]);
}

/** Configuration space as it is after a reset: with a write cache. */
export function blkConfig(disk: BlkBackend, queueCount: number, queueSize: number): DataView {
  const config = new DataView(new ArrayBuffer(B.BLK_CONFIG_BYTES));
  const { sectorCount, blockBytes } = disk;
  const blockSectors = blockBytes / B.VIRTIO_BLK_SECTOR_BYTES;
  config.setBigUint64(B.BLK_CONFIG_CAPACITY, BigInt(sectorCount), true);
  config.setUint32(B.BLK_CONFIG_SEG_MAX, Math.max(1, queueSize - HEADER_AND_STATUS), true);
  config.setUint32(B.BLK_CONFIG_BLK_SIZE, B.VIRTIO_BLK_SECTOR_BYTES, true);
  config.setUint8(B.BLK_CONFIG_PHYSICAL_BLOCK_EXP, Math.log2(blockSectors));
  config.setUint16(B.BLK_CONFIG_MIN_IO_SIZE, blockSectors, true);
  config.setUint8(B.BLK_CONFIG_WRITEBACK, 1);
  config.setUint16(B.BLK_CONFIG_NUM_QUEUES, queueCount, true);
  config.setUint32(B.BLK_CONFIG_MAX_DISCARD_SECTORS, MAX_RANGE_SECTORS, true);
  config.setUint32(B.BLK_CONFIG_MAX_DISCARD_SEG, MAX_RANGES, true);
  config.setUint32(B.BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT, blockSectors, true);
  config.setUint32(B.BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS, MAX_RANGE_SECTORS, true);
  config.setUint32(B.BLK_CONFIG_MAX_WRITE_ZEROES_SEG, MAX_RANGES, true);
  config.setUint8(B.BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP, 1);
  return config;
}
