// What every BlockBackend does, whatever it keeps its sectors in. An implementation's test calls this with a way to make one.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type BlockBackend, type BlockErrorKind, SECTOR_BYTES } from './block-backend.js';
import { firstDifference } from './testing/difference.js';

/** Makes a disk that starts with `contents`. */
export type DiskMaker = (
  contents: Uint8Array,
  options: { isReadOnly: boolean },
) => Promise<BlockBackend>;

const SECTORS = 300;

/** Every sector is different from the others. */
function pattern(sectors: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sectors * SECTOR_BYTES);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >>> 9) * 31 + seed) & 0xff;
  return bytes;
}

export function blockBackendContract(name: string, make: DiskMaker): void {
  describe(`${name} as a block back-end`, () => {
    const opened: BlockBackend[] = [];
    const open = async (contents = pattern(SECTORS), isReadOnly = false): Promise<BlockBackend> => {
      const disk = await make(contents, { isReadOnly });
      opened.push(disk);
      return disk;
    };
    const read = async (disk: BlockBackend, sector: number, count: number): Promise<Uint8Array> => {
      const target = new Uint8Array(count * SECTOR_BYTES);
      await disk.read(sector, target);
      return target;
    };
    const expectRefusal = async (request: Promise<void>, kind: BlockErrorKind): Promise<void> => {
      await expect(request).rejects.toMatchObject({ name: 'BlockError', kind });
    };
    afterEach(async () => {
      for (const disk of opened.splice(0)) await disk.close();
    });

    it('tells its size and reads what it was made with', async () => {
      const disk = await open();
      expect(disk.sectorCount).toBe(SECTORS);
      expect(disk.blockBytes).toBeGreaterThanOrEqual(SECTOR_BYTES);
      expect(firstDifference(await read(disk, 0, SECTORS), pattern(SECTORS))).toBe(-1);
      expect(
        firstDifference(await read(disk, 299, 1), pattern(SECTORS).subarray(299 * SECTOR_BYTES)),
      ).toBe(-1);
    });

    it('reads what was written, and its neighbours as before', async () => {
      const disk = await open();
      const expected = pattern(SECTORS);
      for (const [sector, count] of [
        [0, 1],
        [7, 2],
        [13, 20],
        [298, 2],
      ] as const) {
        const source = pattern(count, 99);
        await disk.write(sector, source);
        expected.set(source, sector * SECTOR_BYTES);
      }
      expect(firstDifference(await read(disk, 0, SECTORS), expected)).toBe(-1);
    });

    it('at once does what it does otherwise, or says no and the other way is open', async () => {
      const disk = await open();
      const expected = pattern(SECTORS);
      const source = pattern(3, 77);
      const pieces = [source.subarray(0, 100), source.subarray(100, 1100), source.subarray(1100)];
      if (!disk.writeNow?.(17, pieces)) await disk.write(17, source);
      expected.set(source, 17 * SECTOR_BYTES);
      const target = new Uint8Array(SECTORS * SECTOR_BYTES);
      const targets = [target.subarray(0, 5), target.subarray(5, 70_000), target.subarray(70_000)];
      if (!disk.readNow?.(0, targets)) await disk.read(0, target);
      expect(firstDifference(target, expected)).toBe(-1);
    });

    it('at once does nothing that it would refuse', async () => {
      const disk = await open();
      const sector = new Uint8Array(SECTOR_BYTES);
      for (const at of [-1, 0.5, 300, 2 ** 53, Number.NaN]) {
        expect(disk.readNow?.(at, [sector]) ?? false).toBe(false);
        expect(disk.writeNow?.(at, [sector]) ?? false).toBe(false);
      }
      expect(disk.writeNow?.(299, [sector, sector]) ?? false).toBe(false);
      expect(disk.writeNow?.(0, [sector.subarray(1)]) ?? false).toBe(false);
      expect(firstDifference(await read(disk, 0, SECTORS), pattern(SECTORS))).toBe(-1);
      await disk.close();
      expect(disk.readNow?.(0, [sector]) ?? false).toBe(false);
      expect(disk.writeNow?.(0, [sector]) ?? false).toBe(false);
    });

    it('does requests that are in flight together', async () => {
      const disk = await open();
      const expected = pattern(SECTORS);
      const writes: Promise<void>[] = [];
      for (let sector = 0; sector < SECTORS; sector += 3) {
        const source = pattern(1, sector);
        expected.set(source, sector * SECTOR_BYTES);
        writes.push(disk.write(sector, source));
      }
      await Promise.all(writes);
      expect(firstDifference(await read(disk, 0, SECTORS), expected)).toBe(-1);
    });

    it('flushes, with and without writes before', async () => {
      const disk = await open();
      await disk.flush();
      await disk.write(5, pattern(1, 3));
      await disk.flush();
      expect(firstDifference(await read(disk, 5, 1), pattern(1, 3))).toBe(-1);
    });

    it('reads zeroes where zeroes were written, and nowhere else', async () => {
      const disk = await open();
      const expected = pattern(SECTORS);
      for (const [sector, count] of [
        [3, 1],
        [8, 8],
        [21, 200],
        [250, 0],
      ] as const) {
        await disk.writeZeroes(sector, count);
        expected.fill(0, sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES);
      }
      expect(firstDifference(await read(disk, 0, SECTORS), expected)).toBe(-1);
      await disk.write(30, pattern(2, 8));
      expect(firstDifference(await read(disk, 30, 2), pattern(2, 8))).toBe(-1);
    });

    it('reads discarded sectors as before or as zeroes, and the others as before', async () => {
      const disk = await open();
      await disk.write(100, pattern(40, 5));
      const before = await read(disk, 0, SECTORS);
      await disk.discard(101, 190);
      const after = await read(disk, 0, SECTORS);
      for (let sector = 0; sector < SECTORS; sector++) {
        const range = [sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES] as const;
        const isZero = after.subarray(...range).every((byte) => byte === 0);
        const isDiscarded = sector >= 101 && sector < 291;
        if (isZero && isDiscarded) continue;
        const difference = firstDifference(after.subarray(...range), before.subarray(...range));
        expect(difference).toBe(-1);
      }
      await disk.write(101, pattern(190, 6));
      expect(firstDifference(await read(disk, 101, 190), pattern(190, 6))).toBe(-1);
    });

    it('refuses what is beyond its end, or no whole sector, and changes nothing', async () => {
      const disk = await open();
      for (const sector of [-1, 0.5, 300, 2 ** 53, 2 ** 64, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expectRefusal(disk.read(sector, new Uint8Array(SECTOR_BYTES)), 'range');
        await expectRefusal(disk.write(sector, new Uint8Array(SECTOR_BYTES)), 'range');
        await expectRefusal(disk.discard(sector, 1), 'range');
        await expectRefusal(disk.writeZeroes(sector, 1), 'range');
      }
      await expectRefusal(disk.write(299, new Uint8Array(2 * SECTOR_BYTES)), 'range');
      await expectRefusal(disk.discard(1, 2 ** 53 - 1), 'range');
      await expectRefusal(disk.writeZeroes(1, -1), 'range');
      await expectRefusal(disk.read(0, new Uint8Array(511)), 'range');
      await expectRefusal(disk.write(0, new Uint8Array(513)), 'range');
      expect(firstDifference(await read(disk, 0, SECTORS), pattern(SECTORS))).toBe(-1);
    });

    it('refuses every request once it is closed, and closes after what is in flight', async () => {
      const disk = await open();
      const write = disk.write(0, pattern(SECTORS, 9));
      await disk.close();
      await write;
      await disk.close();
      await expectRefusal(disk.read(0, new Uint8Array(SECTOR_BYTES)), 'closed');
      await expectRefusal(disk.write(0, new Uint8Array(SECTOR_BYTES)), 'closed');
      await expectRefusal(disk.flush(), 'closed');
      await expectRefusal(disk.discard(0, 1), 'closed');
      await expectRefusal(disk.writeZeroes(0, 1), 'closed');
    });

    it('read-only, refuses changes and does the rest', async () => {
      const disk = await open(pattern(SECTORS), true);
      if (!disk.isReadOnly) {
        // An overlay takes changes of a disk that does not.
        await disk.write(0, pattern(1, 7));
        expect(firstDifference(await read(disk, 0, 1), pattern(1, 7))).toBe(-1);
        return;
      }
      await expectRefusal(disk.write(0, new Uint8Array(SECTOR_BYTES)), 'read-only');
      expect(disk.writeNow?.(0, [new Uint8Array(SECTOR_BYTES)]) ?? false).toBe(false);
      await expectRefusal(disk.discard(0, 1), 'read-only');
      await expectRefusal(disk.writeZeroes(0, 1), 'read-only');
      await disk.flush();
      expect(firstDifference(await read(disk, 0, SECTORS), pattern(SECTORS))).toBe(-1);
    });

    it('agrees with an array after any sequence of writes, zeroes and reads', async () => {
      const step = fc.record({
        isZero: fc.boolean(),
        sector: fc.integer({ min: 0, max: SECTORS - 1 }),
        count: fc.integer({ min: 0, max: 40 }),
        seed: fc.integer({ min: 0, max: 255 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const disk = await make(pattern(SECTORS), { isReadOnly: false });
          const model = pattern(SECTORS);
          for (const { isZero, sector, count, seed } of steps) {
            const inside = Math.min(count, SECTORS - sector);
            const source = isZero ? new Uint8Array(inside * SECTOR_BYTES) : pattern(inside, seed);
            if (isZero) await disk.writeZeroes(sector, inside);
            else await disk.write(sector, source);
            model.set(source, sector * SECTOR_BYTES);
          }
          const contents = await read(disk, 0, SECTORS);
          await disk.close();
          expect(firstDifference(contents, model)).toBe(-1);
        }),
        { numRuns: 20 },
      );
    });
  });
}
