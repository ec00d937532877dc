import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockBackend, createDiskImage, type GuestDisk } from '@proxeny/machine';
import { afterAll, expect, it } from 'vitest';
import { openDisks } from './disk-option.js';

const folder = mkdtempSync(join(tmpdir(), 'disk-option-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function rawImage(value: number): string {
  const path = join(folder, `${count++}.img`);
  writeFileSync(path, new Uint8Array(64 * 1024).fill(value));
  return path;
}

/** The first byte of a sector; then writes the sector. */
async function swap(
  disk: BlockBackend | undefined,
  sector: number,
  value: number,
): Promise<number> {
  const bytes = new Uint8Array(512);
  await disk?.read(sector, bytes);
  await disk?.write(sector, new Uint8Array(512).fill(value));
  return bytes[0] as number;
}

async function withDisk<T>(text: string, use: (disk?: BlockBackend) => Promise<T>): Promise<T> {
  const opened = await openDisks([text]);
  try {
    return await use(opened.disks[0]?.disk);
  } finally {
    await opened.close();
  }
}

it('images are opened in the format that they have, unless another is given', async () => {
  const path = join(folder, 'a.qcow2');
  await createDiskImage(path, { format: 'qcow2', diskBytes: 1 << 30 });
  expect(await withDisk(path, async (disk) => disk?.sectorCount)).toBe(2 ** 21);
  const asRaw = await withDisk(`${path},format=raw,ro`, async (disk) => disk?.sectorCount);
  expect(asRaw).toBeLessThan(2 ** 12);
  await expect(withDisk(`${rawImage(0)},format=qcow2`, async () => {})).rejects.toThrow(
    /--disk: .* is no qcow2 image/,
  );
});

it('an overlay in memory is thrown away, one in a file is kept; the base stays', async () => {
  const base = rawImage(1);
  const overlay = join(folder, 'overlay.qcow2');
  expect(await withDisk(`${base},overlay`, (disk) => swap(disk, 3, 2))).toBe(1);
  expect(await withDisk(`${base},overlay=${overlay}`, (disk) => swap(disk, 3, 2))).toBe(1);
  expect(await withDisk(`${base},overlay=${overlay}`, (disk) => swap(disk, 3, 4))).toBe(2);
  expect(await withDisk(overlay, (disk) => swap(disk, 3, 5))).toBe(4);
  expect(readFileSync(base).every((byte) => byte === 1)).toBe(true);
  await expect(withDisk(`${rawImage(0)},overlay=${overlay}`, async () => {})).rejects.toThrow(
    /is an overlay of .*, not of/,
  );
  await expect(withDisk(`${base},overlay=${base}`, async () => {})).rejects.toThrow(
    /is no qcow2 image/,
  );
});

it('two cannot write one image or one overlay; two overlays share a base', async () => {
  const base = rawImage(1);
  const [one, two] = ['one.qcow2', 'two.qcow2'].map((name) => join(folder, name));
  const both = await openDisks([`${base},overlay=${one}`, `${base},overlay=${two}`]);
  expect(both.disks.map(({ name }) => name)).toEqual(['xvda', 'xvdb']);
  await expect(openDisks([`${base},overlay=${one}`])).rejects.toMatchObject({ exitCode: 5 });
  await both.close();
  await expect(openDisks([base, base])).rejects.toMatchObject({ exitCode: 5 });
});

it('all disks are closed, though one cannot be closed properly', async () => {
  const images = [rawImage(0), rawImage(0)];
  const { disks, close } = await openDisks(images);
  const failure = new Error('the host is full');
  const [first] = disks as [GuestDisk];
  const proper = first.disk.close.bind(first.disk);
  first.disk.close = async () => {
    await proper();
    throw failure;
  };
  await expect(close()).rejects.toBe(failure);
  // Nobody writes them any more.
  await (await openDisks(images)).close();
});

it.each([
  ['', /names no file/],
  [
    'x,rw',
    /'rw' is not known; use ro, overlay, cdrom, overlay=FILE, format=raw\|qcow2 or dev=xvda/,
  ],
  ['x,format=vhd', /'vhd' is no format; use raw or qcow2/],
  ['x,ro,overlay=y', /an overlay keeps changes/],
  ['x,dev=foo', /'foo' is no name of a disk/],
])('%j is refused', async (text, message) => {
  await expect(openDisks([text])).rejects.toThrow(message);
});
