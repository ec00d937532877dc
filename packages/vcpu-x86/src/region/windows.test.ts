// Which accesses of a straight line share a probe of the TLB, and which may not.
import { expect, it } from 'vitest';
import { assemble } from '../asm/index.js';
import { decode } from '../isa/decode.js';
import { Instruction } from '../isa/instruction.js';
import type { RegionInstruction } from './discover.js';
import { Programs } from './programs.js';
import { Windows } from './windows.js';

function instructionsOf(text: string, bits: 32 | 64): RegionInstruction[] {
  const programs = new Programs({ bits, stackBits: bits, flat: true });
  const { bytes } = assemble(`bits ${bits}\n${text}`, { bits, origin: 0 });
  const found: RegionInstruction[] = [];
  for (let start = 0; start < bytes.length; ) {
    const instruction = new Instruction();
    const end = start + decode(bytes, start, bytes.length, bits, null, instruction);
    const program = programs.of(instruction, String.fromCharCode(...bytes.slice(start, end)), end);
    if (!program) throw new Error(`the instruction at ${start} is none of a region`);
    found.push({ start, next: end, program });
    start = end;
  }
  return found;
}

/** The windows of a straight line, as `from..to`, `w` behind those that are written. */
function windowsOf(text: string, bits: 32 | 64 = 32): string[] {
  const plan = new Windows(bits === 64).plan(instructionsOf(text, bits));
  const windows = new Set(plan.flatMap((uses) => uses.map((u) => u.window)));
  return [...windows].map((w) => `${w.from}..${w.to}${w.isWritten ? ' w' : ''}`);
}

it.each([
  ['fields of one structure', 'mov eax, [ebx+8]\nmov ecx, [ebx]\nmov dl, [ebx+20]', ['0..21']],
  ['a single access', 'mov eax, [ebx+8]', []],
  ['one that is written later', 'mov eax, [ebx]\nmov [ebx+4], eax', ['0..8 w']],
  ['read, changed, written', 'add dword [ebx], 1\nadd dword [ebx+4], 1', ['0..8 w']],
  ['pushes', 'push eax\npush ecx\npush edx', ['-12..0 w']],
  ['a frame', 'push ebp\nmov ebp, esp\nmov eax, [ebp+8]\nmov [ebp-4], eax', ['-8..8 w']],
  ['a copied base', 'mov ecx, ebx\nadd ecx, 16\nmov eax, [ecx]\nmov edx, [ebx+4]', ['4..20']],
  ['an index', 'mov eax, [ebx+esi*4]\nmov ecx, [ebx+esi*4+4]', ['0..8']],
  ['variables', 'mov eax, [1000h]\nmov ecx, [1010h]', ['4096..4116']],
  ['another base', 'mov eax, [ebx]\nmov ecx, [edx]', []],
  ['another index', 'mov eax, [ebx+esi*4]\nmov ecx, [ebx+esi*8]', []],
  ['a base that is loaded anew', 'mov eax, [ebx]\nmov ebx, [ecx]\nmov edx, [ebx]', []],
  ['a base that changes in part', 'mov eax, [ebx]\nmov bl, 4\nmov edx, [ebx]', []],
  ['a base that may change', 'mov eax, [ebx]\ncmovz ebx, ecx\nmov edx, [ebx]', []],
  ['a stack popped into its pointer', 'pop eax\npop esp\npop ecx\npop edx', ['0..8', '0..8']],
  ['exchanged bases', 'mov eax, [ebx]\nxchg ebx, ecx\nmov edx, [ebx]\nmov esi, [ecx]', []],
  ['far apart', 'mov eax, [ebx]\nmov ecx, [ebx+200]\nmov edx, [ebx+4]', ['0..8']],
])('%s', (_name, text, windows) => {
  expect(windowsOf(text)).toEqual(windows);
});

