// Images that QEMU's tools write, as we read and change them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  applySnapshot,
  type BlockBackend,
  checkQcow2,
  deleteSnapshot,
  MemoryDisk,
  Qcow2Disk,
  Qcow2Image,
  resizeQcow2,
} from '@proxeny/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pattern } from '../../../packages/machine/src/storage/qcow2/testing-disk-steps.contract.js';
import { firstDifference } from '../../../packages/machine/src/storage/testing/difference.js';
import { MemoryFile } from '../../../packages/machine/src/storage/testing/memory-file.js';
import { qemuCheck, qemuTool, temporaryFolder } from './qemu-tools.js';

const SECTOR_BYTES = 512;
const DISK_BYTES = 1 << 20;
const folder = temporaryFolder();
const path = join(folder, 'disk.qcow2');
const raw = join(folder, 'disk.img');

async function openImage(backing: BlockBackend | null = null): Promise<{
  file: MemoryFile;
  disk: Qcow2Disk;
}> {
  const file = new MemoryFile(readFileSync(path));
  return { file, disk: await Qcow2Disk.open(await Qcow2Image.open(file), { backing }) };
}

async function contentsOf(disk: BlockBackend): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.sectorCount * SECTOR_BYTES);
  await disk.read(0, bytes);
  return bytes;
}

/** What QEMU reads from the image. */
function theirContents(): Uint8Array {
  qemuTool('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path, raw);
  return readFileSync(raw);
}

function qemuIo(...commands: readonly string[]): void {
  qemuTool('qemu-io', '-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path);
}

const options = [
  'compat=0.10',
  'compat=1.1,lazy_refcounts=on',
  'cluster_size=512,refcount_bits=1',
  'cluster_size=2M',
  'cluster_size=1024,refcount_bits=64',
  'preallocation=metadata',
];

describe.each(options)('an image made with %s', (option) => {
  it('is read as QEMU reads it, and is one without faults after we wrote it', async () => {
    qemuTool('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', option, path, String(DISK_BYTES));
    qemuIo('write -P 5 1000k 24k', 'write -P 7 3k 90k', 'discard 10k 40k', 'write -z 64k 128k');
    const { file, disk } = await openImage();
    expect(firstDifference(await contentsOf(disk), theirContents())).toBe(-1);
    await disk.write(77, pattern(500, 1));
    await disk.writeZeroes(300, 900);
    await disk.discard(1900, 148);
    await disk.write(1300, pattern(200, 2));
    await disk.flush();
    const expected = await contentsOf(disk);
    await disk.close();
    writeFileSync(path, file.contents);
    expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
    expect(firstDifference(theirContents(), expected)).toBe(-1);
  });
});

it.each(['zlib', 'zstd'])(
  'compressed clusters (%s) are read, and replaced when they are written',
  async (type) => {
    const contents = pattern(DISK_BYTES / SECTOR_BYTES, 3);
    for (let i = 0; i < contents.length; i += 3) contents[i] = 0x41;
    writeFileSync(raw, contents);
    const convert = ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', `compression_type=${type}`];
    qemuTool('qemu-img', ...convert, raw, path);
    const { file, disk } = await openImage();
    expect((await checkQcow2(disk.image)).compressedClusters).toBe(16);
    expect(firstDifference(await contentsOf(disk), contents)).toBe(-1);
    for (const [sector, count] of [
      [3, 5],
      [200, 300],
      [1000, 1],
    ] as const) {
      const source = pattern(count, 9);
      await disk.write(sector, source);
      contents.set(source, sector * SECTOR_BYTES);
    }
    await disk.close();
    writeFileSync(path, file.contents);
    expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
    expect(firstDifference(theirContents(), contents)).toBe(-1);
  },
);

it('snapshots that QEMU took are applied and deleted, and ours are listed', async () => {
  qemuTool('qemu-img', 'create', '-q', '-f', 'qcow2', path, String(DISK_BYTES));
  qemuIo('write -P 1 0 300k');
  qemuTool('qemu-img', 'snapshot', '-c', 'one', path);
  const one = theirContents();
  qemuIo('write -P 2 100k 300k', 'discard 0 64k');
  qemuTool('qemu-img', 'snapshot', '-c', 'two', path);
  const { file, disk } = await openImage();
  const { image } = disk;
  expect(image.snapshots.map(({ id, name }) => ({ id, name }))).toEqual([
    { id: '1', name: 'one' },
    { id: '2', name: 'two' },
  ]);
  expect(Math.abs((image.snapshots[0]?.date.seconds ?? 0) - Date.now() / 1000)).toBeLessThan(3600);
  await applySnapshot(image, 'one');
  writeFileSync(path, file.contents);
  expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
  expect(firstDifference(theirContents(), one)).toBe(-1);
  await deleteSnapshot(image, '1');
  await resizeQcow2(image, null, DISK_BYTES * 2);
  writeFileSync(path, file.contents);
  expect(qemuTool('qemu-img', 'snapshot', '-l', path)).toMatch(/2\s+two/);
  expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
  const larger = new Uint8Array(DISK_BYTES * 2);
  larger.set(one);
  expect(firstDifference(theirContents(), larger)).toBe(-1);
});

it('a base is seen through an image of QEMU’s, after any of its writes', async () => {
  const base = join(folder, 'base.img');
  const baseContents = pattern(1500, 8);
  writeFileSync(base, baseContents);
  const command = fc
    .record({
      verb: fc.constantFrom('write -P 6', 'write -z', 'write -z -u', 'discard'),
      at: fc.nat({ max: 1900 }),
      count: fc.integer({ min: 1, max: 140 }),
    })
    .map(({ verb, at, count }) => `${verb} ${at * SECTOR_BYTES} ${count * SECTOR_BYTES}`);
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 12 }), async (commands) => {
      const backing = ['-b', base, '-F', 'raw', '-o', 'cluster_size=2k'];
      qemuTool('qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, path, String(DISK_BYTES));
      qemuIo(...commands);
      const { disk } = await openImage(new MemoryDisk(baseContents.slice(), { isReadOnly: true }));
      expect(disk.image.header.backing).toEqual({ path: base, format: 'raw' });
      expect(firstDifference(await contentsOf(disk), theirContents())).toBe(-1);
    }),
    { numRuns: 12 },
  );
});
