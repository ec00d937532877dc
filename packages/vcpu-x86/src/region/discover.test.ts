// What becomes part of a region: what its branches lead to and the cold tier ran, on a few pages.
import { expect, it } from 'vitest';
import { assemble } from '../asm/index.js';
import { FeatureGate } from '../isa/feature-gate.js';
import { discoverRegion } from './discover.js';
import { Programs } from './programs.js';

const mode = { bits: 32, stackBits: 32, flat: true } as const;

/** Offsets of the region's blocks; `cold`: offsets that were hardly run. */
function blocksOf(text: string, cold: readonly number[] = []): number[] {
  const bytes = new Uint8Array(0x20000);
  for (let page = 0; page < bytes.length; page += 4096) bytes[page] = 0xc3; // RET
  bytes.set(assemble(text, { bits: 32, origin: 0 }).bytes);
  const source = {
    bytes,
    entry: 0,
    linear: 0,
    pageAt: (delta: number) => (delta >= 0 && delta < 32 ? delta * 4096 : -1),
    isWarm: (host: number) => !cold.includes(host),
    isLone: () => false,
    wordAt: () => -1,
  };
  const region = discoverRegion(source, mode, FeatureGate.all(), new Programs(mode));
  return (region?.blocks.map((b) => b.start) ?? []).sort((a, b) => a - b);
}

const twoWays = 'test eax, eax\njz 10h\ninc eax\nret\ntimes 9 nop\ninc ecx\nret';

it('both ways of a branch', () => {
  expect(blocksOf(twoWays)).toEqual([0, 4, 0x10]);
});
it('not a target that was hardly run', () => {
  expect(blocksOf(twoWays, [0x10])).toEqual([0, 4]);
});
it('a callee far away, and what it returns to', () => {
  expect(blocksOf('call 10000h\ninc eax\nret')).toEqual([0, 5, 0x10000]);
});
it('at most four pages', () => {
  const calls = [1, 2, 3, 4, 5].map((page) => `call ${page * 4096}`).join('\n');
  const pages = new Set(blocksOf(`${calls}\nret`).map((start) => start >> 12));
  expect([...pages]).toEqual([0, 1, 2, 3]);
});
