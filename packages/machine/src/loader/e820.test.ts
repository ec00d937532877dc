import { describe, expect, it } from 'vitest';
import { E820_RAM, highestFit, isRam, pcMemoryMap, topOfLowRam } from './e820.js';

const MIB = 0x100000;
const GIB = 1024 * MIB;

function ramBytes(byteLength: number): number {
  return pcMemoryMap(byteLength)
    .filter(({ type }) => type === E820_RAM)
    .reduce((sum, region) => sum + region.byteLength, 0);
}

describe('pcMemoryMap', () => {
  it('continues RAM above 3 GiB at 4 GiB', () => {
    const map = pcMemoryMap(5 * GIB);
    expect(topOfLowRam(map)).toBe(3 * GIB);
    expect(map.at(-1)).toEqual({ start: 4 * GIB, byteLength: 2 * GIB, type: E820_RAM });
    expect(pcMemoryMap(3 * GIB).at(-1)?.type).not.toBe(E820_RAM);
  });

  it('loses only the 385 KiB between EBDA and 1 MiB', () => {
    expect(ramBytes(64 * MIB)).toBe(64 * MIB - 385 * 1024);
    expect(ramBytes(64 * MIB + 100)).toBe(64 * MIB - 385 * 1024);
  });

  it('is sorted and free of overlap', () => {
    const map = pcMemoryMap(6 * GIB);
    for (let i = 1; i < map.length; i++) {
      expect(map[i].start).toBeGreaterThanOrEqual(map[i - 1].start + map[i - 1].byteLength);
    }
  });

  it('has no RAM above 1 MiB in a machine of 1 MiB', () => {
    expect(topOfLowRam(pcMemoryMap(MIB))).toBe(MIB);
  });
});

describe('isRam', () => {
  it('is true for ranges within one RAM region only', () => {
    const map = pcMemoryMap(16 * MIB);
    expect(isRam(map, MIB, 16 * MIB)).toBe(true);
    expect(isRam(map, MIB, 16 * MIB + 1)).toBe(false);
    expect(isRam(map, 0x9fbff, 0x9fc01)).toBe(false);
    expect(isRam(map, -4096, 0)).toBe(false);
    expect(isRam(map, Number.NaN, 5)).toBe(false);
  });
});

describe('highestFit', () => {
  const map = pcMemoryMap(16 * MIB);

  it('is below the bound, page-aligned and beside what is taken', () => {
    expect(highestFit(map, 5000, 16 * MIB, [])).toBe(16 * MIB - 0x2000);
    expect(highestFit(map, 4096, 9 * MIB, [])).toBe(9 * MIB - 4096);
    const taken = [{ start: 8 * MIB, end: 16 * MIB }];
    expect(highestFit(map, 4096, 16 * MIB, taken)).toBe(8 * MIB - 4096);
    expect(highestFit(map, 7 * MIB, 16 * MIB, taken)).toBe(MIB);
  });

  it('is −1 when nothing fits', () => {
    expect(highestFit(map, 16 * MIB, 16 * MIB, [])).toBe(-1);
    expect(highestFit(map, 8 * MIB, 16 * MIB, [{ start: 8 * MIB, end: 9 * MIB }])).toBe(-1);
  });
});
