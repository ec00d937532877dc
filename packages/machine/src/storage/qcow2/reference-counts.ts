// ReferenceCounts: how often each cluster of an image is referred to, found by walking its tables: what the stored counts should be.
import { BlockError } from '../block-backend.js';
import { type ByteFile, readPadded } from '../byte-file.js';
import type { Qcow2Image } from './image.js';
import { ENTRY_BYTES, MAX_COUNTED_CLUSTERS } from './layout.js';
import { readRefcountTable } from './refcounts.js';
import { encodeSnapshots, type Qcow2Snapshot } from './snapshot-table.js';
import { EntryTable } from './table-entry.js';

/** Told of every contradiction: a sentence without a stop. */
export type Complaint = (what: string) => void;

/** Which file's clusters are counted. */
export interface CountedFile {
  readonly clusterBytes: number;
  readonly fileBytes: number;
  readonly fileName: string;
}

export class ReferenceCounts {
  readonly #clusterBytes: number;
  /** Clusters from here on are no part of the file. */
  readonly #endCluster: number;
  readonly #complain: Complaint;
  #counts: Uint32Array;
  /** Clusters with a count, from 0. */
  #used = 0;
  #searchFrom = 1;

  /**
   * @param fileBytes references beyond are complained about and not counted
   * @throws BlockError `no-space` if there are more clusters than can be counted
   */
  constructor({ clusterBytes, fileBytes, fileName }: CountedFile, complain: Complaint = () => {}) {
    this.#clusterBytes = clusterBytes;
    this.#endCluster = Math.ceil(fileBytes / clusterBytes);
    this.#complain = complain;
    if (this.#endCluster > MAX_COUNTED_CLUSTERS) {
      throw new BlockError(
        'no-space',
        `${fileName}: the file has ${this.#endCluster} clusters, of which at most ${MAX_COUNTED_CLUSTERS} can be counted: convert it to an image with larger ones`,
      );
    }
    this.#counts = new Uint32Array(this.#endCluster + 64);
  }

  /** The cluster after the last one with a count. */
  get usedClusters(): number {
    return this.#used;
  }

  get(cluster: number): number {
    return this.#counts[cluster] ?? 0;
  }

