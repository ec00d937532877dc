// Images that we write, as QEMU's tools see them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createQcow2, MemoryDisk, Qcow2Disk, Qcow2Image } from '@proxeny/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  diskSteps,
  ModelledDisk,
  pattern,
} from '../../../packages/machine/src/storage/qcow2/testing-disk-steps.contract.js';
import { MemoryFile } from '../../../packages/machine/src/storage/testing/memory-file.js';
import { qemuCheck, qemuTool, temporaryFolder } from './qemu-tools.js';

const SECTORS = 400;
const SECTOR_BYTES = 512;
const folder = temporaryFolder();
const base = join(folder, 'base.img');
const path = join(folder, 'disk.qcow2');
const model = join(folder, 'model.img');
const baseContents = pattern(300, 5);
writeFileSync(base, baseContents);

const variants = [
  { name: 'version 3', version: 3, clusterBytes: 512, refcountBits: 16, hasBase: false },
  {
    name: 'version 2 over a base',
    version: 2,
    clusterBytes: 1024,
    refcountBits: 16,
    hasBase: true,
  },
  { name: 'version 3 over a base', version: 3, clusterBytes: 4096, refcountBits: 4, hasBase: true },
  { name: 'large clusters', version: 3, clusterBytes: 65536, refcountBits: 64, hasBase: true },
] as const;

async function start(
  variant: (typeof variants)[number],
): Promise<{ file: MemoryFile; modelled: ModelledDisk }> {
  const { version, clusterBytes, refcountBits, hasBase } = variant;
  const file = new MemoryFile();
  const backing = hasBase ? { backing: { path: base, format: 'raw' } } : {};
  const diskBytes = SECTORS * SECTOR_BYTES;
  await createQcow2(file, { diskBytes, version, clusterBytes, refcountBits, ...backing });
  const contents = new Uint8Array(diskBytes);
  if (hasBase) contents.set(baseContents);
  const beneath = hasBase ? new MemoryDisk(baseContents.slice(), { isReadOnly: true }) : null;
  const disk = await Qcow2Disk.open(await Qcow2Image.open(file), { backing: beneath });
  return { file, modelled: new ModelledDisk(disk, beneath, contents) };
}

describe.each(variants)('an image with $name', (variant) => {
  it('is one without faults, with the same contents, after any history', async () => {
    await fc.assert(
      fc.asyncProperty(diskSteps(SECTORS, 40), async (steps) => {
        const { file, modelled } = await start(variant);
        for (const [i, step] of steps.entries()) {
          await modelled.run(step);
          if (i % 10 !== 9) continue;
          await modelled.disk.flush();
          writeFileSync(path, file.contents);
          expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
        }
        await modelled.disk.close();
        writeFileSync(path, file.contents);
        writeFileSync(model, modelled.model);
        expect(qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
        expect(qemuTool('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', path, model)).toContain(
          'identical',
        );
      }),
      { numRuns: 10 },
    );
  });

  it('has no corruption wherever our process is killed', async () => {
    await fc.assert(
      fc.asyncProperty(diskSteps(SECTORS, 8), fc.nat({ max: 50 }), async (steps, first) => {
        const { file, modelled } = await start(variant);
        const killed = new MemoryFile(file.contents);
        file.log = [];
        for (const step of steps) await modelled.run(step);
        await modelled.disk.close();
        for (const [i, step] of file.log.entries()) {
          killed.apply(step);
          if (step.kind === 'flush' || i % 5 !== first % 5) continue;
          writeFileSync(path, killed.contents);
          expect(qemuCheck(path).corruptions).toBe(0);
        }
      }),
      { numRuns: 5 },
    );
  });
});
