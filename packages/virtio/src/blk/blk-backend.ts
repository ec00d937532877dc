// BlkBackend: what the block device asks of whoever keeps its sectors.

/**
 * A disk in sectors of 512 bytes. Requests in flight at the same time may be done in any order. A promise that rejects, for whatever
 * reason, is an I/O error to the guest.
 */
export interface BlkBackend {
  /** Its size in sectors. */
  readonly sectorCount: number;
  /** The size of the blocks it is best used in, in bytes: a power of two, at least 512. */
  readonly blockBytes: number;
  /** Nothing can be changed. */
  readonly isReadOnly: boolean;
  /** Fills `target`, which is whole sectors and the back-end's until the promise settles. */
  read(sector: number, target: Uint8Array): Promise<void>;
  /** Stores `source`, likewise. */
  write(sector: number, source: Uint8Array): Promise<void>;
  /**
   * Fills `targets`, which together are whole sectors, within the call, if the host has them at hand. False: it has not, or something went
   * wrong, and `read` is to be asked. Never throws.
   */
  readNow?(sector: number, targets: readonly Uint8Array[]): boolean;
  /** Stores `sources`, likewise; a part may have been stored when it says no. */
  writeNow?(sector: number, sources: readonly Uint8Array[]): boolean;
  /** Every write that was done before the call is on stable storage. */
  flush(): Promise<void>;
  /** The guest needs these sectors no more. */
  discard(sector: number, count: number): Promise<void>;
  /** These sectors read as zeroes from now on. */
  writeZeroes(sector: number, count: number): Promise<void>;
}
