// MemoryDisk: a disk in the host's memory. Nothing of it outlives the process.
import { type BlockBackend, BlockError, SECTOR_BYTES, sectorsIn } from './block-backend.js';
import { DiskGuard } from './disk-guard.js';

export interface MemoryDiskOptions {
  readonly isReadOnly?: boolean;
  /** See {@link BlockBackend.blockBytes}. */
  readonly blockBytes?: number;
}

export class MemoryDisk implements BlockBackend {
  readonly bytes: Uint8Array;
  readonly sectorCount: number;
  readonly blockBytes: number;
  readonly isReadOnly: boolean;
  readonly #guard: DiskGuard;

  /**
   * @param contents the bytes to use, or how many zeroes: whole sectors.
   * @throws BlockError `bad-image` for a part of a sector.
   */
  constructor(contents: Uint8Array | number, options: MemoryDiskOptions = {}) {
    const byteLength = typeof contents === 'number' ? contents : contents.byteLength;
    if (!Number.isSafeInteger(byteLength) || byteLength < 0 || byteLength % SECTOR_BYTES !== 0) {
      throw new BlockError(
        'bad-image',
        `a disk of ${byteLength} bytes: give a multiple of ${SECTOR_BYTES}`,
      );
    }
    this.bytes = typeof contents === 'number' ? new Uint8Array(contents) : contents;
    this.sectorCount = byteLength / SECTOR_BYTES;
    this.blockBytes = options.blockBytes ?? SECTOR_BYTES;
    this.isReadOnly = options.isReadOnly ?? false;
    this.#guard = new DiskGuard(this);
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#guard.run(false, sector, sectorsIn(target), () => {
      const at = sector * SECTOR_BYTES;
      target.set(this.bytes.subarray(at, at + target.byteLength));
    });
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#guard.run(true, sector, sectorsIn(source), () => {
      this.bytes.set(source, sector * SECTOR_BYTES);
    });
  }

  readNow(sector: number, targets: readonly Uint8Array[]): boolean {
    if (!this.#guard.allows(false, sector, targets)) return false;
    let at = sector * SECTOR_BYTES;
    for (const target of targets) {
      target.set(this.bytes.subarray(at, at + target.byteLength));
      at += target.byteLength;
    }
    return true;
  }

  writeNow(sector: number, sources: readonly Uint8Array[]): boolean {
    if (!this.#guard.allows(true, sector, sources)) return false;
    let at = sector * SECTOR_BYTES;
    for (const source of sources) {
      this.bytes.set(source, at);
      at += source.byteLength;
    }
    return true;
  }

  async flush(): Promise<void> {
    await this.#guard.run(false, 0, 0, () => {});
  }

  async discard(sector: number, count: number): Promise<void> {
    await this.writeZeroes(sector, count);
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, () => {
      this.bytes.fill(0, sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES);
    });
  }

  async close(): Promise<void> {
    await this.#guard.close();
  }
}
