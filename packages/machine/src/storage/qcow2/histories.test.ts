import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECTOR_BYTES } from '../block-backend.js';
import { MemoryDisk } from '../memory-disk.js';
import { firstDifference } from '../testing/difference.js';
import { type FileStep, MemoryFile } from '../testing/memory-file.js';
import { checkQcow2 } from './check.js';
import { createQcow2, type Qcow2CreateOptions } from './create.js';
import { Qcow2Image } from './image.js';
import { Qcow2Disk } from './qcow2-disk.js';
import { type DiskStep, diskSteps, ModelledDisk, pattern } from './testing-disk-steps.contract.js';

const SECTORS = 200;
const BASE_SECTORS = 150;

const variants: readonly (readonly [string, Partial<Qcow2CreateOptions>, boolean])[] = [
  ['version 3', { clusterBytes: 512 }, false],
  ['version 2 over a base', { version: 2, clusterBytes: 1024 }, true],
  ['version 3 over a base', { clusterBytes: 2048, refcountBits: 8 }, true],
  ['version 3 with wide refcounts', { clusterBytes: 4096, refcountBits: 64 }, false],
];

async function start(
  options: Partial<Qcow2CreateOptions>,
  hasBase: boolean,
): Promise<{ file: MemoryFile; modelled: ModelledDisk }> {
  const file = new MemoryFile();
  const contents = pattern(hasBase ? BASE_SECTORS : 0, 77);
  const base = hasBase ? new MemoryDisk(contents, { isReadOnly: true }) : null;
  await createQcow2(file, {
    diskBytes: SECTORS * SECTOR_BYTES,
    ...options,
    ...(hasBase ? { backing: { path: 'base', format: 'raw' } } : {}),
  });
  const model = new Uint8Array(SECTORS * SECTOR_BYTES);
  model.set(contents);
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file), { backing: base });
  return { file, modelled: new ModelledDisk(disk, base, model) };
}

/** The faults of an image as it is stored. */
async function faultsOf(file: MemoryFile): Promise<{ leaks: number; corruptions: string[] }> {
  const result = await checkQcow2(await Qcow2Image.open(new MemoryFile(file.contents)));
  return { leaks: result.leakedClusters, corruptions: [...result.corruptions] };
}

describe.each(variants)('%s', (_name, options, hasBase) => {
  it('holds what a model holds after any history, and nothing is lost in the image', async () => {
    await fc.assert(
      fc.asyncProperty(diskSteps(SECTORS, 30), async (steps) => {
        const { file, modelled } = await start(options, hasBase);
        for (const step of steps) {
          await modelled.run(step);
          expect(firstDifference(await modelled.read(), modelled.model)).toBe(-1);
        }
        await modelled.disk.close();
        expect(await faultsOf(file)).toEqual({ leaks: 0, corruptions: [] });
      }),
      { numRuns: 25 },
    );
  });

  it('is without corruption wherever the process is killed', async () => {
    await fc.assert(
      fc.asyncProperty(diskSteps(SECTORS, 12), fc.nat({ max: 1000 }), async (steps, seed) => {
        const { file, modelled } = await start(options, hasBase);
        const before = file.contents;
        file.log = [];
        for (const step of steps) await modelled.run(step);
        await modelled.disk.close();
        await checkBeginnings(before, file.log, seed);
      }),
      { numRuns: 8 },
    );
  });
});

/** Some beginnings of a log, whose last write may be done in part, leave images that are good but for leaks. */
async function checkBeginnings(
  before: Uint8Array,
  log: readonly FileStep[],
  seed: number,
): Promise<void> {
  const file = new MemoryFile(before);
  const stride = 1 + (seed % 3);
  for (const [i, step] of log.entries()) {
    if (step.kind === 'write' && step.bytes.byteLength > 4096) {
      const half = { ...step, bytes: step.bytes.subarray(0, 4096 * (1 + (seed % 8))) };
      file.apply(half);
      expect((await faultsOf(file)).corruptions).toEqual([]);
    }
    file.apply(step);
    if (i % stride === 0) expect((await faultsOf(file)).corruptions).toEqual([]);
  }
}

/** Sectors that were written and flushed, on a disk that lost any of the writes after the flush. */
it('holds what was flushed when the host fails and any later writes are lost', async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      sector: fc.nat({ max: SECTORS - 1 }),
      count: fc.integer({ min: 1, max: 30 }),
      seed: fc.integer({ min: 1, max: 255 }),
    }),
    fc.record({
      kind: fc.constant('discard' as const),
      sector: fc.nat({ max: SECTORS - 1 }),
      count: fc.integer({ min: 1, max: 60 }),
    }),
  ) as fc.Arbitrary<DiskStep>;
  const steps = fc.array(step, { minLength: 1, maxLength: 10 });
  const losses = fc.infiniteStream(fc.boolean());
  await fc.assert(
    fc.asyncProperty(steps, steps, losses, fc.nat(), async (kept, later, lost, end) => {
      const { file, modelled } = await start({ clusterBytes: 1024 }, true);
      for (const each of kept) await modelled.run(each);
      await modelled.disk.flush();
      const flushed = modelled.model.slice();
      const before = file.contents;
      file.log = [];
      for (const each of later) await modelled.run(each);
      await modelled.disk.image.store();
      const survivor = new MemoryFile(before);
      for (const each of survivingSteps(file.log.slice(0, end % (file.log.length + 1)), lost))
        survivor.apply(each);
      expect((await faultsOf(survivor)).corruptions).toEqual([]);
      const image = await Qcow2Image.open(new MemoryFile(survivor.contents, true));
      const base = new MemoryDisk(pattern(BASE_SECTORS, 77), { isReadOnly: true });
      const disk = new ModelledDisk(await Qcow2Disk.open(image, { backing: base }), base, flushed);
      const contents = await disk.read();
      for (let sector = 0; sector < SECTORS; sector++) {
        if (later.some((each) => touches(each, sector))) continue;
        const range = [sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES] as const;
        expect(firstDifference(contents.subarray(...range), flushed.subarray(...range))).toBe(-1);
      }
    }),
    { numRuns: 40 },
  );
});

function touches(step: DiskStep, sector: number): boolean {
  return 'sector' in step && sector >= step.sector && sector < step.sector + step.count;
}

/** All writes before the log's last flush, and some of those after it. */
function survivingSteps(log: readonly FileStep[], lost: Iterator<boolean>): FileStep[] {
  const cut = log.findLastIndex(({ kind }) => kind === 'flush');
  return log.filter((_, i) => i <= cut || lost.next().value === false);
}
