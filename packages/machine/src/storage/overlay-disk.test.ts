import { expect, it } from 'vitest';
import { blockBackendContract } from './block-backend.contract.js';
import { SECTOR_BYTES } from './block-backend.js';
import { MemoryDisk } from './memory-disk.js';
import { OverlayDisk } from './overlay-disk.js';
import { firstDifference } from './testing/difference.js';

blockBackendContract('an overlay', async (contents) => {
  return new OverlayDisk(new MemoryDisk(contents, { isReadOnly: true }));
});

const filled = (count: number, value: number): Uint8Array =>
  new Uint8Array(count * SECTOR_BYTES).fill(value);

it('an overlay leaves its base as it was', async () => {
  const base = new MemoryDisk(filled(64, 1), { isReadOnly: true });
  const disk = new OverlayDisk(base);
  await disk.write(3, filled(10, 2));
  await disk.writeZeroes(20, 30);
  await disk.discard(0, 64);
  expect(firstDifference(base.bytes, filled(64, 1))).toBe(-1);
});

it('an overlay keeps 4 KiB for a changed sector, nothing for zeroes, and gives memory back at a discard', async () => {
  const disk = new OverlayDisk(new MemoryDisk(1024 * SECTOR_BYTES));
  await disk.write(9, filled(1, 1));
  expect(disk.storedBytes).toBe(4096);
  await disk.writeZeroes(16, 800);
  expect(disk.storedBytes).toBe(4096);
  await disk.discard(0, 1024);
  expect(disk.storedBytes).toBe(0);
});

it('an overlay that is full refuses writes of new clusters with no-space, and takes those of old ones', async () => {
  const disk = new OverlayDisk(new MemoryDisk(64 * SECTOR_BYTES), { maxBytes: 8192 });
  await disk.write(0, filled(16, 1));
  await expect(disk.write(16, filled(1, 1))).rejects.toMatchObject({ kind: 'no-space' });
  await disk.write(3, filled(5, 9));
  const target = filled(1, 0);
  await disk.read(7, target);
  expect(firstDifference(target, filled(1, 9))).toBe(-1);
});

it('two writes to parts of one cluster that wait for the base together are both kept', async () => {
  const disk = new OverlayDisk(new MemoryDisk(filled(8, 1)));
  await Promise.all([disk.write(0, filled(1, 2)), disk.write(7, filled(1, 3))]);
  const target = filled(8, 0);
  await disk.read(0, target);
  const expected = filled(8, 1);
  expected.fill(2, 0, SECTOR_BYTES).fill(3, 7 * SECTOR_BYTES);
  expect(firstDifference(target, expected)).toBe(-1);
});
