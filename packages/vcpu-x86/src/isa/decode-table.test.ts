// The dense tables against the rule of their first comment, read plainly: of the rows that accept an encoding, the most particular one.
import { describe, expect, it } from 'vitest';
import { extendedRow, fallbackRow, GROUP_BASE, groups, slots, wideRow } from './decode-table.js';
import type { Row } from './row.js';
import { rows } from './table.js';

const PREFIXES = [['', 'np'], ['', '66'], ['', 'f3'], ['', 'f2']] as const; // biome-ignore format: a list

const fixes = (row: Row): readonly boolean[] => [
  row.prefix !== '',
  row.fixedRm >= 0,
  row.extension >= 0,
  row.modrm === 'mem' || row.modrm === 'reg',
  !row.registerInOpcode,
];

/** Negative if `a` is the more particular one: what counts most comes first in {@link fixes}. */
function compare(a: Row, b: Row): number {
  const theirs = fixes(b);
  const at = fixes(a).findIndex((is, i) => is !== theirs[i]);
  if (at < 0) return 0;
  return theirs[at] ? 1 : -1;
}

function acceptsModrm(row: Row, modrm: number): boolean {
  if (row.modrm === 'none') return true;
  if (row.modrm === (modrm >= 0xc0 ? 'mem' : 'reg')) return false;
  const hasRm = row.fixedRm < 0 || row.fixedRm === (modrm & 7);
  return hasRm && (row.extension < 0 || row.extension === ((modrm >> 3) & 7));
}

/** Rows of a slot without REX.W, the most particular first, and those with it. */
function rowsOf(slot: number): { narrow: Row[]; wide: Row[] } {
  const prefixes: readonly string[] = PREFIXES[slot & 3];
  const opcode = (slot >> 2) & 0xff;
  const map = (slot >> 10) & 3;
  const absent = slot >> 12 ? 'no64' : 'only64';
  const all = rows.filter(
    (row) =>
      row.map === map &&
      row.opcode === (row.registerInOpcode ? opcode & ~7 : opcode) &&
      prefixes.includes(row.prefix) &&
      !row.attributes.has(absent),
  );
  const isWide = (row: Row): boolean => row.attributes.has('rexw');
  return {
    narrow: all.filter((row) => !isWide(row)).sort(compare),
    wide: all.filter(isWide),
  };
}

const found = (slot: number, modrm: number): number => {
  const content = slots[slot];
  return content < GROUP_BASE ? content : groups[(content - GROUP_BASE) * 256 + modrm];
};

describe("the decoder's tables", () => {
  it('lead every opcode, prefix and ModRM byte to the most particular row that accepts them', () => {
    const wrong: string[] = [];
    for (let slot = 0; slot < slots.length; slot++) {
      const { narrow } = rowsOf(slot);
      for (let modrm = 0; modrm < 256; modrm++) {
        const expected = narrow.find((row) => acceptsModrm(row, modrm))?.id ?? -1;
        if (found(slot, modrm) !== expected) wrong.push(`${slot.toString(16)} ${modrm}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('lead a row that needs a feature to the next that accepts the same, or to none', () => {
    const next = new Set<string>();
    for (let slot = 0; slot < slots.length; slot++) {
      const { narrow } = rowsOf(slot);
      for (let modrm = 0; modrm < 256; modrm++) {
        const [best, other] = narrow.filter((row) => acceptsModrm(row, modrm));
        if (best?.feature && other) next.add(`${best.id} ${other.id}`);
      }
    }
    const noted = [...fallbackRow.entries()].filter(([, to]) => to >= 0);
    expect(noted.length).toBeGreaterThan(0);
    expect(new Set(noted.map((pair) => pair.join(' ')))).toEqual(next);
  });

  it('lead REX.W to the row beside it, and REX.B of 90 to XCHG', () => {
    const wide = rows.filter((row) => row.attributes.has('rexw')).map((row) => row.id);
    expect(new Set(wideRow.filter((id) => id >= 0))).toEqual(new Set(wide));
    for (const [narrow, id] of wideRow.entries())
      if (id >= 0) expect(rows[narrow].opcode).toBe(rows[id].opcode);
    const nop = rows.find((row) => row.source[0] === '90');
    expect(rows[extendedRow[nop?.id ?? -1]]?.mnemonic).toBe('XCHG');
  });
});