it('not those that would share with a lone instruction', () => {
  const text =
    'mov eax, [esi]\nmov eax, [ebx]\nmov ecx, [ebx+4]\nmov edx, [ebx+200]\nmov edi, [ebx+204]\nadd [esi+4], eax';
  const instructions = instructionsOf(text, 32);
  for (const lone of [1, 2]) {
    const windows = new Windows(false);
    const plan = windows.plan(instructions.map((i, n) => ({ ...i, isLone: n === lone })));
    expect(plan.map((uses) => uses.length)).toEqual([1, 0, 0, 1, 1, 1]);
    expect(windows.plan(instructionsOf('mov eax, [ebx]\nmov ecx, [ebx+4]', 32))).toMatchObject([
      [{}],
      [{}],
    ]);
  }
});

/** What opens in front of a loop of these instructions alone: the sums where windows begin. */
function earlyOf(text: string, bits: 32 | 64 = 32): (readonly number[])[] {
  const windows = new Windows(bits === 64);
  const loop = instructionsOf(text, bits);
  const early = windows.openEarly(loop, windows.changesOf(loop));
  return early.map(({ at }) => [at.first, at.second, at.offset]);
}

// Terms are four times a register's number, plus a shift.
it.each([
  ['a structure', 'mov eax, [ebx+8]\nmov ecx, [ebx]', [[12, -1, 0]]],
  ['a single field', 'mov eax, [ebx+8]', [[12, -1, 8]]],
  ['a variable', 'inc dword [1000h]', [[-1, -1, 4096]]],
  ['an element', 'mov eax, [ebx+esi*4+4]', [[12, 26, 4]]],
  ['a stack slot, by the pointer that is in the loop', 'push eax\npop ecx', []],
  ['a pointer that moves', 'mov eax, [ebx]\nadd ebx, 4', []],
  ['a copy of a pointer that stays', 'mov ecx, ebx\nmov eax, [ecx+4]', [[12, -1, 4]]],
])('in front of a loop: %s', (_name, text, sums) => {
  expect(earlyOf(text)).toEqual(sums);
});

it('in front of a loop of 64-bit code: a per-CPU variable', () => {
  // Bases of segments stand 32 bytes apart, and have numbers of eight bytes each, from 16.
  expect(earlyOf('mov rax, gs:[10h]', 64)).toEqual([[4 * (16 + 5 * 4), -1, 16]]);
  expect(earlyOf('mov eax, [ebx]', 64)).toEqual([]);
});

it('64-bit code: by whole registers and by segment bases', () => {
  expect(windowsOf('mov rax, [rbx]\nmov rcx, [rbx+8]', 64)).toEqual(['0..16']);
  expect(windowsOf('mov rax, gs:[rbx]\nmov rcx, gs:[rbx+8]', 64)).toEqual(['0..16']);
  expect(windowsOf('mov rax, gs:[rbx]\nmov rcx, fs:[rbx+8]', 64)).toEqual([]);
  // The upper half of ecx is gone.
  expect(windowsOf('mov rax, [rbx]\nmov ecx, ebx\nmov rdx, [rcx]', 64)).toEqual([]);
  expect(windowsOf('mov rax, [ebx]\nmov rdx, [rbx]', 64)).toEqual([]);
});

it('other translations and other segments end every window', () => {
  expect(windowsOf('mov rax, gs:[rbx]\nmov gs, ecx\nmov rdx, gs:[rbx+8]', 64)).toEqual([]);
  expect(windowsOf('mov rax, [rbx]\nstac\nmov rcx, [rbx+8]', 64)).toEqual([]);
});

it('an open window serves what follows in other blocks, with the rights that it was opened with', () => {
  const windows = new Windows(false);
  const [first] = windows.plan(instructionsOf('mov eax, [ebx]\nmov ecx, [ebx+8]', 32));
  const { window } = first[0];
  window.local = 1;
  const known = windows.snapshot();
  const after = (text: string): number => {
    windows.resume(known);
    return windows
      .plan(instructionsOf(text, 32))
      .flat()
      .filter((u) => u.window === window).length;
  };
  expect(after('mov edx, [ebx+4]')).toBe(1);
  expect(after('mov edx, [ebx+12]')).toBe(0);
  expect(after('mov [ebx+4], edx')).toBe(0);
  windows.resume(known);
  windows.lose(1 << 3);
  expect(windows.plan(instructionsOf('mov edx, [ebx+4]', 32)).flat()).toEqual([]);
});
