// OverlayDisk: a disk that is never changed, and in the host's memory what a guest changed of it. Closing throws the changes away.
// Changes are kept in clusters of 4 KiB, each a copy of the base's bytes with the guest's on top.
// Invariant: the base does not change, so a cluster read from it stays true across a wait; whether the overlay has the cluster is
// asked again after every wait.
import { type BlockBackend, BlockError, SECTOR_BYTES, sectorsIn } from './block-backend.js';
import { DiskGuard } from './disk-guard.js';

const CLUSTER_BYTES = 4096;

/** Stands for a cluster of zeroes, which needs no memory of its own. */
const zeroes = new Uint8Array(0);

export interface OverlayDiskOptions {
  /** Memory for changed clusters, in bytes; a write beyond is refused with `no-space`. As much as the disk is large by default. */
  readonly maxBytes?: number;
}

export class OverlayDisk implements BlockBackend {
  readonly sectorCount: number;
  readonly blockBytes: number;
  readonly isReadOnly = false;
  readonly #base: BlockBackend;
  readonly #maxClusters: number;
  readonly #clusters: Map<number, Uint8Array> = new Map();
  #stored = 0;
  readonly #guard: DiskGuard;

  /** @param base closed when this is. */
  constructor(base: BlockBackend, options: OverlayDiskOptions = {}) {
    this.#base = base;
    this.sectorCount = base.sectorCount;
    this.blockBytes = base.blockBytes;
    this.#maxClusters = Math.floor((options.maxBytes ?? Infinity) / CLUSTER_BYTES);
    this.#guard = new DiskGuard(this);
  }

  /** Memory the changes take, in bytes. */
  get storedBytes(): number {
    return this.#stored * CLUSTER_BYTES;
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#guard.run(false, sector, sectorsIn(target), async () => {
      const start = sector * SECTOR_BYTES;
      if (this.#isAnyMissing(start, target.byteLength)) await this.#base.read(sector, target);
      for (const part of partsOf(start, target.byteLength)) {
        const cluster = this.#clusters.get(part.cluster);
        const into = target.subarray(part.offset, part.offset + part.length);
        if (cluster === zeroes) into.fill(0);
        else if (cluster) into.set(cluster.subarray(part.within, part.within + part.length));
      }
    });
  }

  #isAnyMissing(start: number, byteLength: number): boolean {
    for (const part of partsOf(start, byteLength)) {
      if (!this.#clusters.has(part.cluster)) return true;
    }
    return false;
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#guard.run(true, sector, sectorsIn(source), async () => {
      const start = sector * SECTOR_BYTES;
      const bases = await this.#partialBases(start, source.byteLength);
      this.#checkRoom(start, source.byteLength);
      for (const part of partsOf(start, source.byteLength)) {
        const cluster = this.#makeCluster(part.cluster, bases);
        cluster.set(source.subarray(part.offset, part.offset + part.length), part.within);
      }
    });
  }

  /** The base's contents of clusters that are changed in part and not in the overlay: the first and the last at most. */
  async #partialBases(start: number, byteLength: number): Promise<Map<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    for (const part of partsOf(start, byteLength)) {
      if (part.length === CLUSTER_BYTES || this.#clusters.has(part.cluster)) continue;
      const at = part.cluster * CLUSTER_BYTES;
      const inside = Math.min(CLUSTER_BYTES, this.sectorCount * SECTOR_BYTES - at);
      const bytes = new Uint8Array(CLUSTER_BYTES);
      await this.#base.read(at / SECTOR_BYTES, bytes.subarray(0, inside));
      found.set(part.cluster, bytes);
    }
    return found;
  }

  #checkRoom(start: number, byteLength: number): void {
    let needed = 0;
    for (const part of partsOf(start, byteLength)) {
      const cluster = this.#clusters.get(part.cluster);
      if (!cluster || cluster === zeroes) needed++;
    }
    if (this.#stored + needed > this.#maxClusters)
      throw new BlockError('no-space', `the overlay's ${this.#maxClusters} clusters are full`);
  }

  /** The overlay's own copy of a cluster. */
  #makeCluster(index: number, bases: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const old = this.#clusters.get(index);
    if (old && old !== zeroes) return old;
    const made = (old ? undefined : bases.get(index)) ?? new Uint8Array(CLUSTER_BYTES);
    this.#clusters.set(index, made);
    this.#stored++;
    return made;
  }

  async flush(): Promise<void> {
    await this.#guard.run(false, 0, 0, () => {});
  }

  /** Frees whole clusters of changes; what the base has stays to be seen. */
  async discard(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, () => {
      const first = Math.ceil((sector * SECTOR_BYTES) / CLUSTER_BYTES);
      const end = Math.floor(((sector + count) * SECTOR_BYTES) / CLUSTER_BYTES);
      for (const index of this.#changedBetween(first, end)) {
        if (this.#clusters.get(index) !== zeroes) this.#stored--;
        this.#clusters.set(index, zeroes);
      }
    });
  }

  /** Looks at no more clusters than there are, however long the range. */
  *#changedBetween(first: number, end: number): Iterable<number> {
    if (end - first > this.#clusters.size) {
      for (const index of this.#clusters.keys()) if (index >= first && index < end) yield index;
    } else {
      for (let index = first; index < end; index++) if (this.#clusters.has(index)) yield index;
    }
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, async () => {
      const start = sector * SECTOR_BYTES;
      const bases = await this.#partialBases(start, count * SECTOR_BYTES);
      for (const part of partsOf(start, count * SECTOR_BYTES)) {
        const old = this.#clusters.get(part.cluster);
        if (part.length === CLUSTER_BYTES) {
          if (old && old !== zeroes) this.#stored--;
          this.#clusters.set(part.cluster, zeroes);
        } else if (old !== zeroes) {
          if (!old && this.#stored >= this.#maxClusters)
            throw new BlockError('no-space', 'the overlay is full');
          this.#makeCluster(part.cluster, bases).fill(0, part.within, part.within + part.length);
        }
      }
    });
  }

  async close(): Promise<void> {
    if (!(await this.#guard.close())) return;
    this.#clusters.clear();
    this.#stored = 0;
    await this.#base.close();
  }
}

/** A request's share of one cluster, in bytes. */
interface ClusterPart {
  readonly cluster: number;
  /** From the cluster's start. */
  readonly within: number;
  /** From the request's start. */
  readonly offset: number;
  readonly length: number;
}

function* partsOf(start: number, byteLength: number): Iterable<ClusterPart> {
  for (let offset = 0; offset < byteLength; ) {
    const within = (start + offset) % CLUSTER_BYTES;
    const length = Math.min(CLUSTER_BYTES - within, byteLength - offset);
    yield { cluster: (start + offset - within) / CLUSTER_BYTES, within, offset, length };
    offset += length;
  }
}
