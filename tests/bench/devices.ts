// Device accesses that kernels make all the time, from a guest's instruction through the board's buses to the device and back.
import { Machine } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';
import { assemble } from '@proxeny/vcpu-x86/asm';
import type { Measurement } from './measurement.js';

const TURNS = 1000;
const ROM_BYTES = 0x10000;

/** A firmware image of 64 KiB that runs `text` for ever, in real mode with DS over the local APIC's registers (unreal mode). */
function machine(text: string): Machine {
  const source = `bits 16
    cli
    lgdt [cs:gdtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov ds, bx
    and al, 0xfe
    mov cr0, eax
    mov ebx, 0xfee00000
  again:
    ${text}
    jmp again
  gdtr: dw 15
    dd 0xf0000 + gdt
  gdt: dd 0, 0, 0x0000ffff, 0x00cf9300`;
  const rom = new Uint8Array(ROM_BYTES);
  rom.set(assemble(source, { bits: 16, origin: 0 }).bytes);
  rom.set([0xea, 0, 0, 0, 0xf0], ROM_BYTES - 16); // jmp F000:0000
  const model = cpuModel('max');
  if (!model) throw new Error('no CPU model max');
  return new Machine({ image: rom, protocol: 'firmware', memoryBytes: 4 << 20, model });
}

function device(name: string, text: string, instructions: number): Measurement {
  const { cpu } = machine(text);
  const budget = TURNS * (instructions + 1);
  return { name, unit: 'access', count: TURNS, call: () => cpu.run(budget) };
}

export const devices: readonly (() => Measurement)[] = [
  () => device('UART, line status', 'mov dx, 0x3fd\nin al, dx', 2),
  () => device('UART, a byte sent', 'mov dx, 0x3f8\nout dx, al', 2),
  () => device('PIC, mask read', 'in al, 0x21', 1),
  () =>
    device(
      'PIT, counter latched and read',
      'xor al, al\nout 0x43, al\nin al, 0x40\nin al, 0x40',
      4,
    ),
  () => device('RTC, a register', 'mov al, 10\nout 0x70, al\nin al, 0x71', 3),
  () => device('local APIC, version read', 'mov eax, [ebx+0x30]', 1),
  () => device('local APIC, end of interrupt', 'mov dword [ebx+0xb0], 0', 1),
  () => device('port without a device', 'in al, 0x80', 1),
];
