import { beforeEach, describe, expect, it } from 'vitest';
import { EFER_LMA, FLAG_AC, FLAG_IF } from '../core.js';
import { SET_SUPERVISOR, TLB_INDEX_MASK, TLB_INDEX_SHIFT } from '../mmu/tlb.js';
import {
  CR0,
  CR3,
  CR4,
  CS,
  EFER,
  FLAGS_OTHER,
  MODE_KEY,
  PENDING,
  PENDING_MODE,
} from '../state/layout.js';
import { CODE0, CODE64, SystemMachine } from './system-machine.contract.js';

const eax = (m: SystemMachine, v: number): void => m.state.setGpr32(0, v);

describe('MOV to control registers', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });

  it('refuses paging without protection and NW without CD', () => {
    eax(m, 0x80000010);
    expect(m.execute('mov cr0, eax')).toEqual([13, 0]);
    eax(m, 0x20000011);
    expect(m.execute('mov cr0, eax')).toEqual([13, 0]);
    expect(m.state.get(CR0)).toBe(0x11);
  });
  it('is privileged, and CR1, CR5 and CR8 of 32-bit code do not exist', () => {
    expect(m.execute('db 0x0f, 0x22, 0xc8')).toEqual([6, -1]);
    m.level(3);
    expect(m.execute('mov cr0, eax')).toEqual([13, 0]);
    expect(m.execute('mov eax, cr3')).toEqual([13, 0]);
  });
  it('refuses CR4 bits that the model lacks', () => {
    eax(m, 0x2000);
    expect(m.execute('mov cr4, eax')).toEqual([13, 0]);
    eax(m, 1);
    expect(m.execute('mov cr4, eax')).toEqual([13, 0]);
    eax(m, 0x6b0);
    expect(m.execute('mov cr4, eax')).toBeNull();
    expect(m.state.get(CR4)).toBe(0x6b0);
    const old = new SystemMachine('486');
    old.protect();
    eax(old, 0x20);
    expect(old.execute('mov cr4, eax')).toEqual([13, 0]);
  });
  it('loads the four directory pointers of PAE, and refuses reserved bits in them', () => {
    const { ram, state } = m;
    ram.setUint32(0x10000, 0x12001, true);
    ram.setUint32(0x12000, 0x83, true);
    state.set64(CR3, 0x10000);
    state.set(CR4, 0x20);
    ram.setUint32(0x10008, 0x13003, true);
    eax(m, 0x80000011 | 0);
    expect(m.execute('mov cr0, eax')).toEqual([13, 0]);
    ram.setUint32(0x10008, 0, true);
    expect(m.execute('mov cr0, eax')).toBeNull();
    expect(m.core.mmu.walk.pdpte[0]).toBe(0x12001);
    // The old entries stay until CR3 is written.
    ram.setUint32(0x10000, 0x12003, true);
    expect(m.execute('nop')).toBeNull();
    eax(m, 0x10000);
    expect(m.execute('mov cr3, eax')).toEqual([13, 0]);
    expect(m.state.get(CR3)).toBe(0x10000);
  });
  it('enters IA-32e mode by EFER.LME and CR0.PG, runs compatibility, then 64-bit code', () => {
    const { ram, state } = m;
    ram.setUint32(0x10000, 0x11007, true);
    ram.setUint32(0x11000, 0x12007, true);
    ram.setUint32(0x12000, 0x87, true);
    const program = `
      mov eax, 0x20
      mov cr4, eax
      mov eax, 0x10000
      mov cr3, eax
      mov ecx, 0xc0000080
      rdmsr
      or eax, 0x100
      wrmsr
      mov eax, 0x80000011
      mov cr0, eax
      jmp ${CODE64}:0x6000`;
    m.program(0x7000, program, 32);
    m.program(0x6000, 'mov rax, cr0\nmov cr0, rax', 64);
    state.rip = 0x7000;
    m.run(10);
    expect(state.get(EFER) & EFER_LMA).toBe(EFER_LMA);
    expect(m.core.mode64).toBe(false);
    state.set(PENDING, 0);
    m.run(1);
    expect(m.core.mode64).toBe(true);
    expect(state.get(PENDING) & PENDING_MODE).toBe(PENDING_MODE);
    expect(state.rip).toBe(0x6000);
    m.run(2);
    expect(state.rip).toBe(0x6006);
    // Paging cannot be left from 64-bit code, nor LME changed, nor PAE cleared.
    state.setGpr32(0, 0x11);
    expect(m.execute('mov cr0, rax')).toEqual([13, 0]);
    state.setGpr32(0, 0);
    expect(m.execute('mov cr4, rax')).toEqual([13, 0]);
    state.setGpr32(1, 0xc0000080);
    state.setGpr32(2, 0);
    expect(m.execute('wrmsr')).toEqual([13, 0]);
  });
  it('refuses CR3 bits beyond the physical width', () => {
    m.enterLong();
    m.state.setHalves(0, 0x10000, 0x100);
    expect(m.execute('mov cr3, rax')).toEqual([13, 0]);
  });
  it('forgets a changed page after INVLPG, and global pages only when CR4.PGE goes', () => {
    const { ram, state } = m;
    m.page32();
    eax(m, 0x80);
    expect(m.execute('mov cr4, eax')).toBeNull();
    ram.setUint32(0x11000 + 0x50 * 4, 0x50107, true);
    ram.setUint32(0x11000 + 0x51 * 4, 0x51007, true);
    ram.setUint32(0x60000, 0x66, true);
    const translated = (linear: number): number => {
      const { core } = m;
      const at = (linear >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK;
      const entry = (core.tlb.setBase(SET_SUPERVISOR) + at) >> 2;
      return state.i32[entry] === (linear & -4096) ? 1 : 0;
    };
    expect(m.execute('mov eax, [0x50000]')).toBeNull();
    expect(m.execute('mov eax, [0x51000]')).toBeNull();
    expect([translated(0x50000), translated(0x51000)]).toEqual([1, 1]);
    expect(m.execute('mov eax, cr3')).toBeNull();
    expect(m.execute('mov cr3, eax')).toBeNull();
    expect([translated(0x50000), translated(0x51000)]).toEqual([1, 0]);
    expect(m.execute('invlpg [0x50000]')).toBeNull();
    expect(translated(0x50000)).toBe(0);
  });
  it('sets PE by LMSW but does not clear it', () => {
    eax(m, 0xfff8);
    expect(m.execute('lmsw ax')).toBeNull();
    expect(m.state.get(CR0) & 0xf).toBe(9);
    expect(m.execute('clts')).toBeNull();
    expect(m.execute('smsw eax')).toBeNull();
    expect(m.state.gpr32(0)).toBe(0x11);
  });
});

