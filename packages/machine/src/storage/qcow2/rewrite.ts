// Changes of an image as a whole: snapshots, a new size, counts made right. All tables that must change are written to free clusters,
// with counts of their own; then one write of the header makes all of it valid. An image that is left at any instant is the old or the new one.
import { BlockError } from '../block-backend.js';
import { readPadded } from '../byte-file.js';
import { changeHeader, type HeaderChange } from './header.js';
import type { Qcow2Image } from './image.js';
import { ENTRY_BYTES, MAX_L1_BYTES } from './layout.js';
import { storeRefcounts } from './refcount-layout.js';
import {
  countContents,
  countTables,
  type ImageRoots,
  ReferenceCounts,
  type SnapshotTree,
  storedRoots,
} from './reference-counts.js';
import { encodeSnapshots, type Qcow2Snapshot } from './snapshot-table.js';
import { EntryTable } from './table-entry.js';

/** What an image is to become. The disk's L1 table is long enough for it. */
export interface ImageTrees extends ImageRoots {
  readonly diskBytes: number;
}

/** The trees as they are. */
export function currentTrees(image: Qcow2Image): ImageTrees {
  const { l1, snapshots } = storedRoots(image);
  return { l1: copyOf(l1), diskBytes: image.header.diskBytes, snapshots };
}

/** A table of its own, with as many entries as are asked for. */
export function copyOf(table: EntryTable, entries: number = table.entryCount): EntryTable {
  const copy = new EntryTable(new Uint8Array(entries * ENTRY_BYTES));
  copy.bytes.set(table.bytes.subarray(0, copy.bytes.byteLength));
  return copy;
}

/** Makes the counts of an image right, and takes its marks of being dirty and corrupt away. */
export async function repairRefcounts(image: Qcow2Image): Promise<void> {
  await rewrite(image, currentTrees(image));
}

/**
 * Makes an image what `trees` say. Nothing else may use the image meanwhile.
 * @throws BlockError: then the image is as it was
 */
export async function rewrite(image: Qcow2Image, trees: ImageTrees): Promise<void> {
  await image.store();
  const { file, clusterBytes } = image;
  const counted = { clusterBytes, fileBytes: file.byteLength, fileName: file.name };
  const old = new ReferenceCounts(counted);
  await countTables(image, old);
  await countContents(image, storedRoots(image), old);
  const counts = new ReferenceCounts(counted);
  counts.change(0, 1);
  await countContents(image, trees, counts);
  await markTables(image, trees, counts, old);
  const change: HeaderChange = {
    diskBytes: trees.diskBytes,
    l1Entries: trees.l1.entryCount,
    l1Offset: await storeTable(image, trees.l1.bytes, counts, old),
    ...(await storeSnapshots(image, trees.snapshots, counts, old)),
    isDirty: false,
    hasAutoclear: false,
    isCorrupt: false,
    ...(await storeRefcounts(image, counts, old)),
  };
  await file.flush();
  await changeHeader(file, image.header, change);
  await file.flush();
  await image.reload();
}

/**
 * Says in the disk's tables what may be written in place: what is counted once. L2 tables in which that changes are copied.
 */
async function markTables(
  image: Qcow2Image,
  trees: ImageTrees,
  counts: ReferenceCounts,
  old: ReferenceCounts,
): Promise<void> {
  const { file, clusterBytes } = image;
  const sharers = [trees.l1, ...trees.snapshots.flatMap(({ l1 }) => l1 ?? [])];
  for (let i = 0; i < trees.l1.entryCount; i++) {
    const offset = trees.l1.offset(i);
    const cluster = offset / clusterBytes;
    if (offset === 0 || counts.get(cluster) === 0) continue;
    const table = new EntryTable(new Uint8Array(clusterBytes));
    await readPadded(file, offset, table.bytes);
    if (markEntries(table, counts, clusterBytes)) {
      const copy = counts.take(1, old);
      await file.write(copy * clusterBytes, table.bytes);
      const users = sharers.filter((l1) => i < l1.entryCount && l1.offset(i) === offset);
      counts.change(copy, users.length - 1);
      counts.change(cluster, -users.length);
      for (const l1 of users) l1.set(i, copy * clusterBytes, false);
    }
    const current = trees.l1.offset(i) / clusterBytes;
    for (const l1 of sharers) {
      if (i < l1.entryCount && l1.offset(i) !== 0) l1.setCopied(i, false);
    }
    trees.l1.setCopied(i, counts.get(current) === 1);
  }
}

/** @returns whether an entry changed */
function markEntries(table: EntryTable, counts: ReferenceCounts, clusterBytes: number): boolean {
  let isChanged = false;
  for (let i = 0; i < table.entryCount; i++) {
    if (table.kind(i) === 'compressed' || table.offset(i) === 0) continue;
    const isAlone = counts.get(table.offset(i) / clusterBytes) === 1;
    if (table.isCopied(i) === isAlone) continue;
    table.setCopied(i, isAlone);
    isChanged = true;
  }
  return isChanged;
}

/** Writes a table to clusters of its own. @returns where */
async function storeTable(
  image: Qcow2Image,
  bytes: Uint8Array,
  counts: ReferenceCounts,
  old: ReferenceCounts,
): Promise<number> {
  const clusters = Math.max(1, Math.ceil(bytes.byteLength / image.clusterBytes));
  const at = counts.take(clusters, old) * image.clusterBytes;
  // Whole clusters, so that the file never ends in the middle of a table.
  const padded = new Uint8Array(clusters * image.clusterBytes);
  padded.set(bytes);
  await image.file.write(at, padded);
  return at;
}

async function storeSnapshots(
  image: Qcow2Image,
  snapshots: readonly SnapshotTree[],
  counts: ReferenceCounts,
  old: ReferenceCounts,
): Promise<HeaderChange> {
  const records: Qcow2Snapshot[] = [];
  for (const { record, l1 } of snapshots) {
    if (l1) {
      const l1Offset = await storeTable(image, l1.bytes, counts, old);
      records.push({ ...record, l1Offset, l1Entries: l1.entryCount });
    } else {
      counts.add(record.l1Offset, record.l1Entries * ENTRY_BYTES, () => 'an L1 table');
      records.push(record);
    }
  }
  if (records.length === 0) return { snapshotCount: 0, snapshotsOffset: 0 };
  const snapshotsOffset = await storeTable(image, encodeSnapshots(records), counts, old);
  return { snapshotCount: records.length, snapshotsOffset };
}

/** L1 entries for a disk. @throws BlockError if it is larger than clusters of this size can map */
export function l1EntriesFor(diskBytes: number, clusterBytes: number): number {
  const entries = Math.ceil(diskBytes / (clusterBytes * (clusterBytes / ENTRY_BYTES)));
  if (entries * ENTRY_BYTES <= MAX_L1_BYTES) return entries;
  throw new BlockError(
    'bad-image',
    `clusters of ${clusterBytes} bytes are too small for a disk of ${diskBytes} bytes: use larger ones`,
  );
}
