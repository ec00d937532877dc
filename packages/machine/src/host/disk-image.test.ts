import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { blockBackendContract } from '../storage/block-backend.contract.js';
import { type BlockBackend, SECTOR_BYTES } from '../storage/block-backend.js';
import { createQcow2 } from '../storage/qcow2/create.js';
import { pattern } from '../storage/qcow2/testing-disk-steps.contract.js';
import { firstDifference } from '../storage/testing/difference.js';
import { openDiskImage } from './disk-image.js';
import { HostFile } from './host-file.js';

const folder = mkdtempSync(join(tmpdir(), 'disk-image-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
const fresh = (): string => join(folder, `disk-${count++}`);

async function qcow2(
  path: string,
  sectors: number,
  base?: [string, string | null],
): Promise<string> {
  const file = await HostFile.open(path, { isNew: true });
  const backing = base ? { backing: { path: base[0], format: base[1] } } : {};
  await createQcow2(file, { diskBytes: sectors * SECTOR_BYTES, clusterBytes: 4096, ...backing });
  await file.close();
  return path;
}

async function contentsOf(disk: BlockBackend): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.sectorCount * SECTOR_BYTES);
  await disk.read(0, bytes);
  return bytes;
}

blockBackendContract('a qcow2 file', async (contents, { isReadOnly }) => {
  const path = await qcow2(fresh(), contents.byteLength / SECTOR_BYTES);
  const disk = await openDiskImage(path);
  await disk.write(0, contents);
  if (!isReadOnly) return disk;
  await disk.close();
  return openDiskImage(path, { isReadOnly });
});

describe('images beneath an image', () => {
  it('are found relative to the image that names them, and read through it', async () => {
    mkdirSync(join(folder, 'bases'));
    writeFileSync(join(folder, 'bases/raw.img'), pattern(100, 1));
    const middle = await qcow2(join(folder, 'bases/middle'), 100, ['raw.img', 'raw']);
    const top = await qcow2(fresh(), 100, ['bases/middle', 'qcow2']);
    const writer = await openDiskImage(middle);
    await writer.write(3, pattern(10, 2));
    await writer.close();
    const disk = await openDiskImage(top);
    await disk.write(7, pattern(20, 3));
    const expected = pattern(100, 1);
    expected.set(pattern(10, 2), 3 * SECTOR_BYTES);
    expected.set(pattern(20, 3), 7 * SECTOR_BYTES);
    expect(firstDifference(await contentsOf(disk), expected)).toBe(-1);
    await disk.close();
  });

  it('cannot be the image itself', async () => {
    const one = join(folder, 'loop-1');
    await qcow2(one, 10, ['loop-2', 'qcow2']);
    await qcow2(join(folder, 'loop-2'), 10, ['./loop-1', null]);
    await expect(openDiskImage(one)).rejects.toThrow(/loop-1: lies beneath itself/);
  });

  it('are missed with both names, and refused in formats that we do not have', async () => {
    const orphan = await qcow2(fresh(), 10, ['gone.img', 'raw']);
    await expect(openDiskImage(orphan)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(openDiskImage(orphan)).rejects.toThrow(/disk-.*beneath it: .*gone\.img/);
    const other = await qcow2(fresh(), 10, ['x', 'vmdk']);
    await expect(openDiskImage(other)).rejects.toThrow(/'vmdk', which is not supported/);
    const json = await qcow2(fresh(), 10, ['json:{}', 'raw']);
    await expect(openDiskImage(json)).rejects.toThrow(/JSON/);
  });

  it('may be under many, but not while they are written', async () => {
    const base = fresh();
    writeFileSync(base, pattern(10, 1));
    const one = await qcow2(fresh(), 10, [base, 'raw']);
    const two = await qcow2(fresh(), 10, [base, 'raw']);
    const disks = [await openDiskImage(one), await openDiskImage(two)];
    for (const disk of disks) await disk.close();
    const writer = await openDiskImage(base);
    await expect(openDiskImage(one)).rejects.toMatchObject({ kind: 'locked' });
    await writer.close();
  });
});

it('a format is told by the first bytes, unless it is given', async () => {
  const path = await qcow2(fresh(), 5000);
  const sectorCounts = async (options: object): Promise<number> => {
    const disk = await openDiskImage(path, { isReadOnly: true, ...options });
    await disk.close();
    return disk.sectorCount;
  };
  expect(await sectorCounts({})).toBe(5000);
  expect(await sectorCounts({ format: 'raw' })).toBeLessThan(200);
  const raw = fresh();
  writeFileSync(raw, new Uint8Array(4096));
  await expect(openDiskImage(raw, { format: 'qcow2' })).rejects.toThrow('no qcow2 image');
  writeFileSync(raw, 'KDMV'.padEnd(4096));
  await expect(openDiskImage(raw)).rejects.toThrow(/VMDK.*format=raw/);
});

it('a guest cannot turn its raw image into one that names files of the host', async () => {
  const path = fresh();
  writeFileSync(path, new Uint8Array(4096));
  const magic = new Uint8Array(1024);
  magic.set([0x51, 0x46, 0x49, 0xfb]);
  const disk = await openDiskImage(path);
  await expect(disk.write(0, magic)).rejects.toThrow(/format=raw/);
  await disk.write(1, magic);
  await disk.close();
  const explicit = await openDiskImage(path, { format: 'raw' });
  await explicit.write(0, magic);
  await explicit.close();
});

it('one qcow2 image is not written by two', async () => {
  const path = await qcow2(fresh(), 10);
  const disk = await openDiskImage(path);
  await expect(openDiskImage(path)).rejects.toMatchObject({ kind: 'locked' });
  await expect(openDiskImage(path, { isReadOnly: true })).rejects.toMatchObject({ kind: 'locked' });
  await disk.close();
  await (await openDiskImage(path)).close();
});
