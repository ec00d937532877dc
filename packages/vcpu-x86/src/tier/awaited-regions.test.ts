// Regions that are compiled elsewhere while the guest runs on: it must end as it does without, whenever they come.
import { describe, expect, it } from 'vitest';
import { helpedLibrary, SlowHelper } from '../region/slow-helper.contract.js';
import { TestingMachine } from '../testing-machine.contract.js';
import { randomLoop } from './random-loop.contract.js';

/** Runs to the HLT in short slices: answers are looked for between them. */
function ended(m: TestingMachine, slice = 300): TestingMachine {
  for (let i = 0; i < 20_000 && !m.cpu.isHalted; i++) m.cpu.run(slice);
  expect(m.cpu.isHalted).toBe(true);
  return m;
}
const cold = (text: string, bits: 32 | 64 = 32): string =>
  ended(new TestingMachine(text, bits, Number.POSITIVE_INFINITY), 10_000).summary();
const helped = (text: string, helper: SlowHelper, bits: 32 | 64 = 32): TestingMachine =>
  new TestingMachine(text, bits, 5, { library: helpedLibrary(helper) });

const rounds = Number(globalThis.process?.env.PROXENY_FUZZ ?? 30);

describe.each([32, 64] as const)('a random %i-bit loop with a helper', (bits) => {
  it(
    `ends as it does in the cold tier (${rounds} programs)`,
    () => {
      let compiled = 0;
      for (let seed = 1; seed <= rounds; seed++) {
        const text = randomLoop(seed, bits);
        const m = ended(helped(text, new SlowHelper(seed % 4), bits));
        expect(m.summary(), `seed ${seed}\n${text}`).toBe(cold(text, bits));
        compiled += m.cpu.hot.counters.compiled;
      }
      expect(compiled).toBeGreaterThan(rounds);
    },
    30_000 + rounds * 500,
  );
});

describe('a hot block with a helper', () => {
  const loop = `mov ecx, 3000
again:
inc eax
dec ecx
jnz again
hlt`;
  it('runs in the cold tier until its region has come', () => {
    const helper = new SlowHelper(3);
    const m = helped(loop, helper);
    m.cpu.run(300);
    m.cpu.run(300);
    expect(helper.questions).toHaveLength(1);
    expect(m.cpu.hot.counters).toMatchObject({ compiled: 0, modules: 0 });
    ended(m);
    expect(m.cpu.hot.counters).toMatchObject({ compiled: 1, modules: 1, reused: 0 });
    expect(m.cpu.state.gpr32(0)).toBe(3000);
  });

  it('is asked for again with the pages that its code goes on to', () => {
    const text = `mov ecx, 3000
jmp again
${'nop\n'.repeat(4070)}
again:
${'inc eax\nadd ebx, eax\n'.repeat(10)}
dec ecx
jnz again
hlt`;
    const helper = new SlowHelper(0);
    const m = ended(helped(text, helper));
    const shown = helper.questions.flatMap((q) => q.regions.map((r) => [...r.image.pages.keys()]));
    expect(shown.length).toBeGreaterThan(1);
    expect(shown.flat()).toContain(-1);
    expect(m.cpu.hot.counters.compiled).toBeGreaterThan(0);
    expect(m.summary()).toBe(cold(text));
  });

  it('is asked for with pages that the same large page maps, whatever was translated last', () => {
    const helper = new SlowHelper(3);
    const m = helped(
      'mov ecx, 3000\nagain:\nmov eax, [200000h]\ndec ecx\njnz again\nhlt',
      helper,
      64,
    );
    // A table of small pages for the next two megabytes.
    const view = new DataView(m.ram.buffer, m.ram.byteOffset);
    view.setUint32(0xa2008, 0xa3003, true);
    view.setUint32(0xa3000, 0x5003, true);
    ended(m);
    expect(helper.questions[0].regions[0].image.pages.size).toBeGreaterThan(1);
  });

  it('is asked for again with the table that it jumps through', () => {
    const next = 'dec ecx\njz done\nmov eax, ecx\nand eax, 1\njmp [0x6000+eax*4]';
    const text = `mov dword [0x6000], one
mov dword [0x6004], two
mov ecx, 3000
one:
inc ebx
${next}
two:
lea ebx, [ebx+ebx*2]
${next}
done:
hlt`;
    const helper = new SlowHelper(0);
    const m = ended(helped(text, helper));
    const words = helper.questions.flatMap((q) => q.regions.map((r) => r.image.words.size));
    expect(words).toContain(16);
    expect(m.summary()).toBe(cold(text));
  });

  it('is asked for with the places that were executed as well', () => {
    const text = `mov ecx, 30000
again:
test ecx, 1
jz even
add eax, ecx
even:
cmp ecx, 70000
ja never
dec ecx
jnz again
hlt
never:
xor eax, eax
hlt`;
    const helper = new SlowHelper(1);
    const m = new TestingMachine(text, 32, 1000, { library: helpedLibrary(helper) });
    ended(m, 2000);
    const { image } = helper.questions[0].regions[0];
    // Code is at the start of its page; `again` behind one instruction of five bytes.
    expect(image.pages.get(0)?.warm).toContain(5);
    expect(image.pages.get(0)?.warm?.length).toBeLessThan(8);
    expect(m.cpu.hot.counters.compiled).toBeGreaterThan(0);
    expect(m.summary()).toBe(cold(text));
  });

  it('that writes itself meanwhile runs what it wrote', () => {
    const text = `mov ecx, 1000
again:
mov eax, 0
change:
add ebx, eax
test ecx, 63
jnz go
inc byte [change-4]
go:
dec ecx
jnz again
hlt`;
    for (const delay of [0, 1, 2, 5])
      expect(ended(helped(text, new SlowHelper(delay)), 150).summary()).toBe(cold(text));
  }, 30_000);

  it('is compiled on its own thread when the helper is lost', () => {
    const helper = new SlowHelper(1000);
    const m = helped(loop, helper);
    m.cpu.run(300);
    helper.isLost = true;
    ended(m);
    expect(m.cpu.hot.library.help.isThere).toBe(false);
    expect(m.cpu.hot.counters).toMatchObject({ compiled: 1, modules: 1 });
    expect(m.cpu.state.gpr32(0)).toBe(3000);
  });

  it('does not ask for more than a bounded number of regions at a time', () => {
    const loops = Array.from({ length: 300 }, (_, i) => {
      const label = `loop${i}`;
      return `mov ecx, 40\n${label}:\nadd eax, ${i}\ndec ecx\njnz ${label}`;
    });
    const text = `mov edi, 20\nouter:\n${loops.join('\n')}\ndec edi\njnz outer\nhlt`;
    const helper = new SlowHelper(Number.POSITIVE_INFINITY);
    const m = new TestingMachine(text, 32, 5, {
      ...{ library: helpedLibrary(helper), hotBatch: 100 },
    });
    ended(m, 10_000);
    const asked = helper.questions.reduce((sum, q) => sum + q.regions.length, 0);
    expect(asked).toBe(4 * 32);
    expect(m.summary()).toBe(cold(text));
  }, 30_000);
});
