// ArrayDisk: a block device's back-end in an array, whose requests a test can hold back or have fail.
import type { BlkBackend } from '../blk/blk-backend.js';

const SECTOR_BYTES = 512;

export class ArrayDisk implements BlkBackend {
  readonly bytes: Uint8Array;
  readonly sectorCount: number;
  readonly blockBytes = 4096;
  readonly isReadOnly: boolean;
  /** What was asked, in order. */
  readonly log: string[] = [];
  /** The next requests wait for this. */
  gate: Promise<void> = Promise.resolve();
  isBroken = false;

  constructor(sectorCount: number, isReadOnly = false) {
    this.bytes = new Uint8Array(sectorCount * SECTOR_BYTES);
    this.sectorCount = sectorCount;
    this.isReadOnly = isReadOnly;
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#note(`read ${sector}+${target.length / SECTOR_BYTES}`);
    const at = sector * SECTOR_BYTES;
    target.set(this.bytes.subarray(at, at + target.length));
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#note(`write ${sector}+${source.length / SECTOR_BYTES}`);
    this.bytes.set(source, sector * SECTOR_BYTES);
  }

  async flush(): Promise<void> {
    await this.#note('flush');
  }

  async discard(sector: number, count: number): Promise<void> {
    await this.#note(`discard ${sector}+${count}`);
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#note(`zeroes ${sector}+${count}`);
    this.bytes.fill(0, sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES);
  }

  async #note(what: string): Promise<void> {
    this.log.push(what);
    await this.gate;
    if (this.isBroken) throw new Error('the disk is broken');
  }
}
