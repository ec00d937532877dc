// BlkRequest: what a driver asks of a block device, parsed from its buffer and checked. VIRTIO 1.2 §5.2.6. Nothing is done here.
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import * as B from '../spec/blk.js';
import type { BlkBackend } from './blk-backend.js';
import { MAX_RANGE_SECTORS, MAX_RANGES } from './blk-config.js';

const TWO_32 = 4294967296;

/** Sectors to discard or to zero. */
export interface SectorRange {
  readonly sector: number;
  readonly count: number;
}

/** A request that can be done, or the status to answer it with. */
export type BlkRequest =
  | { readonly kind: 'read'; readonly sector: number; readonly byteLength: number }
  | { readonly kind: 'write'; readonly sector: number; readonly byteLength: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'id' }
  | { readonly kind: 'discard'; readonly ranges: readonly SectorRange[] }
  | { readonly kind: 'zeroes'; readonly ranges: readonly SectorRange[] }
  | { readonly kind: 'refused'; readonly status: number };

const refused = (status: number): BlkRequest => ({ kind: 'refused', status });
const ioError = refused(B.VIRTIO_BLK_S_IOERR);
const unsupported = refused(B.VIRTIO_BLK_S_UNSUPP);

const header = new Uint8Array(B.VIRTIO_BLK_HEADER_BYTES);
const headerView = new DataView(header.buffer);
const rangeBytes = new Uint8Array(B.VIRTIO_BLK_RANGE_BYTES * MAX_RANGES);
const rangeView = new DataView(rangeBytes.buffer);

/** @param chain has room for header and status */
export function parseBlkRequest(chain: DescriptorChain, disk: BlkBackend): BlkRequest {
  chain.read(0, header);
  const type = headerView.getUint32(0, true);
  // 2^53 or more is rounded, and beyond every disk.
  const sector = headerView.getUint32(12, true) * TWO_32 + headerView.getUint32(8, true);
  switch (type) {
    case B.VIRTIO_BLK_T_IN: {
      const byteLength = chain.writableBytes - 1;
      return isOnDisk(disk, sector, byteLength) ? { kind: 'read', sector, byteLength } : ioError;
    }
    case B.VIRTIO_BLK_T_OUT: {
      const byteLength = chain.readableBytes - B.VIRTIO_BLK_HEADER_BYTES;
      if (disk.isReadOnly || !isOnDisk(disk, sector, byteLength)) return ioError;
      return { kind: 'write', sector, byteLength };
    }
    case B.VIRTIO_BLK_T_FLUSH:
      return { kind: 'flush' };
    case B.VIRTIO_BLK_T_GET_ID:
      return chain.writableBytes > B.VIRTIO_BLK_ID_BYTES ? { kind: 'id' } : ioError;
    case B.VIRTIO_BLK_T_DISCARD:
      return parseRanges(chain, disk, 'discard', 0);
    case B.VIRTIO_BLK_T_WRITE_ZEROES:
      return parseRanges(chain, disk, 'zeroes', B.VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
    default:
      return unsupported;
  }
}

function isOnDisk(disk: BlkBackend, sector: number, byteLength: number): boolean {
  const count = byteLength / B.VIRTIO_BLK_SECTOR_BYTES;
  return Number.isInteger(count) && sector + count <= disk.sectorCount;
}

/** The ranges of a request that changes whole ranges; flags beyond `knownFlags` are not supported. */
function parseRanges(
  chain: DescriptorChain,
  disk: BlkBackend,
  kind: 'discard' | 'zeroes',
  knownFlags: number,
): BlkRequest {
  if (disk.isReadOnly) return ioError;
  const byteLength = chain.readableBytes - B.VIRTIO_BLK_HEADER_BYTES;
  const count = byteLength / B.VIRTIO_BLK_RANGE_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > MAX_RANGES) return ioError;
  chain.read(B.VIRTIO_BLK_HEADER_BYTES, rangeBytes);
  const ranges: SectorRange[] = [];
  for (let at = 0; at < byteLength; at += B.VIRTIO_BLK_RANGE_BYTES) {
    const sector = rangeView.getUint32(at + 4, true) * TWO_32 + rangeView.getUint32(at, true);
    const sectors = rangeView.getUint32(at + 8, true);
    if (rangeView.getUint32(at + 12, true) & ~knownFlags) return unsupported;
    if (sectors > MAX_RANGE_SECTORS || sector + sectors > disk.sectorCount) return ioError;
    ranges.push({ sector, count: sectors });
  }
  return { kind, ranges };
}
