import { beforeEach, describe, expect, it } from 'vitest';
import { CS, SS } from '../state/layout.js';
import {
  CODE0,
  CODE3,
  CODE64,
  DATA0,
  DATA3,
  FREE,
  GDT,
  SystemMachine,
  TSS,
} from './system-machine.contract.js';

describe('far transfers in protected mode', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });
  it('JMP loads CS with the current level as RPL', () => {
    expect(m.execute(`jmp ${CODE0}:0x4000`)).toBeNull();
    expect([m.state.selector(CS), m.state.rip]).toEqual([CODE0, 0x4000]);
  });
  it('JMP checks null, table, type, level, presence and limit', () => {
    expect(m.execute('jmp 0:0')).toEqual([13, 0]);
    expect(m.execute('jmp 0x1000:0')).toEqual([13, 0x1000]);
    expect(m.execute(`jmp ${DATA0}:0`)).toEqual([13, DATA0]);
    expect(m.execute(`jmp ${CODE3}:0`)).toEqual([13, CODE3 & ~3]);
    m.segment(FREE, 0, 0x3ff, 0x1b, 4);
    expect(m.execute(`jmp ${FREE}:0`)).toEqual([11, FREE]);
    m.segment(FREE, 0, 0x3ff, 0x9b, 4);
    expect(m.execute(`jmp ${FREE}:0x400`)).toEqual([13, 0]);
  });
  it('CALL and RET go to another segment and back', () => {
    m.segment(FREE, 0x1000, 0xffff, 0x9b, 4);
    m.program(0x5000, 'retf 8', 32);
    expect(m.execute(`call ${FREE}:0x4000`)).toBeNull();
    expect([m.state.selector(CS), m.state.rip]).toEqual([FREE, 0x4000]);
    expect(m.stack32(2)).toEqual([0x7007, CODE0]);
    expect(m.step()).toBeNull();
    expect([m.state.selector(CS), m.state.rip, m.state.gpr32(4)]).toEqual([CODE0, 0x7007, 0x8008]);
  });
  it('a call gate switches the stack and copies parameters; RET releases them on both stacks', () => {
    m.gateAt(GDT + FREE, CODE0, 0x4000, 0xec, 2);
    m.program(0x4000, 'retf 8', 32);
    m.level(3);
    m.ram.setUint32(0x8000, 0xaaaa, true);
    m.ram.setUint32(0x8004, 0xbbbb, true);
    expect(m.execute(`call ${FREE | 3}:0`)).toBeNull();
    expect(m.state.cpl).toBe(0);
    expect(m.state.gpr32(4)).toBe(0x9000 - 24);
    expect(m.stack32(6)).toEqual([0x7007, CODE3, 0xaaaa, 0xbbbb, 0x8000, DATA3]);
    expect(m.step()).toBeNull();
    expect([m.state.cpl, m.state.rip, m.state.gpr32(4)]).toEqual([3, 0x7007, 0x8008]);
    expect(m.state.selector(SS)).toBe(DATA3);
  });
  it('a 286 call gate pushes words', () => {
    m.gateAt(GDT + FREE, CODE0, 0x4000, 0xe4, 1);
    m.level(3);
    m.ram.setUint16(0x8000, 0xaaaa, true);
    expect(m.execute(`call ${FREE | 3}:0`)).toBeNull();
    expect(m.state.gpr32(4)).toBe(0x9000 - 10);
    expect(m.ram.getUint16(0x9000 - 6, true)).toBe(0xaaaa);
  });
  it('a call gate is refused from outside of its DPL, when absent, and JMP may not go inwards', () => {
    m.level(3);
    m.gateAt(GDT + FREE, CODE0, 0x4000, 0x8c);
    expect(m.execute(`call ${FREE | 3}:0`)).toEqual([13, FREE]);
    m.gateAt(GDT + FREE, CODE0, 0x4000, 0x6c);
    expect(m.execute(`call ${FREE | 3}:0`)).toEqual([11, FREE]);
    m.gateAt(GDT + FREE, CODE0, 0x4000, 0xec);
    expect(m.execute(`jmp ${FREE | 3}:0`)).toEqual([13, CODE0]);
  });
  it('RET may not go inwards', () => {
    m.level(3);
    m.ram.setUint32(0x8000, 0x4000, true);
    m.ram.setUint32(0x8004, CODE0, true);
    expect(m.execute('retf')).toEqual([13, CODE0]);
    expect(m.state.gpr32(4)).toBe(0x8000);
  });
});

describe('far transfers in long mode', () => {
  it('a 64-bit call gate pushes 8 bytes each and loads a null SS', () => {
    const m = new SystemMachine();
    m.enterLong();
    m.gateAt(GDT + FREE, CODE64, 0x4000, 0xec);
    m.ram.setUint32(GDT + FREE + 8, 0, true);
    m.ram.setUint32(GDT + FREE + 12, 0, true);
    m.ram.setUint32(TSS + 8, 0, true);
    // 32-bit user code calls into the 64-bit kernel.
    [0x7100, CODE3, 0x202, 0x6000, DATA3].forEach((v, i) => {
      m.ram.setUint32(0x8000 + i * 8, v, true);
      m.ram.setUint32(0x8004 + i * 8, 0, true);
    });
    m.state.setGpr64(4, 0x8000);
    expect(m.execute('iretq')).toBeNull();
    m.program(0x7100, `call ${FREE | 3}:0`, 32);
    expect(m.step()).toBeNull();
    expect([m.state.cpl, m.state.rip, m.state.selector(SS)]).toEqual([0, 0x4000, 0]);
    expect(m.stack64(4)).toEqual([0x7107, CODE3, 0x6000, DATA3]);
    m.program(0x4000, 'o64 retf', 64);
    expect(m.step()).toBeNull();
    expect([m.state.cpl, m.state.rip, m.state.gpr64(4)]).toEqual([3, 0x7107, 0x6000]);
  });
});
