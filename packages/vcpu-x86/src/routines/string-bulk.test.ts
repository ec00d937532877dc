// REP MOVS and REP STOS over several pages: as if done element by element, whatever pages, places and overlaps.
import { describe, expect, it } from 'vitest';
import { GPR } from '../state/layout.js';
import { HIGH_RAM, TestingMachine } from '../testing-machine.contract.js';

const AREA = 0x40000;
const AREA_BYTES = 0x60000;
const VALUE = 0x8899aabbccddeeffn;

interface Move {
  readonly size: 1 | 2 | 4 | 8;
  readonly count: number;
  /** Offsets in the area. */
  readonly from: number;
  readonly to: number;
}
const suffix = { 1: 'b', 2: 'w', 4: 'd', 8: 'q' } as const;

const moves: readonly Move[] = [
  { size: 4, count: 16384, from: 0x20, to: 0x20020 },
  { size: 4, count: 16384, from: 0x24, to: 0x20ff8 },
  { size: 4, count: 10000, from: 0x21, to: 0x20003 },
  { size: 1, count: 100_000, from: 0x7, to: 0x30000 },
  { size: 2, count: 30_000, from: 0x2, to: 0x30001 },
  { size: 2, count: 30_000, from: 0x2, to: 0x30002 },
  { size: 8, count: 9000, from: 0x8, to: 0x30010 },
  { size: 8, count: 9000, from: 0x5, to: 0x30ffc },
  // The target follows its source within a page, by a page, and by more.
  { size: 1, count: 20_000, from: 0x100, to: 0x103 },
  { size: 4, count: 9000, from: 0x100, to: 0x1100 },
  { size: 4, count: 9000, from: 0x100, to: 0x1180 },
  { size: 4, count: 9000, from: 0x1100, to: 0x100 },
];

/** The area before and after, as the CPU does it until HLT. */
function run(
  text: string,
  bits: 32 | 64,
  ramAt?: number,
): { before: Uint8Array; after: Uint8Array; m: TestingMachine } {
  const m = new TestingMachine(`${text}\nhlt`, bits, Infinity, { ...(ramAt ? { ramAt } : {}) });
  for (let i = 0; i < AREA_BYTES; i++) m.ram[AREA + i] = (i * 31 + (i >>> 8) * 7) & 0xff;
  const before = m.ram.slice(AREA, AREA + AREA_BYTES);
  // Slices end within a move.
  for (let slice = 0; !m.cpu.isHalted; slice++) {
    if (slice > 10_000) throw new Error('it does not end');
    m.cpu.run(500);
  }
  return { before, after: m.ram.slice(AREA, AREA + AREA_BYTES), m };
}
const registers = (m: TestingMachine): bigint[] =>
  [1, 6, 7].map((number) =>
    m.cpu.state.view.getBigUint64(m.cpu.state.base + GPR + number * 8, true),
  );

const places = [
  { bits: 32, ramAt: undefined, where: '' },
  { bits: 64, ramAt: undefined, where: '' },
  { bits: 32, ramAt: HIGH_RAM, where: ' beyond 2 GiB of machine memory' },
  { bits: 64, ramAt: HIGH_RAM, where: ' beyond 2 GiB of machine memory' },
] as const;

describe.each(places)('in $bits-bit code$where', ({ bits, ramAt }) => {
  const prefix = bits === 64 ? 'r' : 'e';
  const fitting = moves.filter(({ size }) => size < 8 || bits === 64);

  it.each(fitting)('REP MOVS of $count × $size bytes from $from to $to', (move) => {
    const { size, count, from, to } = move;
    const { before, after, m } = run(
      `mov ${prefix}si, ${AREA + from}\nmov ${prefix}di, ${AREA + to}\nmov ${prefix}cx, ${count}\nrep movs${suffix[size]}`,
      bits,
      ramAt,
    );
    for (let i = 0; i < count * size; i += size)
      before.copyWithin(to + i, from + i, from + i + size);
    expect(Buffer.compare(after, before)).toBe(0);
    const end = count * size;
    expect(registers(m)).toEqual([0n, BigInt(AREA + from + end), BigInt(AREA + to + end)]);
  });

  it.each(fitting)('REP STOS of $count × $size bytes at $to', ({ size, count, to }) => {
    const value = bits === 64 ? VALUE : VALUE & 0xffffffffn;
    const { before, after, m } = run(
      `mov ${prefix}ax, ${value}\nmov ${prefix}di, ${AREA + to}\nmov ${prefix}cx, ${count}\nrep stos${suffix[size]}`,
      bits,
      ramAt,
    );
    for (let i = 0; i < count * size; i++)
      before[to + i] = Number((value >> BigInt((i % size) * 8)) & 0xffn);
    expect(Buffer.compare(after, before)).toBe(0);
    expect(registers(m)[2]).toBe(BigInt(AREA + to + count * size));
  });
});
