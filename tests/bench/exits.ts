// What leaving generated code costs: slices, single blocks, port and memory-mapped I/O, software interrupts, page-table walks.
import { AGAIN, IDT, loopGuest } from './loop-guest.js';
import type { Measurement } from './measurement.js';

const TURNS = 1000;

/** A loop with one exit a turn, of `instructions` instructions. */
function exitLoop(name: string, text: string, instructions: number): Measurement {
  const { cpu, ram } = loopGuest(32, `again:\n${text}\njmp again\nhandler:\niret`, false);
  // Vector 30h: interrupt gate to `handler`, one byte in front of the end of the code.
  let end = 0x20000;
  while (ram.getUint8(end) !== 0xcf || ram.getUint32(end + 1, true) !== 0) end++;
  ram.setUint32(IDT + 0x30 * 8, 0x80000 | (end & 0xffff), true);
  ram.setUint32(IDT + 0x30 * 8 + 4, (end & 0xffff0000) | 0x8e00, true);
  const budget = TURNS * (instructions + 1);
  return { name, unit: 'round trip', count: TURNS, call: () => cpu.run(budget) };
}

/** A program at level 3 that does nothing but SYSENTER, and a kernel that sends it back. */
function systemCalls(): Measurement {
  const writeMsr = (msr: number, value: string): string =>
    `mov ecx, ${msr}\nmov eax, ${value}\nxor edx, edx\nwrmsr`;
  const { cpu } = loopGuest(
    32,
    `${writeMsr(0x174, '8')}
    ${writeMsr(0x175, '0x80000')}
    ${writeMsr(0x176, 'kernel')}
  kernel:
    mov edx, program
    mov ecx, esp
    sysexit
  program:
    sysenter`,
    true,
  );
  const name = 'SYSENTER and SYSEXIT';
  return { name, unit: 'round trip', count: TURNS, call: () => cpu.run(TURNS * 4) };
}

/** Loads from two pages whose entries of the TLB have the same place. */
function twoPages(): Measurement {
  const text = `again: mov rax, [0x40000]\nmov rax, [${AGAIN + 0x40000}]\njmp again`;
  const { cpu } = loopGuest(64, text, true);
  const name = 'loads from two pages that push each other out of the TLB';
  return { name, unit: 'pair', count: TURNS, call: () => cpu.run(TURNS * 3) };
}

const { cpu } = loopGuest(32, 'again: jmp again', false);
const halted = loopGuest(32, 'cli\nhlt', false).cpu;

export const exits: readonly Measurement[] = [
  { name: 'run() with no budget', unit: 'call', count: 1, call: () => cpu.run(0) },
  { name: 'run() of one block', unit: 'call', count: 1, call: () => cpu.run(1) },
  { name: 'run() of a halted CPU', unit: 'call', count: 1, call: () => halted.run(1000) },
  exitLoop('OUT to a port', 'out 0x80, al', 1),
  exitLoop('IN from a port', 'in al, 0x80', 1),
  exitLoop('load from a device', 'mov eax, [0x300000]', 1),
  exitLoop('store to a device', 'mov [0x300000], eax', 1),
  exitLoop('RDTSC', 'rdtsc', 1),
  exitLoop('CPUID', 'xor eax, eax\ncpuid', 2),
  exitLoop('INT n and IRET', 'int 0x30', 2),
  systemCalls(),
  exitLoop('null and a segment to FS', 'xor edx, edx\nmov fs, edx\nmov edx, 16\nmov fs, edx', 4),
  exitLoop('load over a page end', 'mov eax, [0x40ffe]', 1),
  twoPages(),
  exitLoop('INVLPG and the walk behind it', 'invlpg [0x41000]\nmov eax, [0x41000]', 2),
];
