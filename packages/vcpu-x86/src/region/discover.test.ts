import { describe, expect, it } from 'vitest';
import { assemble } from '../asm/index.js';
import { FeatureGate } from '../isa/feature-gate.js';
import { GATE, type Region } from './blocks.js';
import { discoverRegion, MAX_REGION_INSTRUCTIONS } from './discover.js';

const LINEAR = 0x10_0000;
function regionOf(text: string): Region {
  const bytes = new Uint8Array(2 * 4096);
  bytes.set(assemble(text, { bits: 32, origin: LINEAR }).bytes);
  const source = {
    bytes,
    entry: 0,
    pageAt: (delta: number) => (delta === 0 ? 0 : -1),
    linear: LINEAR,
    wordAt: () => -1,
  };
  const mode = { bits: 32, stackBits: 32, flat: true } as const;
  return discoverRegion(source, mode, FeatureGate.all()) as Region;
}
const times = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

describe('a region', () => {
  it('may be entered where calls of other code come back, and behind what it leaves to the cold tier', () => {
    const { entries, blocks } = regionOf(`
      mov eax, 1
      call 0x200000
      inc eax
      cpuid
      add eax, 2
      jmp far_on
    far_on:
      ret`);
    expect(entries).toEqual([0, 10, 18]);
    expect(blocks[0]).toMatchObject({ start: GATE, end: { kind: 'enter', entries } });
  });

  it('has a block at each entry, however much code lies around it', () => {
    for (let count = 1; count < 120; count++) {
      const { entries, blocks, instructions } = regionOf(`
        test ecx, ecx
        jz near body
        cpuid
        jz near middle
        ret
      body:
        ${times(count, (i) => `add eax, ${i}`)}
      middle:
        inc edx
        ret`);
      expect(instructions).toBeLessThanOrEqual(MAX_REGION_INSTRUCTIONS);
      const starts = blocks.map(({ start }) => start);
      for (const offset of entries) expect(starts).toContain(offset);
    }
  });

  it('is not entered in the middle of a loop, which would have no one head then', () => {
    const { entries, blocks } = regionOf(`
      mov ecx, 10
    head:
      test eax, eax
      jz past
      call 0x200000
    past:
      dec ecx
      jnz head
      ret`);
    expect(entries).toEqual([0]);
    expect(blocks[0].start).toBe(0);
  });
});
