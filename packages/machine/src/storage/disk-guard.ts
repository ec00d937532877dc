// DiskGuard: what every back-end does around a request: refuses it when closed, read-only or out of range, and counts those in flight,
// so that closing can wait for them.
import {
  BlockError,
  type BlockExtent,
  bytesIn,
  checkRange,
  SECTOR_BYTES,
} from './block-backend.js';

export class DiskGuard {
  readonly #disk: BlockExtent & { readonly isReadOnly: boolean };
  #inFlight = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(disk: BlockExtent & { readonly isReadOnly: boolean }) {
    this.#disk = disk;
  }

  /** Runs a request on `count` sectors. */
  async run(
    isChange: boolean,
    sector: number,
    count: number,
    request: () => Promise<void> | void,
  ): Promise<void> {
    if (this.#isClosed) throw new BlockError('closed', 'the disk is closed');
    if (isChange && this.#disk.isReadOnly)
      throw new BlockError('read-only', 'the disk is read-only');
    checkRange(this.#disk, sector, count);
    this.#inFlight++;
    try {
      await request();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }

  /** Whether a request that is done within a call may be: `buffers` are its data. */
  allows(isChange: boolean, sector: number, buffers: readonly Uint8Array[]): boolean {
    if (this.#isClosed || (isChange && this.#disk.isReadOnly)) return false;
    try {
      checkRange(this.#disk, sector, bytesIn(buffers) / SECTOR_BYTES);
      return true;
    } catch {
      return false;
    }
  }

  /** Refuses requests from now on and waits for those in flight; false if that was done before. */
  async close(): Promise<boolean> {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    return true;
  }
}
