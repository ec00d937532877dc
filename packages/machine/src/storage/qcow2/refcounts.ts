// Refcounts: which clusters of an image are in use, and how often. Blocks of counters are read as they are needed; changes stay in memory
// until they are written, because what refers to a cluster must not be stored before its count.
// Invariant: a cluster that is given out has no count and is none of those that hold the image's own tables.
import { BlockError } from '../block-backend.js';
import { type ByteFile, readPadded } from '../byte-file.js';
import { changeHeader, type Qcow2Header } from './header.js';
import { ENTRY_BYTES, MAX_REFCOUNT_TABLE_BYTES } from './layout.js';
import { countersPerBlock, RefcountBlock } from './refcount-block.js';
import { EntryTable } from './table-entry.js';

/** Blocks that are kept when all are written. */
const MAX_CLEAN_BLOCKS = 64;

/** Neighbouring clusters. */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

/** What Refcounts need of the image they are of. */
export interface RefcountOwner {
  readonly file: ByteFile;
  header: Qcow2Header;
  /** Whether a cluster holds a table that is not of refcounts. */
  isTable(cluster: number): boolean;
  /** The image contradicts itself. */
  corrupt(what: string): Promise<BlockError>;
}

export class Refcounts {
  readonly #owner: RefcountOwner;
  readonly #clusterBytes: number;
  readonly #perBlock: number;
  #table: EntryTable;
  readonly #blocks: Map<number, RefcountBlock> = new Map();
  /** Indexes of table entries that are not stored. */
  readonly #newEntries: Set<number> = new Set();
  /** Clusters of refcount blocks and of the table. */
  readonly #own: Set<number> = new Set();
  /** No cluster before it is free. */
  #searchFrom = 0;

  private constructor(owner: RefcountOwner, table: EntryTable) {
    const { clusterBits, refcountOrder } = owner.header;
    this.#owner = owner;
    this.#clusterBytes = 2 ** clusterBits;
    this.#perBlock = countersPerBlock(clusterBits, refcountOrder);
    this.#table = table;
    this.#noteOwn();
  }

  static async load(owner: RefcountOwner): Promise<Refcounts> {
    return new Refcounts(owner, await readRefcountTable(owner.file, owner.header));
  }

