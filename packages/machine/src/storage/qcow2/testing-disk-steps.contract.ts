// Random histories of a disk in a qcow2 image, and a model of what it must hold.
import fc from 'fast-check';
import { type BlockBackend, SECTOR_BYTES } from '../block-backend.js';
import { Qcow2Disk } from './qcow2-disk.js';
import { resizeQcow2 } from './resize.js';
import { applySnapshot, createSnapshot, deleteSnapshot } from './snapshots.js';

export type DiskStep =
  | {
      readonly kind: 'write';
      readonly sector: number;
      readonly count: number;
      readonly seed: number;
    }
  | { readonly kind: 'writeZeroes' | 'discard'; readonly sector: number; readonly count: number }
  | { readonly kind: 'flush' | 'snapshot' }
  | { readonly kind: 'apply' | 'delete'; readonly which: number }
  | { readonly kind: 'resize'; readonly sectors: number };

/** Steps on a disk of `sectors`. */
export function diskSteps(sectors: number, maxLength: number): fc.Arbitrary<DiskStep[]> {
  const range = {
    sector: fc.integer({ min: 0, max: sectors - 1 }),
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: sectors })),
  };
  const which = fc.nat({ max: 9 });
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        ...range,
        seed: fc.integer({ min: 1, max: 255 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('writeZeroes', 'discard'), ...range }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush', 'snapshot') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('apply', 'delete'), which }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('resize' as const),
        sectors: fc.integer({ min: 1, max: sectors }),
      }),
    },
  );
  return fc.array(step as fc.Arbitrary<DiskStep>, { maxLength });
}

/** Bytes of which no two sectors are the same. */
export function pattern(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count * SECTOR_BYTES);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >>> 9) * 31 + seed) & 0xff;
  return bytes;
}

/** A disk and what it must hold. Discarded sectors are read back into the model: they may be zeroes or as before. */
export class ModelledDisk {
  disk: Qcow2Disk;
  model: Uint8Array;
  readonly #backing: BlockBackend | null;
  readonly #snapshots: { readonly name: string; readonly contents: Uint8Array }[] = [];
  #made = 0;

  constructor(disk: Qcow2Disk, backing: BlockBackend | null, model: Uint8Array) {
    this.disk = disk;
    this.#backing = backing;
    this.model = model;
  }

  async read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.disk.sectorCount * SECTOR_BYTES);
    await this.disk.read(0, bytes);
    return bytes;
  }

  async run(step: DiskStep): Promise<void> {
    const { image } = this.disk;
    switch (step.kind) {
      case 'write':
      case 'writeZeroes':
      case 'discard':
        return this.#change(step);
      case 'flush':
        return this.disk.flush();
      case 'snapshot': {
        const name = `s${this.#made++}`;
        await this.disk.flush();
        await createSnapshot(image, { name, nowMs: 1_700_000_000_123 });
        this.#snapshots.push({ name, contents: this.model.slice() });
        return;
      }
      case 'apply': {
        const snapshot = this.#snapshots[step.which];
        if (!snapshot) return;
        await this.disk.flush();
        await applySnapshot(image, snapshot.name);
        this.model = snapshot.contents.slice();
        break;
      }
      case 'delete': {
        const [snapshot] = this.#snapshots.splice(step.which, 1);
        if (!snapshot) return;
        await this.disk.flush();
        await deleteSnapshot(image, snapshot.name);
        break;
      }
      case 'resize': {
        if (image.header.version === 2 && this.#snapshots.length > 0) return;
        await this.disk.flush();
        await resizeQcow2(image, this.#backing, step.sectors * SECTOR_BYTES);
        const resized = new Uint8Array(step.sectors * SECTOR_BYTES);
        resized.set(this.model.subarray(0, resized.byteLength));
        this.model = resized;
        break;
      }
    }
    this.disk = await Qcow2Disk.open(image, { backing: this.#backing });
  }

  async #change(step: DiskStep & { sector: number; count: number }): Promise<void> {
    const { sectorCount } = this.disk;
    const sector = Math.min(step.sector, sectorCount - 1);
    const count = Math.min(step.count, sectorCount - sector);
    const at = sector * SECTOR_BYTES;
    if (step.kind === 'write') {
      const source = pattern(count, step.seed);
      await this.disk.write(sector, source);
      this.model.set(source, at);
    } else if (step.kind === 'writeZeroes') {
      await this.disk.writeZeroes(sector, count);
      this.model.fill(0, at, at + count * SECTOR_BYTES);
    } else {
      await this.disk.discard(sector, count);
      await this.disk.read(sector, this.model.subarray(at, at + count * SECTOR_BYTES));
    }
  }
}
