// Programs of random control flow, loops with several entries and calls among them, mean the same in regions and in the cold tier: what a
// region knows of its registers and windows must hold on every path.
import { expect, it } from 'vitest';
import { TestingMachine } from '../testing-machine.contract.js';

const DATA = 0x20000;

/** Numbers from 0 to `n` - 1. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Blocks that access memory around ebx and the stack and move both; each is left for a random one while ecx counts down. */
function program(seed: number): string {
  const random = randomOf(seed);
  const field = (): number => random(5) * 4;
  const statements: readonly (() => string)[] = [
    () => `mov eax, [ebx+${field()}]`,
    () => `add [ebx+${field()}], eax`,
    () => `mov [ebx+${field()}], ecx`,
    () => `xor al, [ebx+${field()}]`,
    () => `add ebx, ${random(4) * 4}`,
    () => `lea ebx, [ebx-${random(4) * 4}]`,
    () => 'mov ebx, edi',
    () => 'mov edx, ebx',
    () => 'xchg edx, ebx',
    () => `mov ebx, [ebp+${random(4) * 4}]`,
    () => 'push eax\nadd eax, [esp]\npop edx\nmov edx, ebx',
    () => `cmovs ebx, edi`,
  ];
  const blocks = 3 + random(6);
  const lines = [];
  for (let i = 0; i < blocks; i++) {
    lines.push(`b${i}:`, 'dec ecx', 'jz done');
    // Two accesses open a window, which later blocks find as it is or with another base.
    const changes = random(2) ? [] : [statements[4 + random(statements.length - 4)]()];
    const accesses = Array.from({ length: random(3) + 1 }, () => statements[random(4)]());
    lines.push(...changes, ...accesses);
    lines.push('imul esi, esi, 1103515245', 'add esi, 12345');
    lines.push(
      `test esi, ${1 << (12 + random(8))}`,
      `j${random(2) ? 'n' : ''}z b${random(blocks)}`,
    );
    if (random(3) === 0) lines.push('call f');
    if (random(3) === 0) lines.push(`jmp b${random(blocks)}`);
  }
  return [
    'mov esp, 30000h\nmov ebp, 21000h\nmov ecx, 1000\nmov esi, 7\nmov ebx, 20100h\nmov edi, ebx\nmov edx, ebx',
    ...[0, 4, 8, 12].map((at) => `mov dword [ebp+${at}], ${DATA + 0x100 + at * 16}`),
    ...lines,
    'done:\nhlt',
    `f:\nmov eax, [ebx+${field()}]\ntest esi, 8000h\njz f2\nmov ebx, edi\nf2:\nadd [ebx+${field()}], eax\nret`,
  ].join('\n');
}

/** Registers, flags and memory after the program. */
function outcome(text: string, hotThreshold: number): string {
  const machine = new TestingMachine(text, 32, hotThreshold);
  expect(machine.run()).toBe(true);
  return machine.summary();
}
function expectSame(text: string): void {
  expect(outcome(text, 2)).toBe(outcome(text, Infinity));
}

it('a loop with two ways in, of which one moves the base', () => {
  const next = 'imul esi, esi, 1103515245\nadd esi, 12345';
  expectSame(`mov esp, 30000h\nmov ecx, 500\nmov esi, 7
    again:\nmov ebx, 20100h\nmov eax, [ebx]\nadd [ebx+4], ecx\n${next}\ntest esi, 10000h\njnz moved
    other:\ninc edx\njmp both
    moved:\nmov ebx, 20200h
    both:\nmov eax, [ebx]\nadd [ebx+4], ecx\n${next}\ntest esi, 10000h\njnz other
    dec ecx\njnz again\nhlt`);
});

it.each(Array.from({ length: 100 }, (_, seed) => seed))('random blocks, seed %i', (seed) => {
  expectSame(program(seed));
});
