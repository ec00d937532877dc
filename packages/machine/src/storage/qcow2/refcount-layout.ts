// All counts of an image at once, written to free clusters: blocks for the ranges that have any, and a table.
import { BlockError } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';
import type { HeaderChange, Qcow2Header } from './header.js';
import { ENTRY_BYTES, MAX_REFCOUNT_TABLE_BYTES } from './layout.js';
import { countersPerBlock, maxRefcount, RefcountBlock } from './refcount-block.js';
import type { ReferenceCounts } from './reference-counts.js';
import { EntryTable } from './table-entry.js';

/** Where it is written. */
export interface RefcountTarget {
  readonly file: ByteFile;
  readonly header: Pick<Qcow2Header, 'clusterBits' | 'refcountOrder'>;
}

/**
 * Writes the counts, and takes clusters for that, which are counted too.
 * @param old what must not be overwritten
 * @returns what the header has to say
 */
export async function storeRefcounts(
  { file, header }: RefcountTarget,
  counts: ReferenceCounts,
  old: ReferenceCounts,
): Promise<HeaderChange> {
  const { clusterBits, refcountOrder } = header;
  const clusterBytes = 2 ** clusterBits;
  const perBlock = countersPerBlock(clusterBits, refcountOrder);
  const places: Map<number, number> = new Map();
  const perCluster = clusterBytes / ENTRY_BYTES;
  let tableClusters = 1;
  let table = counts.take(1, old);
  for (;;) {
    placeBlocks(places, perBlock, counts, old);
    const needed = Math.ceil(Math.ceil(counts.usedClusters / perBlock) / perCluster);
    if (needed <= tableClusters) break;
    for (let i = 0; i < tableClusters; i++) counts.change(table + i, -1);
    // A little more, because it may itself need a block more.
    tableClusters = Math.ceil(needed * 1.25);
    table = counts.take(tableClusters, old);
  }
  if (tableClusters * clusterBytes > MAX_REFCOUNT_TABLE_BYTES) {
    throw new BlockError(
      'no-space',
      `${file.name}: the image can grow no more: convert it to one with larger clusters`,
    );
  }
  const entries = new EntryTable(new Uint8Array(tableClusters * clusterBytes));
  for (const [index, cluster] of places) {
    const bytes = new Uint8Array(clusterBytes);
    const block = new RefcountBlock(cluster * clusterBytes, bytes, refcountOrder);
    const most = maxRefcount(refcountOrder);
    for (let i = 0; i < perBlock; i++) {
      const count = counts.get(index * perBlock + i);
      if (count > most) throw tooMany(most);
      if (count > 0) block.set(i, count);
    }
    await file.write(block.offset, bytes);
    entries.set(index, block.offset, false);
  }
  await file.write(table * clusterBytes, entries.bytes);
  return { refcountTableOffset: table * clusterBytes, refcountTableClusters: tableClusters };
}

function tooMany(most: number): BlockError {
  return new BlockError(
    'io',
    `the image counts references to a cluster only up to ${most}: no more snapshots fit; convert it to one with wider refcounts`,
  );
}

/** Takes clusters for the blocks that are missing, until those are counted too. */
function placeBlocks(
  places: Map<number, number>,
  perBlock: number,
  counts: ReferenceCounts,
  old: ReferenceCounts,
): void {
  for (let index = 0; index * perBlock < counts.usedClusters; index++) {
    if (places.has(index) || !hasCounts(counts, index * perBlock, perBlock)) continue;
    const cluster = counts.take(1, old);
    places.set(index, cluster);
    // It may lie in a range that had no counts.
    index = Math.min(index, Math.floor(cluster / perBlock) - 1);
  }
}

function hasCounts(counts: ReferenceCounts, first: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (counts.get(first + i) > 0) return true;
  return false;
}