describe('tables, flags and ports', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });

  it('LGDT and SGDT agree; a 16-bit operand loads 24 bits', () => {
    m.ram.setUint16(0x5000, 0x3f, true);
    m.ram.setUint32(0x5002, 0x12345678, true);
    expect(m.execute('lgdt [0x5000]')).toBeNull();
    expect(m.execute('sgdt [0x5100]')).toBeNull();
    expect([m.ram.getUint16(0x5100, true), m.ram.getUint32(0x5102, true)]).toEqual([
      0x3f, 0x12345678,
    ]);
    expect(m.execute('db 0x66\nlgdt [0x5000]')).toBeNull();
    expect(m.execute('sgdt [0x5100]')).toBeNull();
    expect(m.ram.getUint32(0x5102, true)).toBe(0x345678);
  });
  it('UMIP hides SGDT, SIDT, SLDT, STR and SMSW from level 3', () => {
    m.level(3);
    expect(m.execute('str ax')).toBeNull();
    m.state.set(CR4, 0x800);
    for (const text of ['sgdt [0x5000]', 'sidt [0x5000]', 'sldt ax', 'str ax', 'smsw ax'])
      expect([text, m.execute(text)]).toEqual([text, [13, 0]]);
  });
  it('LLDT and LTR check the descriptor; LTR marks it busy', () => {
    m.segment(0x60, 0x5000, 0x67, 0x89, 0);
    eax(m, 0x60);
    expect(m.execute('lldt ax')).toEqual([13, 0x60]);
    expect(m.execute('ltr ax')).toBeNull();
    expect(m.ram.getUint8(0x1065)).toBe(0x8b);
    expect(m.execute('ltr ax')).toEqual([13, 0x60]);
    m.segment(0x60, 0x5000, 0x1f, 0x82, 0);
    expect(m.execute('lldt ax')).toBeNull();
    m.ram.setUint32(0x5008, 0xffff, true);
    m.ram.setUint32(0x500c, 0xcf9300, true);
    eax(m, 0x0c);
    expect(m.execute('mov ds, ax')).toBeNull();
  });
  it('LAR, LSL, VERR and VERW answer in ZF', () => {
    eax(m, CODE0);
    m.state.setGpr32(3, 0x1234);
    expect(m.execute('lar ebx, ax')).toBeNull();
    expect(m.state.gpr32(3)).toBe(0xc09b00);
    expect(m.execute('lsl ebx, ax')).toBeNull();
    expect(m.state.gpr32(3)).toBe(0xffffffff);
    expect(m.state.rflags & 0x40).toBe(0x40);
    expect(m.execute('verr ax')).toBeNull();
    expect(m.state.rflags & 0x40).toBe(0x40);
    expect(m.execute('verw ax')).toBeNull();
    expect(m.state.rflags & 0x40).toBe(0);
    eax(m, 0x1000);
    expect(m.execute('lar ebx, ax')).toBeNull();
    expect([m.state.gpr32(3), m.state.rflags & 0x40]).toEqual([0xffffffff, 0]);
  });
  it('ARPL raises the RPL', () => {
    eax(m, 0x10);
    m.state.setGpr32(3, 3);
    expect(m.execute('arpl ax, bx')).toBeNull();
    expect([m.state.gpr32(0), m.state.rflags & 0x40]).toEqual([0x13, 0x40]);
    expect(m.execute('arpl ax, bx')).toBeNull();
    expect(m.state.rflags & 0x40).toBe(0);
  });
  it('POPF changes IF only within IOPL and IOPL only at level 0', () => {
    m.ram.setUint32(0x8000, 0x3000 | FLAG_AC | FLAG_IF | 0x8d5, true);
    expect(m.execute('popf')).toBeNull();
    expect(m.state.rflags).toBe(0x3000 | FLAG_AC | FLAG_IF | 0x8d7);
    m.level(3);
    m.state.setGpr32(4, 0x8000);
    m.ram.setUint32(0x8000, 0, true);
    expect(m.execute('popf')).toBeNull();
    expect(m.state.rflags).toBe(0x3002);
    m.state.rflags = 0x202;
    expect(m.execute('cli')).toEqual([13, 0]);
    m.state.setGpr32(4, 0x8000);
    expect(m.execute('popf')).toBeNull();
    expect(m.state.rflags).toBe(0x202);
  });
  it('PUSHF shows neither VM nor RF', () => {
    m.state.rflags = 0x10ad7;
    expect(m.execute('pushf')).toBeNull();
    expect(m.stack32(1)).toEqual([0xad7]);
  });
  it('checks ports against IOPL, then against the bit map', () => {
    m.level(3);
    m.state.setGpr32(2, 0x60);
    expect(m.execute('in al, dx')).toEqual([13, 0]);
    m.segment(0x60, 0x3000, 0x80, 0x89, 0);
    m.level(0);
    eax(m, 0x60);
    expect(m.execute('ltr ax')).toBeNull();
    m.ram.setUint8(0x3068 + 12, 0xfe);
    m.level(3);
    expect(m.execute('in al, dx')).toBeNull();
    expect(m.execute('db 0x66, 0xed')).toEqual([13, 0]);
    m.state.setGpr32(2, 0xc0);
    expect(m.execute('out dx, al')).toEqual([13, 0]);
    expect(m.ports).toEqual(['in 96 1']);
  });
});

