import { expect, test } from 'vitest';
import { buildMpTable } from './mp-table.js';

const options = { base: 0xf0000, cpuCount: 2, cpuSignature: 0x6fb, cpuFeatures: 0x78bfbff };
const sum = (bytes: Uint8Array): number => bytes.reduce((a, b) => a + b, 0) & 0xff;

test('a guest that walks the table finds processors, buses, I/O APIC and wiring', () => {
  const bytes = buildMpTable({ ...options, pciDevices: [2] });
  const view = new DataView(bytes.buffer);
  expect(String.fromCharCode(...bytes.subarray(0, 4))).toBe('_MP_');
  expect(sum(bytes.subarray(0, 16))).toBe(0);
  expect(view.getUint32(4, true)).toBe(0xf0010);
  const table = bytes.subarray(16);
  expect(String.fromCharCode(...table.subarray(0, 4))).toBe('PCMP');
  expect(view.getUint16(16 + 4, true)).toBe(table.length);
  expect(sum(table)).toBe(0);
  expect(view.getUint32(16 + 36, true)).toBe(0xfee00000);
  const found = new Map<number, number[][]>();
  let count = 0;
  for (let at = 44; at < table.length; count++) {
    const length = table[at] === 0 ? 20 : 8;
    const entry = [...table.subarray(at, at + length)];
    found.set(entry[0], [...(found.get(entry[0]) ?? []), entry]);
    at += length;
  }
  expect(count).toBe(view.getUint16(16 + 34, true));
  expect(found.get(0)?.map((cpu) => [cpu[1], cpu[3]])).toEqual([
    [0, 3],
    [1, 1],
  ]);
  expect(found.get(2)).toEqual([[2, 2, 0x20, 1, 0, 0, 0xc0, 0xfe]]);
  const interrupts = found.get(3) ?? [];
  expect(interrupts).toContainEqual([3, 0, 0, 0, 1, 0, 2, 2]); // ISA 0 → pin 2
  expect(interrupts).toContainEqual([3, 0, 0x0d, 0, 1, 9, 2, 9]);
  expect(interrupts.filter((entry) => entry[4] === 0).map((e) => [e[5], e[7]])).toEqual([
    [8, 10],
    [9, 11],
    [10, 11],
    [11, 10],
  ]);
  expect(interrupts.some((entry) => entry[4] === 1 && entry[5] === 2)).toBe(false);
  expect(found.get(4)).toEqual([
    [4, 3, 0, 0, 1, 0, 0xff, 0],
    [4, 1, 0, 0, 1, 0, 0xff, 1],
  ]);
});

test('a base that is not on a paragraph, and APIC ids that clash, are refused', () => {
  expect(() => buildMpTable({ ...options, base: 0xf0008 })).toThrow(/16-byte/);
  expect(() => buildMpTable({ ...options, ioapicId: 1 })).toThrow(/id above/);
});
