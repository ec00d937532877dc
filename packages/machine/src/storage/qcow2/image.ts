// Qcow2Image: an opened image's tables. Maps clusters of the disk to clusters of the file, gives out new ones, and stores changes in an
// order that leaves a valid image whenever it is cut short:
//   data and counts of new clusters → L2 entries that refer to them → L1 entries → counts of clusters that nothing refers to any more.
// What is lost in between are clusters that are counted and unused, and what was written since the last flush.
// Invariants: changes of tables are made by one task at a time; a cluster is given out again only after what referred to it is stored, and
// after transfers that may still use it have ended.
import { BlockError } from '../block-backend.js';
import { type ByteFile, readPadded } from '../byte-file.js';
import { type ClusterRange, ClusterRanges } from './cluster-ranges.js';
import { badImage, changeHeader, type Qcow2Header, readHeader } from './header.js';
import { L2Cache, L2Table } from './l2-cache.js';
import { ENTRY_BYTES } from './layout.js';
import { type ClusterRun, type RefcountOwner, Refcounts } from './refcounts.js';
import { type Qcow2Snapshot, readSnapshots } from './snapshot-table.js';
import { EntryTable } from './table-entry.js';

const L2_CACHE_BYTES = 32 << 20;
/** Clusters that wait to be freed before they are, without a flush. */
const MAX_RELEASED = 4096;

export class Qcow2Image implements RefcountOwner {
  readonly file: ByteFile;
  readonly clusterBytes: number;
  /** Entries of an L2 table. */
  readonly l2Entries: number;
  header: Qcow2Header;
  snapshots: readonly Qcow2Snapshot[] = [];
  l1: EntryTable = new EntryTable(new Uint8Array(0));
  readonly #l2: L2Cache;
  #refcounts: Refcounts | null = null;
  /** Clusters of the disk's L1 and L2 tables. */
  readonly #tables: Set<number> = new Set();
  /** Those of the snapshot table and of snapshots' L1 tables. */
  #snapshotTables: ClusterRanges = new ClusterRanges([]);
  readonly #dirtyL1: Set<number> = new Set();
  /** Clusters that nothing in memory refers to; what is stored may. */
  #released: number[] = [];
  readonly #transfers: Set<Promise<void>> = new Set();
  #isBroken = false;
  /** Called with clusters that have become free, after that is stored. */
  onFree: ((clusters: readonly number[]) => Promise<void>) | null = null;

  private constructor(file: ByteFile, header: Qcow2Header) {
    this.file = file;
    this.header = header;
    this.clusterBytes = 2 ** header.clusterBits;
    this.l2Entries = this.clusterBytes / ENTRY_BYTES;
    this.#l2 = new L2Cache(file, this.clusterBytes, L2_CACHE_BYTES);
  }

  /** @throws BlockError `bad-image` */
  static async open(file: ByteFile): Promise<Qcow2Image> {
    const image = new Qcow2Image(file, await readHeader(file));
    await image.reload();
    return image;
  }

  /** Reads everything again, after the image was rewritten. */
  async reload(): Promise<void> {
    const { file } = this;
    this.header = await readHeader(file);
    const bytes = new Uint8Array(this.header.l1Entries * ENTRY_BYTES);
    await readPadded(file, this.header.l1Offset, bytes);
    this.l1 = new EntryTable(bytes);
    for (let i = 0; i < this.l1.entryCount; i++) {
      const isGood = this.l1.isWellFormed(i) && this.l1.offset(i) % this.clusterBytes === 0;
      if (!isGood) throw badImage(file, `entry ${i} of the L1 table is damaged`);
    }
    this.snapshots = await readSnapshots(file, this.header);
    this.#l2.clear();
    this.#dirtyL1.clear();
    this.#released = [];
    this.#refcounts = null;
    this.#noteTables();
  }

  #noteTables(): void {
    this.#tables.clear();
    const { l1Offset, snapshotsOffset } = this.header;
    const own = this.#rangeOf(l1Offset, this.l1.bytes.byteLength);
    for (let cluster = own.first; cluster < own.end; cluster++) this.#tables.add(cluster);
    for (let i = 0; i < this.l1.entryCount; i++)
      if (this.l1.offset(i) !== 0) this.#tables.add(this.l1.offset(i) / this.clusterBytes);
    const others = this.snapshots.map((each) =>
      this.#rangeOf(each.l1Offset, each.l1Entries * ENTRY_BYTES),
    );
    if (others.length > 0) others.push(this.#rangeOf(snapshotsOffset, 1));
    this.#snapshotTables = new ClusterRanges(others);
  }

