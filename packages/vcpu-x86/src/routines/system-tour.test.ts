// One program through real, protected, virtual-8086, compatibility and 64-bit mode on the real run loop: what the reference
// evaluator does instruction by instruction must come out of the compiled tiers as well.
import { describe, expect, it } from 'vitest';
import { assemble } from '../asm/assembler.js';
import { BlockCache } from '../block/block-cache.js';
import { VCPU_SIZE, X86Cpu } from '../cpu.js';
import { EXIT_HALT } from '../exit.js';
import type { CpuPlatform } from '../platform.js';
import { CS } from '../state/layout.js';
import { cpuModel } from './cpu-models.js';
import { setRealSegment } from './real-segment.js';

const RAM_BYTES = 0x200000;

const program = `
bits 16
start:
  cli
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 0x08:protected
bits 32
protected:
  mov ax, 0x10
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x8000
  lidt [idtr32]
  mov ax, 0x28
  ltr ax
  int 0x30              ; trace "i"
  push 0                ; to virtual-8086 mode: GS FS DS ES SS ESP EFLAGS CS EIP
  push 0
  push 0
  push 0
  push 0x900
  push 0x100
  push 0x23002
  push 0
  push v86
  iret
handler30:
  mov al, 'i'
  out 0xe9, al
  iret
handler31:                ; from virtual-8086 mode, stays in level 0
  mov al, 'v'
  out 0xe9, al
  mov ax, 0x10            ; virtual-8086 mode leaves null segments behind
  mov ds, ax
  mov eax, 0x20
  mov cr4, eax
  mov eax, 0x10000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x101
  wrmsr
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  lidt [idtr64]
  jmp 0x38:long
bits 64
long:
  mov esp, 0x8000
  mov ax, 0x60
  ltr ax
  mov al, 'l'
  out 0xe9, al
  mov ecx, 0xc0000081
  xor eax, eax
  mov edx, 0x00480038
  wrmsr
  inc ecx
  mov eax, kernel
  xor edx, edx
  wrmsr
  mov ecx, user
  mov r11d, 0x3002
  db 0x48, 0x0f, 0x07     ; sysretq
user:
  mov al, 'u'
  out 0xe9, al
  mov rax, [0x7ffff000]   ; page fault, its handler skips it
  syscall
kernel:
  mov al, 'k'
  out 0xe9, al
  hlt
fault:
  mov al, 'f'
  out 0xe9, al
  mov rax, cr2
  mov [0x5000], rax
  mov eax, [rsp]
  mov [0x5008], eax
  add rsp, 8
  add qword [rsp], 8
  iretq
bits 16
v86:
  int 0x31
  hlt
align 16
gdt:
  dq 0
  dq 0x00cf9a000000ffff
  dq 0x00cf92000000ffff
  dq 0x00cffa000000ffff
  dq 0x00cff2000000ffff
  dq 0x0000890030000067
  dq 0
  dq 0x00af9a000000ffff   ; 38: SYSCALL code; 40: data
  dq 0x00cf92000000ffff
  dq 0                    ; 48: SYSRET to 32-bit code; 50: data; 58: 64-bit code
  dq 0x00cff2000000ffff
  dq 0x00affa000000ffff
  dq 0x0000890031000067   ; 60: 64-bit TSS
  dq 0
gdtr:
  dw 0x6f
  dd gdt
idtr32:
  dw 0x7ff
  dd 0x2000
idtr64:
  dw 0xfff
  dq 0x4000
`;

describe('a tour of all modes', () => {
  it('ends in the kernel of the 64-bit system call', () => {
    const blocks = RAM_BYTES + VCPU_SIZE;
    const memory = new WebAssembly.Memory({ initial: (blocks + 0x100000) / 65536 + 1 });
    const ram = new DataView(memory.buffer);
    const { bytes, symbols } = assemble(program, { bits: 16, origin: 0x7000 });
    new Uint8Array(memory.buffer).set(bytes, 0x7000);
    const symbol = (name: string): number => Number(symbols.get(name));
    const gate = (at: number, selector: number, offset: number, access: number): void => {
      ram.setUint32(at, (selector << 16) | (offset & 0xffff), true);
      ram.setUint32(at + 4, (offset & 0xffff0000) | (access << 8), true);
    };
    gate(0x2000 + 0x30 * 8, 0x08, symbol('handler30'), 0x8e);
    gate(0x2000 + 0x31 * 8, 0x08, symbol('handler31'), 0xee);
    gate(0x4000 + 14 * 16, 0x38, symbol('fault'), 0x8e);
    ram.setUint32(0x3004, 0x9000, true);
    ram.setUint32(0x3008, 0x10, true);
    ram.setUint32(0x3104, 0xa000, true);
    ram.setUint32(0x10000, 0x11007, true);
    ram.setUint32(0x11000, 0x12007, true);
    ram.setUint32(0x12000, 0x87, true);
    let output = '';
    const platform: CpuPlatform = {
      portRead: () => 0,
      portWrite: (_port, _size, value) => {
        output += String.fromCharCode(value);
      },
      mmioRead: () => 0xffffffff,
      mmioWrite: () => {},
      acknowledgeInterrupt: () => -1,
      nowNs: () => 0,
      randomU32: () => 4,
      readTaskPriority: () => 0,
      writeTaskPriority: () => {},
      readMsr: () => false,
      writeMsr: () => false,
    };
    const stage = {
      mfnOf: (gfn: number) => (gfn < RAM_BYTES / 4096 ? gfn : -1),
    } as ConstructorParameters<typeof X86Cpu>[0]['stage'];
    const model = cpuModel('max');
    if (!model) throw new Error('no model');
    const cpu = new X86Cpu({
      memory,
      base: RAM_BYTES,
      blocks: new BlockCache(memory, blocks, blocks + 0x100000),
      model,
      platform,
      stage,
    });
    setRealSegment(cpu.core, CS, 0);
    cpu.state.rip = 0x7000;
    cpu.core.updateMode();
    expect(cpu.run(1000)).toBe(EXIT_HALT);
    expect(output).toBe('ivlufk');
    expect(ram.getUint32(0x5000, true)).toBe(0x7ffff000);
    // A read by level 3 of a page that is not present.
    expect(ram.getUint32(0x5008, true)).toBe(4);
    expect(cpu.state.cpl).toBe(0);
    expect(cpu.state.selector(CS)).toBe(0x38);
  });
});
