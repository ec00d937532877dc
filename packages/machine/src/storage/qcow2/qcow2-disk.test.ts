import { afterEach, describe, expect, it } from 'vitest';
import { blockBackendContract } from '../block-backend.contract.js';
import { type BlockBackend, SECTOR_BYTES } from '../block-backend.js';
import { MemoryDisk } from '../memory-disk.js';
import { firstDifference } from '../testing/difference.js';
import { MemoryFile } from '../testing/memory-file.js';
import { checkQcow2 } from './check.js';
import { createQcow2, type Qcow2CreateOptions } from './create.js';
import { Qcow2Image } from './image.js';
import { Qcow2Disk } from './qcow2-disk.js';

type Options = Partial<Qcow2CreateOptions> & { readonly base?: BlockBackend };

async function makeDisk(
  sectors: number,
  { base, ...options }: Options = {},
): Promise<{ disk: Qcow2Disk; file: MemoryFile }> {
  const file = new MemoryFile();
  await createQcow2(file, {
    diskBytes: sectors * SECTOR_BYTES,
    ...options,
    ...(base ? { backing: { path: 'base', format: 'raw' } } : {}),
  });
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file), { backing: base ?? null });
  return { disk, file };
}

async function reopened(
  file: MemoryFile,
  isReadOnly: boolean,
  backing: BlockBackend | null = null,
): Promise<Qcow2Disk> {
  const image = await Qcow2Image.open(new MemoryFile(file.contents, isReadOnly));
  return Qcow2Disk.open(image, { backing });
}

const filled = (count: number, value: number): Uint8Array =>
  new Uint8Array(count * SECTOR_BYTES).fill(value);

async function contentsOf(disk: BlockBackend): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.sectorCount * SECTOR_BYTES);
  await disk.read(0, bytes);
  return bytes;
}

/** Every disk of the contract ends as an image without faults. */
const files: MemoryFile[] = [];
afterEach(async () => {
  for (const file of files.splice(0)) {
    const result = await checkQcow2(await Qcow2Image.open(new MemoryFile(file.contents)));
    expect(result.corruptions).toEqual([]);
    expect(result.leakedClusters).toBe(0);
  }
}, 60_000);

const variants: readonly (readonly [string, Partial<Qcow2CreateOptions>, boolean])[] = [
  ['a qcow2 image of version 3', {}, false],
  [
    'a qcow2 image of version 2 with clusters of 512 bytes',
    { version: 2, clusterBytes: 512 },
    false,
  ],
  ['a qcow2 image with refcounts of 1 bit', { clusterBytes: 4096, refcountBits: 1 }, false],
  ['a qcow2 image with refcounts of 64 bits', { clusterBytes: 512, refcountBits: 64 }, false],
  ['a qcow2 image over a base', { clusterBytes: 4096 }, true],
  ['a qcow2 image of version 2 over a base', { version: 2, clusterBytes: 4096 }, true],
];

describe.each(variants)('%s', (name, options, hasBase) => {
  blockBackendContract(name, async (contents, { isReadOnly }) => {
    const base = hasBase ? new MemoryDisk(contents, { isReadOnly: true }) : null;
    const sectors = contents.byteLength / SECTOR_BYTES;
    const { disk, file } = await makeDisk(sectors, { ...options, ...(base ? { base } : {}) });
    files.push(file);
    if (!hasBase) await disk.write(0, contents);
    if (!isReadOnly) return disk;
    await disk.flush();
    return reopened(file, true, base);
  });
});

it('holds what was flushed, and what was written before it was closed', async () => {
  const { disk, file } = await makeDisk(4096);
  await disk.write(1000, filled(300, 7));
  await disk.flush();
  const first = await contentsOf(await reopened(file, true));
  await disk.write(0, filled(1, 8));
  await disk.close();
  const second = await contentsOf(await reopened(file, true));
  const expected = new Uint8Array(4096 * SECTOR_BYTES);
  expected.fill(7, 1000 * SECTOR_BYTES, 1300 * SECTOR_BYTES);
  expect(firstDifference(first, expected)).toBe(-1);
  expected.fill(8, 0, SECTOR_BYTES);
  expect(firstDifference(second, expected)).toBe(-1);
});

it('an empty image is small, whatever the disk, and grows by what is written', async () => {
  const { disk, file } = await makeDisk(2 ** 31);
  expect(file.byteLength).toBeLessThan(512 * 1024);
  await disk.write(2 ** 30, filled(8, 1));
  await disk.flush();
  expect(file.byteLength).toBeLessThan(768 * 1024);
});

it('uses clusters again that were discarded', async () => {
  const { disk, file } = await makeDisk(8192);
  await disk.write(0, filled(4096, 1));
  await disk.flush();
  const before = file.byteLength;
  await disk.discard(0, 4096);
  await disk.flush();
  await disk.write(4096, filled(4096, 2));
  await disk.flush();
  expect(file.byteLength).toBe(before);
});

it('shows a shorter base, and zeroes behind it', async () => {
  const base = new MemoryDisk(filled(10, 5), { isReadOnly: true });
  const { disk } = await makeDisk(100, { base, clusterBytes: 4096 });
  const expected = filled(100, 0);
  expected.fill(5, 0, 10 * SECTOR_BYTES);
  expect(firstDifference(await contentsOf(disk), expected)).toBe(-1);
  await disk.write(11, filled(1, 6));
  expected.fill(6, 11 * SECTOR_BYTES, 12 * SECTOR_BYTES);
  expect(firstDifference(await contentsOf(disk), expected)).toBe(-1);
});

it('a refcount table grows with the image', async () => {
  const { disk, file } = await makeDisk(2 ** 16, { clusterBytes: 512, refcountBits: 64 });
  for (let sector = 0; sector < 2 ** 15; sector += 1024)
    await disk.write(sector, filled(1024, sector >>> 10));
  await disk.close();
  files.push(file);
  const image = await Qcow2Image.open(new MemoryFile(file.contents, true));
  expect(image.header.refcountTableClusters).toBeGreaterThan(8);
  const contents = await contentsOf(await Qcow2Disk.open(image));
  for (let sector = 0; sector < 2 ** 15; sector += 1024)
    expect(contents[sector * SECTOR_BYTES]).toBe(sector >>> 10);
});

it('the last cluster of the file is written piece by piece', async () => {
  const { disk, file } = await makeDisk(1024);
  const expected = new Uint8Array(1024 * SECTOR_BYTES);
  for (const sector of [900, 902, 1000, 901, 1023]) {
    await disk.write(sector, filled(1, sector & 0xff));
    expected.fill(sector & 0xff, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }
  await disk.close();
  expect(firstDifference(await contentsOf(await reopened(file, true)), expected)).toBe(-1);
  files.push(file);
});
