// Qcow2Disk: a disk in a qcow2 image. Writes of clusters that belong to the disk alone go to their place, at once and side by side; those
// that need a new cluster, and all other changes of tables, one after the other.
import { type BlockBackend, BlockError, SECTOR_BYTES, sectorsIn } from '../block-backend.js';
import { type ByteFile, readPadded } from '../byte-file.js';
import { DiskGuard } from '../disk-guard.js';
import { Mutex } from '../mutex.js';
import { unpackCluster } from './compressed-cluster.js';
import { type Extent, extentAt } from './extent.js';
import { badImage, changeHeader } from './header.js';
import type { Qcow2Image } from './image.js';
import type { L2Table } from './l2-cache.js';
import { repairRefcounts } from './rewrite.js';

export interface Qcow2DiskOptions {
  /** What the image says is beneath it, opened; null if it says nothing. Closed with the disk. */
  readonly backing?: BlockBackend | null;
}

export class Qcow2Disk implements BlockBackend {
  readonly sectorCount: number;
  readonly blockBytes: number = SECTOR_BYTES;
  readonly isReadOnly: boolean;
  readonly image: Qcow2Image;
  readonly #file: ByteFile;
  readonly #backing: BlockBackend | null;
  readonly #guard: DiskGuard;
  readonly #changes = new Mutex();
  /** The compressed cluster that was read last. */
  #unpacked: { readonly at: number; readonly bytes: Uint8Array } | null = null;

  private constructor(image: Qcow2Image, backing: BlockBackend | null) {
    this.image = image;
    this.#file = image.file;
    this.#backing = backing;
    this.sectorCount = Math.floor(image.header.diskBytes / SECTOR_BYTES);
    this.isReadOnly = image.file.isReadOnly;
    this.#guard = new DiskGuard(this);
    image.onFree = async (clusters) => {
      this.#unpacked = null;
      await this.#discardClusters(clusters);
    };
  }

  /**
   * A disk in an opened image, which becomes ready for changes unless its file is read-only: counts that another program left behind
   * wrong, as the image says itself, are made right.
   * @throws BlockError `bad-image` for one that is marked as corrupt
   */
  static async open(image: Qcow2Image, options: Qcow2DiskOptions = {}): Promise<Qcow2Disk> {
    const { file } = image;
    if (!file.isReadOnly) {
      if (image.header.isCorrupt)
        throw badImage(
          file,
          'the qcow2 image is marked as corrupt: use proxeny disk check --repair, or use it read-only',
        );
      if (image.header.isDirty) await repairRefcounts(image);
      if (image.header.hasAutoclear)
        image.header = await changeHeader(file, image.header, { hasAutoclear: false });
    }
    return new Qcow2Disk(image, options.backing ?? null);
  }

