// Copies one disk to another, without what is zeroes: the target's sectors must read as zeroes before.
import { type BlockBackend, BlockError, SECTOR_BYTES } from './block-backend.js';

const PIECE_BYTES = 1 << 20;
/** Zeroes are left out in units of this size. */
const UNIT_BYTES = 65536;

/**
 * @param target as large as the source, or larger
 * @param onProgress told from time to time how many sectors are done
 * @throws BlockError
 */
export async function copyDisk(
  source: BlockBackend,
  target: BlockBackend,
  onProgress: (sectors: number) => void = () => {},
): Promise<void> {
  if (target.sectorCount < source.sectorCount)
    throw new BlockError('range', 'the target of a copy is smaller than its source');
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let sector = 0; sector < source.sectorCount; ) {
    const count = Math.min(PIECE_BYTES / SECTOR_BYTES, source.sectorCount - sector);
    const piece = buffer.subarray(0, count * SECTOR_BYTES);
    await source.read(sector, piece);
    for (const [start, end] of unitsWithData(piece))
      await target.write(sector + start / SECTOR_BYTES, piece.subarray(start, end));
    sector += count;
    onProgress(sector);
  }
  await target.flush();
}

/** Ranges of units that are not all zeroes. */
function* unitsWithData(piece: Uint8Array): Iterable<readonly [number, number]> {
  let start = -1;
  for (let at = 0; at < piece.byteLength; at += UNIT_BYTES) {
    const isData = !isZero(piece.subarray(at, at + UNIT_BYTES));
    if (isData && start < 0) start = at;
    if (!isData && start >= 0) {
      yield [start, at];
      start = -1;
    }
  }
  if (start >= 0) yield [start, piece.byteLength];
}

/** @param bytes whole sectors, in a buffer that starts at a multiple of 4 */
function isZero(bytes: Uint8Array): boolean {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return words.every((word) => word === 0);
}
