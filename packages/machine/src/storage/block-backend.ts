// BlockBackend: where a disk's sectors are. Whatever shows a disk to a guest reads and writes through it, whatever the host keeps the
// sectors in fits it. Every back-end runs block-backend.contract.ts.
// Invariants: requests are in sectors of 512 bytes, whatever the disk's own block size; a request is done whole or rejected with a
// BlockError; requests in flight at the same time may be done in any order.

/** What requests are counted in, in bytes. */
export const SECTOR_BYTES = 512;

/** Why a back-end refuses. */
export type BlockErrorKind =
  /** Beyond the end, or not whole sectors. */
  | 'range'
  /** A change of a disk that cannot be changed. */
  | 'read-only'
  /** The host has no room left. */
  | 'no-space'
  /** The host could not do it. */
  | 'io'
  /** After `close`. */
  | 'closed'
  /** Opening: there is no such image. */
  | 'not-found'
  /** Making one: something has the name already. */
  | 'exists'
  /** Opening: somebody else uses the image. */
  | 'locked'
  /** Opening: what is there is no image. */
  | 'bad-image';

/** A request, or the opening of an image, failed. */
export class BlockError extends Error {
  override readonly name = 'BlockError';
  readonly kind: BlockErrorKind;
  constructor(kind: BlockErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * A disk. Buffers are whole sectors long and belong to the back-end until the promise settles. Every promise rejects with a
 * {@link BlockError} and nothing else.
 */
export interface BlockBackend {
  /** Its size in sectors. */
  readonly sectorCount: number;
  /** The size of the blocks it is best used in, in bytes: a power of two, at least {@link SECTOR_BYTES}. */
  readonly blockBytes: number;
  /** Changes are refused with `read-only`. */
  readonly isReadOnly: boolean;
  /** Fills `target` with the sectors from `sector` on. */
  read(sector: number, target: Uint8Array): Promise<void>;
  /** Stores `source` in the sectors from `sector` on. Later reads see it; it outlives the host only after `flush`. */
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
  /** The guest needs `count` sectors no more: each reads as before or as zeroes from now on. */
  discard(sector: number, count: number): Promise<void>;
  /** `count` sectors read as zeroes from now on. */
  writeZeroes(sector: number, count: number): Promise<void>;
  /** Waits for what is in flight, makes it stable and lets go of the host's resources. Once more does nothing. */
  close(): Promise<void>;
}

/** What {@link checkRange} looks at. */
export type BlockExtent = Pick<BlockBackend, 'sectorCount'>;

/** @throws BlockError `range`, unless `count` sectors from `sector` on are on the disk. */
export function checkRange(disk: BlockExtent, sector: number, count: number): void {
  const isInside =
    Number.isSafeInteger(sector) &&
    Number.isSafeInteger(count) &&
    sector >= 0 &&
    count >= 0 &&
    count <= disk.sectorCount &&
    sector <= disk.sectorCount - count;
  if (isInside) return;
  throw new BlockError(
    'range',
    `sectors ${sector} + ${count} are not on the disk, which has ${disk.sectorCount}`,
  );
}

/** Bytes of all buffers. */
export function bytesIn(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The sectors in a buffer. @throws BlockError `range`, if it is not whole sectors. */
export function sectorsIn(buffer: Uint8Array): number {
  if (buffer.byteLength % SECTOR_BYTES === 0) return buffer.byteLength / SECTOR_BYTES;
  throw new BlockError('range', `a buffer of ${buffer.byteLength} bytes is not whole sectors`);
}
