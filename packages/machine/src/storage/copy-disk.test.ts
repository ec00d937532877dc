import { expect, it } from 'vitest';
import { SECTOR_BYTES } from './block-backend.js';
import { copyDisk } from './copy-disk.js';
import { MemoryDisk } from './memory-disk.js';
import { createQcow2 } from './qcow2/create.js';
import { Qcow2Image } from './qcow2/image.js';
import { Qcow2Disk } from './qcow2/qcow2-disk.js';
import { firstDifference } from './testing/difference.js';
import { MemoryFile } from './testing/memory-file.js';

it('a copy is equal, says how far it is, and takes no room for zeroes', async () => {
  const source = new MemoryDisk(5_000_192);
  source.bytes.fill(7, 70_000, 80_000);
  source.bytes.fill(8, 5_000_000);
  const file = new MemoryFile();
  await createQcow2(file, { diskBytes: 5_000_192 });
  const target = await Qcow2Disk.open(await Qcow2Image.open(file));
  const seen: number[] = [];
  await copyDisk(source, target, (sectors) => seen.push(sectors));
  expect(seen).toEqual([2048, 4096, 6144, 8192, 9766]);
  const copy = new Uint8Array(5_000_192);
  await target.read(0, copy);
  expect(firstDifference(copy, source.bytes)).toBe(-1);
  expect(file.byteLength).toBeLessThan(8 * 65536);
});

it('a target that is too small is refused', async () => {
  const copy = copyDisk(new MemoryDisk(2 * SECTOR_BYTES), new MemoryDisk(SECTOR_BYTES));
  await expect(copy).rejects.toMatchObject({ kind: 'range' });
});