  #noteOwn(): void {
    const { refcountTableOffset, refcountTableClusters } = this.#owner.header;
    this.#own.clear();
    for (let i = 0; i < refcountTableClusters; i++)
      this.#own.add(refcountTableOffset / this.#clusterBytes + i);
    for (let i = 0; i < this.#table.entryCount; i++) {
      const offset = this.#table.offset(i);
      if (offset !== 0) this.#own.add(offset / this.#clusterBytes);
    }
  }

  async get(cluster: number): Promise<number> {
    const block = await this.#load(Math.floor(cluster / this.#perBlock));
    return block ? block.get(cluster % this.#perBlock) : 0;
  }

  /** Null: there is none, all its counts are 0. */
  async #load(index: number): Promise<RefcountBlock | null> {
    const known = this.#blocks.get(index);
    if (known) return known;
    const offset = index < this.#table.entryCount ? this.#table.offset(index) : 0;
    if (offset === 0) return null;
    if (offset % this.#clusterBytes !== 0 || offset >= this.#owner.file.byteLength)
      throw await this.#owner.corrupt(`refcount block ${index} is at byte ${offset}`);
    const bytes = new Uint8Array(this.#clusterBytes);
    await readPadded(this.#owner.file, offset, bytes);
    const block = new RefcountBlock(offset, bytes, this.#owner.header.refcountOrder);
    this.#forget();
    this.#blocks.set(index, block);
    return block;
  }

  /** Forgets blocks that are stored, the first to have been looked at first. */
  #forget(): void {
    for (const [index, { isDirty }] of this.#blocks) {
      if (this.#blocks.size < MAX_CLEAN_BLOCKS) return;
      if (!isDirty) this.#blocks.delete(index);
    }
  }

  /**
   * Takes free clusters: up to `most` in a row, each counted once.
   * @throws BlockError `io` if the image turns out to be corrupt
   */
  async allocate(most: number): Promise<ClusterRun> {
    for (;;) {
      const index = Math.floor(this.#searchFrom / this.#perBlock);
      const block = await this.#load(index);
      if (!block) {
        await this.#addBlock(index);
        continue;
      }
      const run = this.#takeRun(block, index * this.#perBlock, most);
      if (!run) continue;
      for (let cluster = run.first; cluster < run.first + run.count; cluster++) {
        if (cluster !== 0 && !this.#own.has(cluster) && !this.#owner.isTable(cluster)) continue;
        throw await this.#owner.corrupt(`cluster ${cluster} holds a table and is counted as free`);
      }
      return run;
    }
  }

  /** Null: the block, which starts with the counter of cluster `base`, has no more; the search goes on behind it. */
  #takeRun(block: RefcountBlock, base: number, most: number): ClusterRun | null {
    let at = this.#searchFrom - base;
    while (at < this.#perBlock && block.get(at) !== 0) at++;
    let end = at;
    while (end < this.#perBlock && end - at < most && block.get(end) === 0) {
      block.set(end, 1);
      end++;
    }
    this.#searchFrom = base + end;
    return end === at ? null : { first: base + at, count: end - at };
  }

  /** A block for clusters that had no counts: it lies in the first of them, and counts itself. */
  async #addBlock(index: number): Promise<void> {
    if (index >= this.#table.entryCount) return await this.#growTable(index);
    const cluster = index * this.#perBlock;
    const block = this.#emptyBlock(cluster);
    block.set(0, 1);
    this.#blocks.set(index, block);
    this.#table.set(index, block.offset, false);
    this.#own.add(cluster);
    this.#newEntries.add(index);
  }

  #emptyBlock(cluster: number): RefcountBlock {
    const bytes = new Uint8Array(this.#clusterBytes);
    return new RefcountBlock(cluster * this.#clusterBytes, bytes, this.#owner.header.refcountOrder);
  }

  /**
   * A larger table, so that there may be a block `index`. It lies with the blocks that count it behind all clusters that are counted;
   * the header's new pointer makes it valid.
   */
  async #growTable(index: number): Promise<void> {
    await this.store();
    const { file, header } = this.#owner;
    const { blocks, clusters } = this.#growth(index);
    const table = new EntryTable(new Uint8Array(clusters * this.#clusterBytes));
    table.bytes.set(this.#table.bytes);
    const first = index * this.#perBlock;
    const added = Array.from({ length: blocks }, (_, i) => this.#emptyBlock(first + i));
    for (let i = 0; i < blocks + clusters; i++)
      added[Math.floor(i / this.#perBlock)]?.set(i % this.#perBlock, 1);
    for (const [i, block] of added.entries()) {
      table.set(index + i, block.offset, false);
      await file.write(block.offset, block.bytes);
      block.isDirty = false;
    }
    const offset = (first + blocks) * this.#clusterBytes;
    await file.write(offset, table.bytes);
    await file.flush();
    const change = { refcountTableOffset: offset, refcountTableClusters: clusters };
    this.#owner.header = await changeHeader(file, header, change);
    this.#table = table;
    for (const [i, block] of added.entries()) this.#blocks.set(index + i, block);
    this.#noteOwn();
    for (let i = 0; i < header.refcountTableClusters; i++)
      await this.release(header.refcountTableOffset / this.#clusterBytes + i);
  }

  /** How many clusters a table for block `index` takes, and how many blocks it takes to count it and themselves. */
  #growth(index: number): { blocks: number; clusters: number } {
    const perCluster = this.#clusterBytes / ENTRY_BYTES;
    for (let blocks = 1; ; ) {
      const clusters = Math.ceil(((index + blocks) * 1.5) / perCluster);
      if (clusters * this.#clusterBytes > MAX_REFCOUNT_TABLE_BYTES) {
        throw new BlockError(
          'no-space',
          `${this.#owner.file.name}: the image can grow no more: convert it to one with larger clusters`,
        );
      }
      const needed = Math.ceil((blocks + clusters) / this.#perBlock);
      if (needed <= blocks) return { blocks, clusters };
      blocks = needed;
    }
  }

  /** Counts a cluster once less. Nothing that is stored may refer to it any more. @returns whether it is free now */
  async release(cluster: number): Promise<boolean> {
    const block = await this.#load(Math.floor(cluster / this.#perBlock));
    const count = block?.get(cluster % this.#perBlock) ?? 0;
    if (!block || count === 0 || count === Number.POSITIVE_INFINITY)
      throw await this.#owner.corrupt(`cluster ${cluster} is in use and counted ${count} times`);
    block.set(cluster % this.#perBlock, count - 1);
    if (count > 1) return false;
    this.#searchFrom = Math.min(this.#searchFrom, cluster);
    return true;
  }

  /** So many blocks are changed that they should be stored. */
  get isCrowded(): boolean {
    return this.#blocks.size > 2 * MAX_CLEAN_BLOCKS;
  }

  get isDirty(): boolean {
    if (this.#newEntries.size > 0) return true;
    for (const block of this.#blocks.values()) if (block.isDirty) return true;
    return false;
  }

  /** Stores all changes; a new block before what refers to it. */
  async store(): Promise<void> {
    const { file, header } = this.#owner;
    await this.#writeBlocks();
    if (this.#newEntries.size > 0) await file.flush();
    for (const index of this.#newEntries) {
      const at = index * ENTRY_BYTES;
      await file.write(header.refcountTableOffset + at, this.#table.bytes.subarray(at, at + 8));
      this.#newEntries.delete(index);
    }
    this.#forget();
  }

  async #writeBlocks(): Promise<void> {
    for (const block of this.#blocks.values()) {
      if (!block.isDirty) continue;
      await this.#owner.file.write(block.offset, block.bytes);
      block.isDirty = false;
    }
  }
}

/** The table of refcount blocks. */
export async function readRefcountTable(file: ByteFile, header: Qcow2Header): Promise<EntryTable> {
  const bytes = new Uint8Array(header.refcountTableClusters * 2 ** header.clusterBits);
  await readPadded(file, header.refcountTableOffset, bytes);
  return new EntryTable(bytes);
}
