// Images that other programs may hand us: what they ask for that we do not have, and what is damaged in them.
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECTOR_BYTES } from '../block-backend.js';
import { firstDifference } from '../testing/difference.js';
import { MemoryFile } from '../testing/memory-file.js';
import { checkQcow2 } from './check.js';
import { createQcow2, type Qcow2CreateOptions } from './create.js';
import { Qcow2Image } from './image.js';
import { Qcow2Disk } from './qcow2-disk.js';
import { pattern } from './testing-disk-steps.contract.js';

const SECTORS = 256;

async function imageBytes(options: Partial<Qcow2CreateOptions> = {}): Promise<Uint8Array> {
  const file = new MemoryFile();
  await createQcow2(file, { diskBytes: SECTORS * SECTOR_BYTES, clusterBytes: 4096, ...options });
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file));
  await disk.write(3, pattern(20, 1));
  await disk.close();
  return file.contents;
}

/** The image with bytes changed at an offset. */
async function changed(at: number, bytes: readonly number[]): Promise<MemoryFile> {
  const contents = await imageBytes();
  contents.set(bytes, at);
  return new MemoryFile(contents);
}

/** The second entry of the one L2 table refers to a compressed cluster at the image's end. */
async function withCompressed(packed: Uint8Array, isZstd: boolean): Promise<MemoryFile> {
  const contents = await imageBytes();
  const view = new DataView(contents.buffer);
  const l1 = Number(view.getBigUint64(40));
  const l2 = Number(view.getBigUint64(l1) & 0x00ff_ffff_ffff_fe00n);
  const at = contents.byteLength;
  const grown = new Uint8Array(at + 8192);
  grown.set(contents);
  grown.set(packed, at);
  grown.fill(0xee, at + packed.byteLength);
  const sectors = Math.ceil(packed.byteLength / SECTOR_BYTES);
  const entry = (1n << 62n) | (BigInt(sectors - 1) << 58n) | BigInt(at);
  const header = new DataView(grown.buffer);
  header.setBigUint64(l2 + 8, entry);
  if (isZstd) {
    header.setBigUint64(72, 8n);
    header.setUint8(104, 1);
  }
  return new MemoryFile(grown, true);
}

async function firstCluster(file: MemoryFile, sector: number): Promise<Uint8Array> {
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file));
  const bytes = new Uint8Array(8 * SECTOR_BYTES);
  await disk.read(sector, bytes);
  return bytes;
}

