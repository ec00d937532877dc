// What a guest says of its memory in the statistics queue. VIRTIO 1.2 §5.5.6.4.
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import * as B from '../spec/balloon.js';

/** What the guest said; it need not say everything, and nobody checks it. Events are counted since it started. */
export interface BalloonStatistics {
  swappedInBytes?: number;
  swappedOutBytes?: number;
  majorFaults?: number;
  minorFaults?: number;
  /** Not used for anything. */
  freeBytes?: number;
  totalBytes?: number;
  /** That programs could get without swapping. */
  availableBytes?: number;
  /** Of files, which could go. */
  cacheBytes?: number;
  hugePagesAllocated?: number;
  hugePagesFailed?: number;
}

const NAMES: Readonly<Record<number, keyof BalloonStatistics>> = {
  [B.VIRTIO_BALLOON_S_SWAP_IN]: 'swappedInBytes',
  [B.VIRTIO_BALLOON_S_SWAP_OUT]: 'swappedOutBytes',
  [B.VIRTIO_BALLOON_S_MAJFLT]: 'majorFaults',
  [B.VIRTIO_BALLOON_S_MINFLT]: 'minorFaults',
  [B.VIRTIO_BALLOON_S_MEMFREE]: 'freeBytes',
  [B.VIRTIO_BALLOON_S_MEMTOT]: 'totalBytes',
  [B.VIRTIO_BALLOON_S_AVAIL]: 'availableBytes',
  [B.VIRTIO_BALLOON_S_CACHES]: 'cacheBytes',
  [B.VIRTIO_BALLOON_S_HTLB_PGALLOC]: 'hugePagesAllocated',
  [B.VIRTIO_BALLOON_S_HTLB_PGFAIL]: 'hugePagesFailed',
};
/** More than there are; the rest of a buffer is not looked at. */
const MAX_STATISTICS = 64;

/** Reads a buffer of the statistics queue; tags that are not known are left out. */
export function readStatistics(chain: DescriptorChain): BalloonStatistics {
  const bytes = new Uint8Array(MAX_STATISTICS * B.BALLOON_STAT_BYTES);
  const byteLength = chain.read(0, bytes);
  const view = new DataView(bytes.buffer);
  const statistics: BalloonStatistics = {};
  for (let at = 0; at + B.BALLOON_STAT_BYTES <= byteLength; at += B.BALLOON_STAT_BYTES) {
    const name = NAMES[view.getUint16(at, true)];
    if (name !== undefined) statistics[name] = Number(view.getBigUint64(at + 2, true));
  }
  return statistics;
}