describe('system calls', () => {
  it('SYSCALL and SYSRET go to the kernel and back', () => {
    const m = new SystemMachine();
    m.enterLong();
    const { state } = m;
    const wrmsr = (index: number, low: number, high: number): void => {
      state.setGpr32(1, index);
      state.setGpr32(0, low);
      state.setGpr32(2, high);
      expect(m.execute('wrmsr')).toBeNull();
    };
    wrmsr(0xc0000081, 0, 0x00300038);
    wrmsr(0xc0000082, 0x4000, 0xffff8000);
    wrmsr(0xc0000084, 0x700, 0);
    state.rflags = 0x246;
    expect(m.execute('syscall')).toBeNull();
    expect(state.gpr64(1)).toBe(0x7002);
    expect(state.gpr32(11)).toBe(0x246);
    expect(state.rflags).toBe(0x46);
    expect(state.rip).toBe(-(2 ** 47) + 0x4000);
    expect([state.selector(CS), state.cpl]).toEqual([0x38, 0]);
    expect(m.execute('db 0x48, 0x0f, 0x07')).toBeNull();
    expect([state.cpl, state.rip, state.selector(CS), state.rflags]).toEqual([
      3, 0x7002, 0x43, 0x246,
    ]);
    // Level 3 has no SYSRET, and a return address must be canonical.
    expect(m.execute('db 0x48, 0x0f, 0x07')).toEqual([13, 0]);
    expect(m.execute('swapgs')).toEqual([13, 0]);
  });
  it('SYSENTER and SYSEXIT', () => {
    const m = new SystemMachine('pentium3');
    m.protect();
    const { state } = m;
    m.level(3);
    expect(m.execute('sysenter')).toEqual([13, 0]);
    m.level(0);
    [CODE0, 0xa000, 0x4000].forEach((v, i) => {
      state.setGpr32(1, 0x174 + i);
      state.setGpr32(0, v);
      state.setGpr32(2, 0);
      expect(m.execute('wrmsr')).toBeNull();
    });
    m.level(3);
    expect(m.execute('sysenter')).toBeNull();
    expect([state.cpl, state.rip, state.gpr32(4), state.selector(CS)]).toEqual([
      0,
      0x4000,
      0xa000,
      CODE0,
    ]);
    state.setGpr32(1, 0x8800);
    state.setGpr32(2, 0x7777);
    expect(m.execute('sysexit')).toBeNull();
    expect([state.cpl, state.rip, state.gpr32(4), state.selector(CS)]).toEqual([
      3,
      0x7777,
      0x8800,
      CODE0 + 16 + 3,
    ]);
  });
  it('SYSCALL is #UD in 32-bit code', () => {
    const m = new SystemMachine();
    m.protect();
    m.state.set(EFER, 1);
    expect(m.execute('syscall')).toEqual([6, -1]);
    expect(m.state.get(MODE_KEY) & 3).toBe(1);
    expect(m.state.get(FLAGS_OTHER)).toBe(2);
  });
});
