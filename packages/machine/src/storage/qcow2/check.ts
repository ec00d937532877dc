// Checks an image's tables: what is referred to must be there and be counted as often as it is referred to.

import { readPadded } from '../byte-file.js';
import type { Qcow2Image } from './image.js';
import { countersPerBlock, RefcountBlock } from './refcount-block.js';
import { readRefcountTable } from './refcounts.js';
import { countContents, countTables, ReferenceCounts, storedRoots } from './reference-counts.js';
import { EntryTable } from './table-entry.js';

/** Contradictions that are told in words. */
const MAX_TOLD = 50;

export interface Qcow2CheckResult {
  /** Contradictions in words: the first fifty. */
  readonly corruptions: readonly string[];
  readonly corruptionCount: number;
  /** Clusters that are counted more often than they are referred to: room that is lost, no more. */
  readonly leakedClusters: number;
  /** Clusters of the disk with data of their own. */
  readonly allocatedClusters: number;
  readonly compressedClusters: number;
  readonly totalClusters: number;
  /** Where the last cluster in use ends. */
  readonly endBytes: number;
}

/** Changes nothing. What is changed in memory must be stored. */
export async function checkQcow2(image: Qcow2Image): Promise<Qcow2CheckResult> {
  const corruptions: string[] = [];
  let corruptionCount = 0;
  const complain = (what: string): void => {
    corruptionCount++;
    if (corruptions.length < MAX_TOLD) corruptions.push(what);
  };
  const { clusterBytes, file, header } = image;
  const counted = { clusterBytes, fileBytes: file.byteLength, fileName: file.name };
  const counts = new ReferenceCounts(counted, complain);
  await countTables(image, counts);
  await countContents(image, storedRoots(image), counts, complain);
  const leakedClusters = await compareCounts(image, counts, complain);
  const contents = await checkMarks(image, counts, complain);
  return {
    corruptions,
    corruptionCount,
    leakedClusters,
    ...contents,
    totalClusters: Math.ceil(header.diskBytes / clusterBytes),
    endBytes: counts.usedClusters * clusterBytes,
  };
}

/** Stored counts against the right ones. @returns clusters that are counted too often */
async function compareCounts(
  image: Qcow2Image,
  counts: ReferenceCounts,
  complain: (what: string) => void,
): Promise<number> {
  const { clusterBytes, file, header } = image;
  const perBlock = countersPerBlock(header.clusterBits, header.refcountOrder);
  const table = await readRefcountTable(file, header);
  let leaked = 0;
  const blockCount = Math.max(table.entryCount, Math.ceil(counts.usedClusters / perBlock));
  for (let i = 0; i < blockCount; i++) {
    const offset = i < table.entryCount ? table.offset(i) : 0;
    if (offset % clusterBytes !== 0) complain(`refcount block ${i} is at byte ${offset}`);
    if (offset === 0 && i * perBlock >= counts.usedClusters) continue;
    const bytes = new Uint8Array(clusterBytes);
    if (offset !== 0) await readPadded(file, offset, bytes);
    const block = new RefcountBlock(offset, bytes, header.refcountOrder);
    for (let k = 0; k < perBlock; k++) {
      const stored = block.get(k);
      const right = counts.get(i * perBlock + k);
      if (stored > right) leaked++;
      if (stored < right)
        complain(`cluster ${i * perBlock + k} is referred to ${right} times and counted ${stored}`);
    }
  }
  return leaked;
}

/** Whether what is marked as written in place belongs to the disk alone, and the other way round, by the stored counts. */
async function checkMarks(
  image: Qcow2Image,
  counts: ReferenceCounts,
  complain: (what: string) => void,
): Promise<{ allocatedClusters: number; compressedClusters: number }> {
  const { l1, clusterBytes, file } = image;
  const refcounts = await image.refcounts();
  const isAlone = async (offset: number): Promise<boolean> =>
    (await refcounts.get(offset / clusterBytes)) === 1;
  let allocatedClusters = 0;
  let compressedClusters = 0;
  for (let i = 0; i < l1.entryCount; i++) {
    const offset = l1.offset(i);
    if (offset === 0 || counts.get(offset / clusterBytes) === 0) continue;
    if (l1.isCopied(i) !== (await isAlone(offset)))
      complain(`L2 table ${i} is marked wrongly as belonging to the disk alone, or not so`);
    const table = new EntryTable(new Uint8Array(clusterBytes));
    await readPadded(file, offset, table.bytes);
    for (let k = 0; k < table.entryCount; k++) {
      const kind = table.kind(k);
      if (kind === 'compressed') compressedClusters++;
      if (kind === 'compressed' || table.offset(k) === 0) continue;
      allocatedClusters++;
      if (
        table.offset(k) % clusterBytes === 0 &&
        table.isCopied(k) !== (await isAlone(table.offset(k)))
      )
        complain(`cluster ${k} of L2 table ${i} is marked wrongly as written in place, or not so`);
    }
  }
  return { allocatedClusters, compressedClusters };
}
