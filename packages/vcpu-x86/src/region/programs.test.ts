// Programs of instructions: shared where the place does not matter, and only there; bounded, whatever a guest runs.
import { expect, it } from 'vitest';
import { assemble } from '../asm/index.js';
import { decode } from '../isa/decode.js';
import { Instruction } from '../isa/instruction.js';
import { type Program, Programs } from './programs.js';

const mode = { bits: 64, stackBits: 64, flat: true } as const;

function programAt(programs: Programs, text: string, start: number): Program {
  const { bytes } = assemble(`bits 64\n${text}`, { bits: 64, origin: 0x1000 });
  const instruction = new Instruction();
  const length = decode(bytes, 0, bytes.length, 64, null, instruction);
  expect(length).toBe(bytes.length);
  return programs.of(instruction, String.fromCharCode(...bytes), start + length);
}

it.each([
  ['add rax, [rbx+rcx*4+8]', true],
  ['push rbp', true],
  ['jne 0x1040', true],
  ['lea rax, [rip+8]', false],
  ['call 0x1040', false],
])('%s means the same elsewhere: %s', (text, isShared) => {
  const programs = new Programs(mode);
  const here = programAt(programs, text, 0);
  expect(here).not.toBeNull();
  expect(programAt(programs, text, 0x40) === here).toBe(isShared);
});

it.each([
  ...['cli', 'sti', 'popfq', 'pop fs', 'mov gs, ecx', 'mov ds, ecx', 'rdtsc'],
  ...['rep movsb', 'rep movsq', 'rep stosb', 'rep stosq'],
  ...['lock xadd [rbx], ecx', 'xadd cl, ch', 'lock cmpxchg [rbx], ecx', 'lock cmpxchg8b [rbx]'],
])('%s is done in a region', (text) => {
  expect(programAt(new Programs(mode), text, 0)).not.toBeNull();
});
it.each([
  'iretq',
  'mov cr0, rax',
  'mov cr3, rax',
  'mov cr4, rax',
  'clts',
  'fxrstor [rbx]',
  'wrmsr',
  'syscall',
])('%s is the cold tier\u2019s', (text) => {
  expect(programAt(new Programs(mode), text, 0)).toBeNull();
});

it('jumps of one kind are one program, and no other instruction\u2019s', () => {
  const programs = new Programs(mode);
  const jump = programAt(programs, 'je 0x1010', 0);
  expect(programAt(programs, 'je 0x1030', 0)).toBe(jump);
  expect(programAt(programs, 'jne 0x1010', 0)).not.toBe(jump);
});

it('long programs are not kept without bound', () => {
  const programs = new Programs(mode);
  for (let i = 0; i < 20_000; i++) {
    programAt(programs, `adc dword [rbx+${i}], ${i}`, 0);
    expect(programs.nodeCount).toBeLessThanOrEqual(100_000);
  }
});

it('those of code that is never the same do not push out the others', () => {
  const programs = new Programs(mode);
  const unique = (from: number): void => {
    for (let i = from; i < from + 20_000; i++) programAt(programs, `adc dword [rbx+${i}], ${i}`, 0);
  };
  unique(0);
  programAt(programs, 'add rax, rbx', 0);
  const kept = programAt(programs, 'add rax, rbx', 0);
  const nodes = programs.nodeCount;
  unique(20_000);
  expect(programs.nodeCount).toBe(nodes);
  expect(programAt(programs, 'add rax, rbx', 0)).toBe(kept);
});