  #rangeOf(offset: number, byteLength: number): ClusterRange {
    const first = offset / this.clusterBytes;
    return { first, end: first + Math.ceil(byteLength / this.clusterBytes) };
  }

  isTable(cluster: number): boolean {
    return this.#tables.has(cluster) || this.#snapshotTables.has(cluster);
  }

  /** Marks the image as corrupt, so that nobody writes it before it is repaired. */
  async corrupt(what: string): Promise<BlockError> {
    if (!this.#isBroken && !this.file.isReadOnly && this.header.version === 3)
      this.header = await changeHeader(this.file, this.header, { isCorrupt: true });
    this.#isBroken = true;
    return new BlockError(
      'io',
      `${this.file.name}: the qcow2 image is corrupt: ${what}: use proxeny disk check --repair`,
    );
  }

  /** Called before any change. @throws BlockError `io` once the image was found to be corrupt */
  checkWritable(): void {
    if (this.#isBroken)
      throw new BlockError(
        'io',
        `${this.file.name}: the qcow2 image is corrupt, no more is written`,
      );
  }

  async refcounts(): Promise<Refcounts> {
    this.#refcounts ??= await Refcounts.load(this);
    return this.#refcounts;
  }

  /** The L2 table of an L1 entry: null if there is none, undefined if it is not in memory. */
  l2InMemory(l1Index: number): L2Table | null | undefined {
    const offset = l1Index < this.l1.entryCount ? this.l1.offset(l1Index) : 0;
    return offset === 0 ? null : this.#l2.get(offset);
  }

  async loadL2(l1Index: number): Promise<void> {
    await this.#l2.load(this.l1.offset(l1Index));
  }

  /** The L2 table of an L1 entry, as one that belongs to nobody else: made, or copied from that of a snapshot, if need be. */
  async writableL2(l1Index: number): Promise<L2Table> {
    let table = this.l2InMemory(l1Index);
    while (table === undefined) {
      await this.loadL2(l1Index);
      table = this.l2InMemory(l1Index);
    }
    if (table && this.l1.isCopied(l1Index)) return table;
    const refcounts = await this.refcounts();
    const { first } = await refcounts.allocate(1);
    const bytes = table ? table.bytes.slice() : new Uint8Array(this.clusterBytes);
    const made = new L2Table(first * this.clusterBytes, bytes);
    this.#l2.add(made);
    this.#tables.add(first);
    this.l1.set(l1Index, made.place, true);
    this.#dirtyL1.add(l1Index);
    if (table) {
      this.#l2.remove(table.place);
      this.#tables.delete(table.place / this.clusterBytes);
      this.release(table.place, this.clusterBytes);
    }
    return made;
  }

  /** New clusters, as many in a row as there are, at most `most`. */
  async allocate(most: number): Promise<ClusterRun> {
    return (await this.refcounts()).allocate(most);
  }

  /** Takes back clusters that nothing ever referred to. */
  async takeBack(run: ClusterRun): Promise<void> {
    const refcounts = await this.refcounts();
    for (let i = 0; i < run.count; i++) await refcounts.release(run.first + i);
  }

  /** The disk refers to these bytes no more: their clusters are counted once less, when that is stored. */
  release(at: number, byteLength: number): void {
    const end = at + byteLength;
    for (
      let cluster = Math.floor(at / this.clusterBytes);
      cluster * this.clusterBytes < end;
      cluster++
    )
      this.#released.push(cluster);
  }

  /** A transfer from or to clusters that were looked up in the same turn: they are not given out again before it ends. */
  async transfer(request: Promise<void>): Promise<void> {
    const settled = request.catch(() => {});
    this.#transfers.add(settled);
    try {
      await request;
    } finally {
      this.#transfers.delete(settled);
    }
  }

  /** Waits for the transfers that are under way now. */
  async transfersEnded(): Promise<void> {
    await Promise.all(this.#transfers);
  }

  /** Stores what has gathered if that is much. */
  async relieve(): Promise<void> {
    if (this.#l2.isCrowded || this.#released.length > MAX_RELEASED) await this.store();
  }

  /** Stores all changes of tables; the last of them are stable after a flush of the file. */
  async store(): Promise<void> {
    if (this.file.isReadOnly) return;
    this.checkWritable();
    const tables = this.#l2.dirtyTables();
    if (this.#refcounts?.isDirty) await this.#refcounts.store();
    if (tables.length > 0) {
      await this.file.flush();
      for (const table of tables) await table.store(this.file);
    }
    if (this.#dirtyL1.size > 0) {
      await this.file.flush();
      for (const index of this.#dirtyL1) await this.#storeL1(index);
    }
    if (this.#released.length > 0) await this.#free();
  }

  async #storeL1(index: number): Promise<void> {
    const at = index * ENTRY_BYTES;
    await this.file.write(this.header.l1Offset + at, this.l1.bytes.subarray(at, at + ENTRY_BYTES));
    this.#dirtyL1.delete(index);
  }

  async #free(): Promise<void> {
    await this.file.flush();
    await this.transfersEnded();
    const released = this.#released;
    this.#released = [];
    const refcounts = await this.refcounts();
    const free: number[] = [];
    for (const cluster of released) {
      if (await refcounts.release(cluster)) free.push(cluster);
      if (refcounts.isCrowded) await refcounts.store();
    }
    await refcounts.store();
    await this.onFree?.(free);
  }
}