  /** @returns whether the range is one that can be */
  add(at: number, byteLength: number, what: () => string): boolean {
    const first = Math.floor(at / this.#clusterBytes);
    const end = Math.ceil((at + byteLength) / this.#clusterBytes);
    if (first === 0 || end > this.#endCluster) {
      this.#complain(
        `${what()} is at byte ${at}, ${first === 0 ? 'on the header' : 'beyond the end'}`,
      );
      return false;
    }
    for (let cluster = first; cluster < end; cluster++) this.change(cluster, 1);
    return true;
  }

  /** Counts a cluster more or less often; it may lie beyond the file's end. */
  change(cluster: number, by: number): void {
    if (cluster >= this.#counts.length) {
      const grown = new Uint32Array(Math.max(cluster + 1, this.#counts.length * 2));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[cluster] = (this.#counts[cluster] as number) + by;
    this.#used = Math.max(this.#used, cluster + 1);
  }

  /** Takes `count` neighbouring clusters that are free here and in `others`. @returns the first of them */
  take(count: number, others: ReferenceCounts): number {
    let first = this.#searchFrom;
    for (let cluster = first; cluster < first + count; cluster++)
      if (this.get(cluster) > 0 || others.get(cluster) > 0) first = cluster + 1;
    if (count === 1) this.#searchFrom = first + 1;
    for (let cluster = first; cluster < first + count; cluster++) this.change(cluster, 1);
    return first;
  }
}

/** A snapshot, and its L1 table if it is new and has no place yet; others are read when they are needed: all at once may be very much. */
export interface SnapshotTree {
  readonly record: Qcow2Snapshot;
  readonly l1: EntryTable | null;
}

/** What the disk and its snapshots refer to. */
export interface ImageRoots {
  readonly l1: EntryTable;
  readonly snapshots: readonly SnapshotTree[];
}

/** The roots as they are stored. */
export function storedRoots({ l1, snapshots }: Qcow2Image): ImageRoots {
  return { l1, snapshots: snapshots.map((record) => ({ record, l1: null })) };
}

/** The L1 table of a snapshot. */
export async function readL1(file: ByteFile, snapshot: Qcow2Snapshot): Promise<EntryTable> {
  const bytes = new Uint8Array(snapshot.l1Entries * ENTRY_BYTES);
  await readPadded(file, snapshot.l1Offset, bytes);
  return new EntryTable(bytes);
}

/** Counts all L2 tables and clusters below roots. */
export async function countContents(
  image: Qcow2Image,
  roots: ImageRoots,
  counts: ReferenceCounts,
  complain: Complaint = () => {},
): Promise<void> {
  await countTree(image, roots.l1, 'the disk', counts, complain);
  for (const { record, l1 } of roots.snapshots) {
    const its = l1 ?? (await readL1(image.file, record));
    await countTree(image, its, `snapshot ${record.id}`, counts, complain);
  }
}

async function countTree(
  image: Qcow2Image,
  l1: EntryTable,
  owner: string,
  counts: ReferenceCounts,
  complain: Complaint,
): Promise<void> {
  const bytes = new Uint8Array(image.clusterBytes);
  const table = new EntryTable(bytes);
  for (let i = 0; i < l1.entryCount; i++) {
    const offset = l1.offset(i);
    if (offset === 0) continue;
    const isGood = l1.isWellFormed(i) && offset % image.clusterBytes === 0;
    if (!isGood) complain(`entry ${i} of the L1 table of ${owner} is damaged`);
    else if (counts.add(offset, image.clusterBytes, () => `L2 table ${i} of ${owner}`)) {
      await readPadded(image.file, offset, bytes);
      countTable(image, table, `${i} of ${owner}`, counts, complain);
    }
  }
}

function countTable(
  image: Qcow2Image,
  table: EntryTable,
  name: string,
  counts: ReferenceCounts,
  complain: Complaint,
): void {
  const { clusterBytes, header } = image;
  for (let i = 0; i < table.entryCount; i++) {
    const what = (): string => `cluster ${i} of L2 table ${name}`;
    if (table.kind(i) === 'compressed') {
      if (table.isCopied(i)) complain(`${what()} is compressed and marked as written in place`);
      const { at, byteLength } = table.compressedRange(i, header.clusterBits);
      counts.add(at, byteLength, what);
      continue;
    }
    const offset = table.offset(i);
    if (!table.isWellFormed(i) || offset % clusterBytes !== 0) complain(`${what()} is damaged`);
    else if (offset !== 0) counts.add(offset, clusterBytes, what);
  }
}

/** Counts the header, and the tables that the header and the snapshots name. */
export async function countTables(image: Qcow2Image, counts: ReferenceCounts): Promise<void> {
  const { header, clusterBytes } = image;
  counts.change(0, 1);
  counts.add(header.l1Offset, header.l1Entries * ENTRY_BYTES, () => 'the L1 table');
  const refcountBytes = header.refcountTableClusters * clusterBytes;
  counts.add(header.refcountTableOffset, refcountBytes, () => 'the refcount table');
  const blocks = await readRefcountTable(image.file, header);
  for (let i = 0; i < blocks.entryCount; i++) {
    if (blocks.offset(i) !== 0)
      counts.add(blocks.offset(i), clusterBytes, () => `refcount block ${i}`);
  }
  for (const { id, l1Offset, l1Entries } of image.snapshots)
    counts.add(l1Offset, l1Entries * ENTRY_BYTES, () => `the L1 table of snapshot ${id}`);
  if (image.snapshots.length > 0) {
    const byteLength = encodeSnapshots(image.snapshots).byteLength;
    counts.add(header.snapshotsOffset, byteLength, () => 'the snapshot table');
  }
}
