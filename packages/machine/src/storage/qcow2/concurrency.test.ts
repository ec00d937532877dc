// Requests that are in flight together, on a file that does them in any order.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SECTOR_BYTES } from '../block-backend.js';
import { MemoryDisk } from '../memory-disk.js';
import { firstDifference } from '../testing/difference.js';
import { MemoryFile } from '../testing/memory-file.js';
import { SlowFile } from '../testing-slow-file.contract.js';
import { checkQcow2 } from './check.js';
import { createQcow2 } from './create.js';
import { Qcow2Image } from './image.js';
import { Qcow2Disk } from './qcow2-disk.js';
import { createSnapshot } from './snapshots.js';
import { pattern } from './testing-disk-steps.contract.js';

const SECTORS = 256;
/**
 * Each lane of requests has sectors of its own, so that the order between lanes does not matter; lanes share clusters. In the first one
 * two queues use the same sectors: what these hold then cannot be told, but nobody else may notice.
 */
const LANES = 8;
const LANE_SECTORS = SECTORS / LANES;

interface Step {
  readonly kind: 'write' | 'writeZeroes' | 'discard' | 'read' | 'flush';
  /** In sectors from the lane's first. */
  readonly start: number;
  readonly count: number;
  readonly seed: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('write', 'write', 'writeZeroes', 'discard', 'read', 'flush'),
  start: fc.nat({ max: LANE_SECTORS - 1 }),
  count: fc.integer({ min: 1, max: LANE_SECTORS }),
  seed: fc.integer({ min: 1, max: 255 }),
});

/** Does a lane's steps one after the other, and compares what it reads with what it wrote. */
async function runLane(
  disk: Qcow2Disk,
  model: Uint8Array,
  first: number,
  steps: readonly Step[],
  isAlone: boolean,
): Promise<void> {
  for (const { kind, start, count, seed } of steps) {
    const sector = first + start;
    const inside = Math.min(count, LANE_SECTORS - start);
    const expected = model.subarray(sector * SECTOR_BYTES, (sector + inside) * SECTOR_BYTES);
    if (kind === 'write') {
      const source = pattern(inside, seed);
      await disk.write(sector, source);
      expected.set(source);
    } else if (kind === 'writeZeroes') {
      await disk.writeZeroes(sector, inside);
      expected.fill(0);
    } else if (kind === 'discard') {
      await disk.discard(sector, inside);
      await disk.read(sector, expected);
    } else if (kind === 'flush') await disk.flush();
    else {
      const target = new Uint8Array(expected.byteLength);
      await disk.read(sector, target);
      if (isAlone) expect(firstDifference(target, expected)).toBe(-1);
    }
  }
}

it.each([512, 2048, 16384])(
  'requests of several queues do not disturb one another (clusters of %i bytes)',
  async (clusterBytes) => {
    const lanes = fc.array(fc.array(step, { maxLength: 12 }), {
      minLength: LANES,
      maxLength: LANES,
    });
    await fc.assert(
      fc.asyncProperty(lanes, fc.boolean(), fc.nat(), async (work, hasSnapshot, seed) => {
        const memory = new MemoryFile();
        const backing = { path: 'base', format: 'raw' };
        await createQcow2(memory, { diskBytes: SECTORS * SECTOR_BYTES, clusterBytes, backing });
        const base = new MemoryDisk(pattern(SECTORS, 50), { isReadOnly: true });
        const image = await Qcow2Image.open(new SlowFile(memory, seed));
        const disk = await Qcow2Disk.open(image, { backing: base });
        const model = pattern(SECTORS, 50);
        if (hasSnapshot) {
          await disk.write(40, pattern(100, 60));
          model.set(pattern(100, 60), 40 * SECTOR_BYTES);
          await disk.flush();
          await createSnapshot(image, { name: 'before', nowMs: 0 });
        }
        const runs = work.map((steps, i) => {
          const lane = Math.max(0, i - 1);
          return runLane(disk, model, lane * LANE_SECTORS, steps, lane > 0);
        });
        await Promise.all(runs);
        const contents = new Uint8Array(SECTORS * SECTOR_BYTES);
        await disk.read(0, contents);
        const own = LANE_SECTORS * SECTOR_BYTES;
        expect(firstDifference(contents.subarray(own), model.subarray(own))).toBe(-1);
        await disk.close();
        const result = await checkQcow2(await Qcow2Image.open(new MemoryFile(memory.contents)));
        expect(result).toMatchObject({ corruptions: [], leakedClusters: 0 });
      }),
      { numRuns: 40 },
    );
  },
);

/** Holds writes that start with 0xee until they are let go. */
class HoldingFile extends MemoryFile {
  letGo: (() => void)[] = [];

  override async write(at: number, source: Uint8Array): Promise<void> {
    if (source[0] === 0xee) await new Promise<void>((resolve) => this.letGo.push(resolve));
    await super.write(at, source);
  }
}

it('a cluster that is discarded while it is written is not given to others before the write has ended', async () => {
  const file = new HoldingFile();
  await createQcow2(file, { diskBytes: 64 * SECTOR_BYTES, clusterBytes: 4096 });
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file));
  await disk.write(0, pattern(8, 1));
  await disk.flush();
  const late = disk.write(0, new Uint8Array(8 * SECTOR_BYTES).fill(0xee));
  await disk.discard(0, 8);
  const flushed = disk.flush();
  const other = disk.write(8, pattern(8, 2));
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  for (const go of file.letGo) go();
  await Promise.all([late, flushed, other]);
  await disk.write(16, pattern(8, 3));
  const contents = new Uint8Array(24 * SECTOR_BYTES);
  await disk.read(0, contents);
  const expected = new Uint8Array(24 * SECTOR_BYTES);
  expected.set(pattern(8, 2), 8 * SECTOR_BYTES);
  expected.set(pattern(8, 3), 16 * SECTOR_BYTES);
  expect(firstDifference(contents, expected)).toBe(-1);
  await disk.close();
});
