// What an image says of its own size, made to cost memory.
import { describe, expect, it } from 'vitest';
import { SECTOR_BYTES } from '../block-backend.js';
import { MemoryFile } from '../testing/memory-file.js';
import { checkQcow2 } from './check.js';
import { createQcow2, type Qcow2CreateOptions } from './create.js';
import { Qcow2Image } from './image.js';
import { encodeSnapshots, type Qcow2Snapshot } from './snapshot-table.js';

const MiB = 2 ** 20;
const CLUSTER_BYTES = 4096;

/** An image of nothing, in a file whose end was set far behind it. */
async function sparseImage(
  fileBytes: number,
  options: Partial<Qcow2CreateOptions> = {},
): Promise<MemoryFile> {
  const file = new MemoryFile();
  const diskBytes = 256 * SECTOR_BYTES;
  await createQcow2(file, { diskBytes, clusterBytes: CLUSTER_BYTES, ...options });
  return grown(file, fileBytes);
}

function grown(file: MemoryFile, fileBytes: number): MemoryFile {
  const sparse = new MemoryFile(file.contents, true);
  sparse.byteLength = fileBytes;
  return sparse;
}

/** The file with snapshots whose L1 tables are as long as can be, each at its place. */
async function withSnapshots(l1Offsets: readonly number[], fileBytes: number): Promise<MemoryFile> {
  const record: Omit<Qcow2Snapshot, 'l1Offset'> = {
    id: '1',
    name: 'one',
    date: { seconds: 0, ns: 0 },
    guestNs: 0n,
    machineStateBytes: 0,
    diskBytes: 256 * SECTOR_BYTES,
    l1Entries: (32 * MiB) / 8,
    extra: new Uint8Array(0),
  };
  const table = encodeSnapshots(l1Offsets.map((l1Offset) => ({ ...record, l1Offset })));
  const contents = new Uint8Array(64 * CLUSTER_BYTES);
  contents.set((await sparseImage(32 * CLUSTER_BYTES)).contents);
  contents.set(table, 32 * CLUSTER_BYTES);
  const view = new DataView(contents.buffer);
  view.setUint32(60, l1Offsets.length);
  view.setBigUint64(64, BigInt(32 * CLUSTER_BYTES));
  return grown(new MemoryFile(contents), fileBytes);
}

describe('an image made to cost memory', () => {
  it.each([
    ['l1_size', 36, 0x1000_0000],
    ['refcount_table_clusters', 56, 0x1000_0000],
    ['nb_snapshots', 60, 0x1000_0000],
    ['refcount_order', 96, 9],
  ])('is refused for its %s, and the file and the field are named', async (name, at, value) => {
    const contents = (await sparseImage(32 * CLUSTER_BYTES)).contents;
    new DataView(contents.buffer).setUint32(at, value);
    const file = new MemoryFile(contents);
    await expect(Qcow2Image.open(file)).rejects.toThrow(
      new RegExp(`^memory: .*\\b${name} is ${value}, and \\d+ is the most$`),
    );
  });

  it('has the L1 tables of its snapshots read one after the other', async () => {
    const places = Array.from({ length: 8 }, (_, i) => (i + 1) * 64 * MiB);
    const image = await Qcow2Image.open(await withSnapshots(places, 2 ** 32));
    const startBytes = process.memoryUsage().arrayBuffers;
    let mostBytes = 0;
    const { read } = image.file;
    image.file.read = async (...args) => {
      mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - startBytes);
      return await read.apply(image.file, args);
    };
    expect((await checkQcow2(image)).corruptionCount).toBeGreaterThan(0);
    expect(mostBytes / MiB).toBeLessThan(150);
  }, 60_000);

  it('is refused if its snapshots take more than the file has', async () => {
    const places = Array.from({ length: 30 }, () => 64 * MiB);
    const opening = async (): Promise<Qcow2Image> =>
      await Qcow2Image.open(await withSnapshots(places, 512 * MiB));
    await expect(opening()).rejects.toThrow('memory: the qcow2 snapshot table is damaged');
    const beyond = await withSnapshots([64 * MiB], 65 * MiB);
    await expect(Qcow2Image.open(beyond)).rejects.toThrow('cut short');
  });

  it('is not checked if it has more clusters than can be counted', async () => {
    const image = await Qcow2Image.open(await sparseImage(2 ** 40, { clusterBytes: 512 }));
    await expect(checkQcow2(image)).rejects.toMatchObject({
      name: 'BlockError',
      message: expect.stringMatching(/^memory: the file has 2147483648 clusters/),
    });
  });

  it('has few of its refcount blocks in memory at a time', async () => {
    const contents = (await sparseImage(32 * CLUSTER_BYTES, { refcountBits: 64 })).contents;
    const view = new DataView(contents.buffer);
    const table = Number(view.getBigUint64(48));
    for (let i = 1; i < 300; i++) view.setBigUint64(table + i * 8, view.getBigUint64(table));
    const file = grown(new MemoryFile(contents), 2 ** 40);
    const refcounts = await (await Qcow2Image.open(file)).refcounts();
    let reads = 0;
    const { read } = file;
    file.read = async (...args) => {
      reads++;
      return await read.apply(file, args);
    };
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 300; i++) await refcounts.get(i * 512);
    expect(reads).toBe(600);
  });
});