  /** Bytes of the disk that one L2 table maps. */
  get #tableBytes(): number {
    return this.image.clusterBytes * this.image.l2Entries;
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#guard.run(false, sector, sectorsIn(target), () =>
      this.#read(sector * SECTOR_BYTES, target),
    );
  }

  async #read(at: number, target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.byteLength; ) {
      const index = Math.floor((at + done) / this.#tableBytes);
      const table = this.image.l2InMemory(index);
      if (table === undefined) {
        await this.image.loadL2(index);
        continue;
      }
      const extent = this.#extent(table, at + done, target.byteLength - done);
      const part = target.subarray(done, done + extent.byteLength);
      await this.image.transfer(this.#readExtent(extent, table, at + done, part));
      done += extent.byteLength;
    }
  }

  #extent(table: L2Table | null, at: number, most: number): Extent {
    const within = at % this.#tableBytes;
    const inTable = Math.min(most, this.#tableBytes - within);
    return extentAt(table, within, inTable, this.image.clusterBytes);
  }

  async #readExtent(
    extent: Extent,
    table: L2Table | null,
    at: number,
    target: Uint8Array,
  ): Promise<void> {
    if (extent.kind === 'data') await this.#readData(extent.offset, target);
    else if (extent.kind === 'zero') target.fill(0);
    else if (table && extent.kind === 'compressed') await this.#readCompressed(table, at, target);
    else await this.#readBacking(at, target);
  }

  async #readData(offset: number, target: Uint8Array): Promise<void> {
    if (offset % SECTOR_BYTES !== 0)
      throw new BlockError('io', `${this.#file.name}: a data cluster is at byte ${offset}`);
    await readPadded(this.#file, offset, target);
  }

  async #readBacking(at: number, target: Uint8Array): Promise<void> {
    const inside = Math.max(0, Math.min(target.byteLength, this.#backingBytes - at));
    if (this.#backing && inside > 0)
      await this.#backing.read(at / SECTOR_BYTES, target.subarray(0, inside));
    target.fill(0, inside);
  }

  get #backingBytes(): number {
    return (this.#backing?.sectorCount ?? 0) * SECTOR_BYTES;
  }

  async #readCompressed(table: L2Table, at: number, target: Uint8Array): Promise<void> {
    const { clusterBytes, header } = this.image;
    const index = Math.floor((at % this.#tableBytes) / clusterBytes);
    const range = table.compressedRange(index, header.clusterBits);
    let bytes = this.#unpacked?.at === range.at ? this.#unpacked.bytes : null;
    if (!bytes) {
      const packed = new Uint8Array(Math.min(range.byteLength, 2 * clusterBytes));
      await readPadded(this.#file, range.at, packed);
      bytes = unpackCluster(packed, header.compression, clusterBytes);
      if (!bytes) {
        const place = `at byte ${at - (at % clusterBytes)} of the disk`;
        throw new BlockError(
          'io',
          `${this.#file.name}: the compressed cluster ${place} is damaged`,
        );
      }
      this.#unpacked = { at: range.at, bytes };
    }
    const from = at % clusterBytes;
    target.set(bytes.subarray(from, from + target.byteLength));
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#guard.run(true, sector, sectorsIn(source), () =>
      this.#write(sector * SECTOR_BYTES, source),
    );
  }

  async #write(at: number, source: Uint8Array): Promise<void> {
    this.image.checkWritable();
    for (let done = 0; done < source.byteLength; ) {
      const index = Math.floor((at + done) / this.#tableBytes);
      const table = this.image.l2InMemory(index);
      if (table === undefined) {
        await this.image.loadL2(index);
        continue;
      }
      const extent = this.#extent(table, at + done, source.byteLength - done);
      const part = source.subarray(done, done + extent.byteLength);
      if (extent.isInPlace && this.image.l1.isCopied(index)) {
        await this.image.transfer(this.#writeData(extent.offset, part));
        done += extent.byteLength;
      } else done += await this.#changes.run(() => this.#allocatingWrite(at + done, part));
    }
  }

  async #writeData(offset: number, source: Uint8Array): Promise<void> {
    // The file may end in the middle of the last cluster.
    const cluster = offset - (offset % this.image.clusterBytes);
    if (offset % SECTOR_BYTES !== 0 || cluster >= this.#file.byteLength)
      throw new BlockError('io', `${this.#file.name}: no data cluster can be at byte ${offset}`);
    await this.#file.write(offset, source);
  }

  /** Writes to a new place what cannot be written in place. @returns how many bytes: perhaps fewer, or none */
  async #allocatingWrite(at: number, source: Uint8Array): Promise<number> {
    const { image } = this;
    const { clusterBytes } = image;
    const table = await image.writableL2(Math.floor(at / this.#tableBytes));
    // Another write may have been there first.
    const extent = this.#extent(table, at, source.byteLength);
    if (extent.isInPlace) return 0;
    const head = at % clusterBytes;
    const run = await image.allocate(Math.ceil((head + extent.byteLength) / clusterBytes));
    const byteLength = Math.min(run.count * clusterBytes - head, extent.byteLength);
    try {
      const place = run.first * clusterBytes;
      await this.#fill(place, run.count * clusterBytes, at, source.subarray(0, byteLength));
    } catch (error) {
      await image.takeBack(run);
      throw error;
    }
    const first = Math.floor((at % this.#tableBytes) / clusterBytes);
    for (let i = 0; i < run.count; i++) {
      this.#releaseEntry(table, first + i);
      table.set(first + i, (run.first + i) * clusterBytes, true);
    }
    table.mark(first, run.count);
    await image.relieve();
    return byteLength;
  }

  /** Writes new clusters: `source`, which is for byte `at` of the disk, and around it what the disk has there. */
  async #fill(place: number, byteLength: number, at: number, source: Uint8Array): Promise<void> {
    const head = at % this.image.clusterBytes;
    const tail = byteLength - head - source.byteLength;
    const end = at + source.byteLength;
    // Bytes of the file that were never written are zeroes.
    const isFresh = place >= this.#file.byteLength;
    const needsHead = head > 0 && !(isFresh && (await this.#readsZero(at - head, head)));
    const needsTail = tail > 0 && !(isFresh && (await this.#readsZero(end, tail)));
    if (!needsHead && !needsTail) return await this.#file.write(place + head, source);
    const bytes = new Uint8Array(byteLength);
    await this.#readInside(at - head, bytes.subarray(0, head));
    bytes.set(source, head);
    await this.#readInside(end, bytes.subarray(byteLength - tail));
    await this.#file.write(place, bytes);
  }

  /** Reads what may lie in part beyond the disk's end: zeroes. */
  async #readInside(at: number, target: Uint8Array): Promise<void> {
    const inside = Math.max(0, Math.min(target.byteLength, this.sectorCount * SECTOR_BYTES - at));
    await this.#read(at, target.subarray(0, inside));
  }

  /** Whether a part of a cluster reads as zeroes without looking at any data. */
  async #readsZero(at: number, byteLength: number): Promise<boolean> {
    const table = await this.image.writableL2(Math.floor(at / this.#tableBytes));
    const { kind } = this.#extent(table, at, byteLength);
    return kind === 'zero' || (kind === 'unallocated' && at >= this.#backingBytes);
  }

  #releaseEntry(table: L2Table, index: number): void {
    const { image } = this;
    if (table.kind(index) === 'compressed') {
      const { at, byteLength } = table.compressedRange(index, image.header.clusterBits);
      image.release(at, byteLength);
    } else if (table.offset(index) !== 0) image.release(table.offset(index), image.clusterBytes);
  }

  async flush(): Promise<void> {
    await this.#guard.run(false, 0, 0, () => this.#flush());
  }

  async #flush(): Promise<void> {
    if (this.isReadOnly) return;
    await this.#changes.run(() => this.image.store());
    await this.#file.flush();
  }

  /** Frees whole clusters. Where there is a backing image that could be seen again, they become zeroes. */
  async discard(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, async () => {
      const { clusterBytes } = this.image;
      const first = Math.ceil((sector * SECTOR_BYTES) / clusterBytes);
      const end = this.#endCluster((sector + count) * SECTOR_BYTES);
      for (let cluster = first; cluster < end; )
        cluster += await this.#changes.run(() => this.#emptyClusters(cluster, end, false));
    });
  }

  /** Clusters that end at or before byte `at`; the disk's last one is whole even if it is short. */
  #endCluster(at: number): number {
    const isEnd = at === this.sectorCount * SECTOR_BYTES;
    const clusters = at / this.image.clusterBytes;
    return isEnd ? Math.ceil(clusters) : Math.floor(clusters);
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, async () => {
      const { clusterBytes } = this.image;
      const start = sector * SECTOR_BYTES;
      const end = start + count * SECTOR_BYTES;
      const first = Math.ceil(start / clusterBytes);
      const last = this.#endCluster(end);
      if (last <= first) return await this.#writeZeroBytes(start, end);
      await this.#writeZeroBytes(start, first * clusterBytes);
      for (let cluster = first; cluster < last; ) {
        const done = await this.#changes.run(() => this.#emptyClusters(cluster, last, true));
        if (done === 0) await this.#writeZeroBytes(...this.#bytesOf(cluster));
        cluster += Math.max(done, 1);
      }
      await this.#writeZeroBytes(Math.min(last * clusterBytes, end), end);
    });
  }

  #bytesOf(cluster: number): [number, number] {
    const start = cluster * this.image.clusterBytes;
    return [start, Math.min(start + this.image.clusterBytes, this.sectorCount * SECTOR_BYTES)];
  }

  async #writeZeroBytes(start: number, end: number): Promise<void> {
    if (end > start) await this.#write(start, new Uint8Array(end - start));
  }

  /**
   * Gives up the contents of clusters of one L2 table.
   * @param mustBeZero whether they have to read as zeroes afterwards; version 2 of the format cannot say so where there is a backing image
   * @returns how many are done: 0 if the first must be written
   */
  async #emptyClusters(cluster: number, end: number, mustBeZero: boolean): Promise<number> {
    const { image } = this;
    image.checkWritable();
    const { l2Entries, clusterBytes } = image;
    const index = Math.floor(cluster / l2Entries);
    const first = cluster % l2Entries;
    const count = Math.min(end - cluster, l2Entries - first);
    const isBacked = cluster * clusterBytes < this.#backingBytes;
    if (image.l2InMemory(index) === null && (!isBacked || !mustBeZero)) return count;
    if (isBacked && image.header.version === 2) return mustBeZero ? 0 : count;
    const table = await image.writableL2(index);
    for (let i = first; i < first + count; i++) {
      if (table.kind(i) === 'unallocated' && !(isBacked && mustBeZero)) continue;
      this.#releaseEntry(table, i);
      if (isBacked) table.setZero(i);
      else table.set(i, 0, false);
    }
    table.mark(first, count);
    await image.relieve();
    return count;
  }

  /** Gives the file's bytes of free clusters back to the host. */
  async #discardClusters(clusters: readonly number[]): Promise<void> {
    const sorted = [...clusters].sort((a, b) => a - b);
    const { clusterBytes } = this.image;
    for (let i = 0; i < sorted.length; ) {
      let count = 1;
      while (sorted[i + count] === (sorted[i] as number) + count) count++;
      const at = (sorted[i] as number) * clusterBytes;
      const byteLength = Math.min(count * clusterBytes, this.#file.byteLength - at);
      if (byteLength > 0) await this.#file.discard(at, byteLength);
      i += count;
    }
  }

  async close(): Promise<void> {
    if (!(await this.#guard.close())) return;
    try {
      await this.#flush();
    } finally {
      await Promise.all([this.#file.close(), this.#backing?.close()]);
    }
  }
}
