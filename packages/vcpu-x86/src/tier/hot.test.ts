// The hot tier against the cold one: the same program must end in the same state, whichever tier ran it, wherever its memory lies.
import { describe, expect, it } from 'vitest';
import { HIGH_RAM, silentPlatform, TestingMachine } from '../testing-machine.contract.js';
import { randomLoop } from './random-loop.contract.js';

const rounds = Number(globalThis.process?.env.PROXENY_FUZZ ?? 60);

describe.each([32, 64] as const)('a random %i-bit loop', (bits) => {
  it(
    `ends alike in both tiers (${rounds} programs)`,
    () => {
      for (let seed = 1; seed <= rounds; seed++) {
        const text = randomLoop(seed, bits);
        const cold = new TestingMachine(text, bits, Number.POSITIVE_INFINITY);
        const hot = new TestingMachine(text, bits, 5, { ramAt: HIGH_RAM });
        expect(cold.run(), `seed ${seed} halts\n${text}`).toBe(true);
        expect(hot.run(), `seed ${seed} halts when hot\n${text}`).toBe(true);
        expect(hot.cpu.hot.counters.compiled, `seed ${seed}`).toBeGreaterThan(0);
        expect(hot.summary(), `seed ${seed}\n${text}`).toBe(cold.summary());
      }
    },
    30_000 + rounds * 500,
  );
});

describe('hot code', () => {
  it('that writes itself runs what it wrote', () => {
    // The immediate of MOV EAX changes every time round.
    const text = `mov ecx, 100
again:
mov eax, 0
change:
add ebx, eax
inc byte [change-4]
dec ecx
jnz again
hlt`;
    const results = [Number.POSITIVE_INFINITY, 5].map((threshold) => {
      const m = new TestingMachine(text, 32, threshold);
      expect(m.run()).toBe(true);
      return m.summary();
    });
    expect(results[1]).toBe(results[0]);
  });
  it.each(['jmp [0x6000+eax*4]', 'mov eax, [0x6000+eax*4]\njmp eax'])(
    'goes where the table of `%s` says, also when it changes',
    (jump) => {
      const next = `dec ecx\njz done\nmov eax, ecx\nand eax, 3\n${jump}`;
      const text = `mov dword [0x6000], one
mov dword [0x6004], two
mov dword [0x6008], three
mov dword [0x600c], four
mov ecx, 3000
one:
inc ebx
cmp ecx, 1000
jne skip
mov dword [0x6004], five
skip:
${next}
two:
lea ebx, [ebx+ebx*2]
${next}
three:
xor ebx, ecx
${next}
four:
rol ebx, 3
${next}
five:
sub ebx, ecx
${next}
done:
hlt`;
      const results = [Number.POSITIVE_INFINITY, 5].map((threshold) => {
        const m = new TestingMachine(text, 32, threshold);
        expect(m.run()).toBe(true);
        return m.summary();
      });
      expect(results[1]).toBe(results[0]);
    },
  );
  it('gives the slice back when its budget is used up', () => {
    const m = new TestingMachine('again:\ninc eax\njmp again', 32, 5);
    m.cpu.run(1000);
    m.cpu.run(1000);
    const before = m.cpu.state.gpr32(0);
    m.cpu.run(100_000);
    const done = m.cpu.state.gpr32(0) - before;
    expect(m.cpu.hot.counters.compiled).toBe(1);
    expect(done).toBeGreaterThan(45_000);
    expect(done).toBeLessThan(55_000);
  });
  it.each([
    ['within half a minute', 10, 1],
    ['more slowly', 60, 0],
  ])('is compiled if it became hot %s of guest time', (_how, seconds, compiled) => {
    let nowNs = 0;
    const platform = { ...silentPlatform, nowNs: () => nowNs };
    const m = new TestingMachine('again:\ninc eax\njmp again', 32, 1000, { platform });
    // As often as it takes, and as often again.
    for (let run = 0; run < 20; run++) {
      m.cpu.run(200);
      nowNs += (seconds / 10) * 1e9;
    }
    expect(m.cpu.hot.counters.compiled).toBe(compiled);
  });
});