describe('an image of another program', () => {
  it.each([
    ['external data file', [0, 0, 0, 0, 0, 0, 0, 4]],
    ['extended L2 entries', [0, 0, 0, 0, 0, 0, 0, 16]],
    ['bit 40', [0, 0, 1, 0, 0, 0, 0, 0]],
  ])(
    'that needs a feature we do not have is refused, and the feature named: %s',
    async (name, bits) => {
      const opening = Qcow2Image.open(await changed(72, bits));
      await expect(opening).rejects.toMatchObject({ kind: 'bad-image' });
      await expect(opening).rejects.toThrow(name);
    },
  );

  it('that is encrypted, or of another version, is refused', async () => {
    await expect(Qcow2Image.open(await changed(32, [0, 0, 0, 2]))).rejects.toThrow('encrypted');
    await expect(Qcow2Image.open(await changed(4, [0, 0, 0, 1]))).rejects.toThrow('version 1');
    await expect(Qcow2Image.open(await changed(0, [0]))).rejects.toThrow('no qcow2 image');
  });

  it.each([
    ['cluster size', 20, [0, 0, 0, 40]],
    ['L1 size', 36, [0xff, 0xff, 0xff, 0xff]],
    ['L1 size that is too short', 36, [0, 0, 0, 0]],
    ['L1 offset', 40, [0, 0, 0, 0, 0, 0, 0, 7]],
    ['refcount table size', 56, [0x10, 0, 0, 0]],
    ['snapshot count', 60, [0xff, 0, 0, 0]],
    ['refcount width', 96, [0, 0, 0, 9]],
    ['disk size', 24, [0xff, 0, 0, 0, 0, 0, 0, 0]],
    ['header length', 100, [0, 0, 0, 9]],
  ])('with a damaged %s is refused', async (_what, at, bytes) => {
    await expect(Qcow2Image.open(await changed(at, bytes))).rejects.toMatchObject({
      name: 'BlockError',
      kind: 'bad-image',
    });
  });

  it('that is marked as corrupt is read, but not written', async () => {
    const file = await changed(72, [0, 0, 0, 0, 0, 0, 0, 2]);
    await expect(Qcow2Disk.open(await Qcow2Image.open(file))).rejects.toThrow('corrupt');
    const readable = new MemoryFile(file.contents, true);
    expect((await Qcow2Disk.open(await Qcow2Image.open(readable))).sectorCount).toBe(SECTORS);
  });

  it('with counts left wrong on purpose has them made right before it is written', async () => {
    const contents = await imageBytes({ hasLazyRefcounts: true });
    const view = new DataView(contents.buffer);
    const block = Number(view.getBigUint64(Number(view.getBigUint64(48))));
    view.setBigUint64(72, 1n);
    contents.fill(0, block, block + 64);
    const file = new MemoryFile(contents);
    const before = await checkQcow2(await Qcow2Image.open(new MemoryFile(contents)));
    expect(before.corruptionCount).toBeGreaterThan(0);
    const disk = await Qcow2Disk.open(await Qcow2Image.open(file));
    await disk.write(100, pattern(30, 2));
    await disk.close();
    const image = await Qcow2Image.open(file);
    expect(image.header).toMatchObject({ isDirty: false, hasLazyRefcounts: true });
    expect(await checkQcow2(image)).toMatchObject({ corruptionCount: 0, leakedClusters: 0 });
  });

  it('of which another program could keep more up to date loses the marks that say so', async () => {
    const file = await changed(88, [0, 0, 0, 0, 0, 0, 0, 1]);
    await Qcow2Disk.open(await Qcow2Image.open(file));
    expect(file.contents.subarray(88, 96).every((byte) => byte === 0)).toBe(true);
  });

  it('whose counts give a table away is marked as corrupt instead of being overwritten', async () => {
    const contents = await imageBytes();
    const view = new DataView(contents.buffer);
    const block = Number(view.getBigUint64(Number(view.getBigUint64(48))));
    contents.fill(0, block, block + 4096);
    const file = new MemoryFile(contents);
    const disk = await Qcow2Disk.open(await Qcow2Image.open(file));
    await expect(disk.write(100, pattern(8, 2))).rejects.toThrow(/corrupt.*check --repair/);
    await expect(disk.write(3, pattern(1, 2))).rejects.toMatchObject({ kind: 'io' });
    expect((await Qcow2Image.open(new MemoryFile(file.contents))).header.isCorrupt).toBe(true);
    expect(
      firstDifference(await firstCluster(new MemoryFile(contents, true), 3), pattern(8, 1)),
    ).toBe(-1);
  });
});

describe('a compressed cluster', () => {
  const clear = pattern(8, 9);

  it('is unpacked from deflate', async () => {
    const packed = deflateRawSync(clear, { windowBits: 12 });
    const file = await withCompressed(packed, false);
    expect(firstDifference(await firstCluster(file, 8), clear)).toBe(-1);
  });

  it('is unpacked from Zstandard', async () => {
    // One raw block of 4096 bytes in a frame with a window of 4 KiB and no content size.
    const block = [(4096 << 3) | 1, 4096 >> 5, 4096 >> 13].map((byte) => byte & 0xff);
    const packed = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x10, ...block, ...clear]);
    const file = await withCompressed(packed, true);
    expect(firstDifference(await firstCluster(file, 8), clear)).toBe(-1);
  });

  it.each([false, true])('that is damaged is an error of the read', async (isZstd) => {
    const tooLong = deflateRawSync(pattern(16, 9));
    for (const packed of [tooLong, new Uint8Array(100).fill(0xff), Uint8Array.from([0x28, 0xb5])]) {
      const file = await withCompressed(packed, isZstd);
      await expect(firstCluster(file, 8)).rejects.toMatchObject({ kind: 'io' });
    }
  });
});

it('no damage to an image makes reading, writing or checking it fail with anything but a BlockError', async () => {
  const contents = await imageBytes();
  const damage = fc.record({
    at: fc.oneof(fc.nat({ max: 112 }), fc.nat({ max: contents.byteLength - 1 })),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
      const file = new MemoryFile(contents);
      for (const { at, bytes } of damages) file.apply({ kind: 'write', at, bytes });
      const attempts = async (): Promise<void> => {
        const image = await Qcow2Image.open(file);
        await checkQcow2(image);
        const disk = await Qcow2Disk.open(image);
        const sectors = Math.min(disk.sectorCount, 2 * SECTORS);
        await disk.read(0, new Uint8Array(sectors * SECTOR_BYTES));
        for (let sector = 0; sector + 8 < sectors; sector += 31)
          await disk.write(sector, pattern(5, 1));
        await disk.discard(0, sectors >> 1);
        await disk.close();
      };
      const error = await attempts().catch((caught: unknown) => caught);
      if (error !== undefined) expect(error).toMatchObject({ name: 'BlockError' });
    }),
    { numRuns: 150 },
  );
});
