import { beforeEach, describe, expect, it } from 'vitest';
import { DS, FS, INTERRUPT_SHADOW, PENDING, PENDING_STEP, SS } from '../state/layout.js';
import { CODE0, CODE3, DATA0, DATA3, FREE, GDT, SystemMachine } from './system-machine.contract.js';

describe('segment loads in protected mode', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });
  const load = (register: string, selector: number): ReturnType<SystemMachine['step']> => {
    m.state.setGpr32(0, selector);
    return m.execute(`mov ${register}, ax`);
  };

  it('loads a data segment and sets its accessed bit', () => {
    m.segment(FREE, 0x1234, 0x5678, 0x92, 4);
    expect(load('ds', FREE)).toBeNull();
    expect(m.state.segmentBase(DS)).toBe(0x1234);
    expect(m.state.segmentLimit(DS)).toBe(0x5678);
    expect(m.ram.getUint8(GDT + FREE + 5)).toBe(0x93);
  });
  it('takes a null selector for data and makes the segment unusable', () => {
    expect(load('fs', 3)).toBeNull();
    expect(m.state.segmentAttributes(FS)).toBe(0);
    expect(m.execute('mov al, fs:[0]')).toEqual([13, 0]);
  });
  it('refuses a null SS with #GP(0)', () => {
    expect(load('ss', 0)).toEqual([13, 0]);
  });
  it('names the selector when it lies beyond the table', () => {
    expect(load('ds', 0x1000)).toEqual([13, 0x1000]);
    expect(load('ds', 0x0c)).toEqual([13, 0x0c]);
  });
  it('tells an absent data segment by #NP and an absent stack by #SS', () => {
    m.segment(FREE, 0, 0xfffff, 0x12, 0xc);
    expect(load('es', FREE)).toEqual([11, FREE]);
    expect(load('ss', FREE)).toEqual([12, FREE]);
  });
  it('refuses execute-only code, and reads conforming code from any level', () => {
    m.segment(FREE, 0, 0xfffff, 0x98, 0xc);
    expect(load('ds', FREE)).toEqual([13, FREE]);
    m.segment(FREE, 0, 0xfffff, 0x9e, 0xc);
    m.level(3);
    expect(load('ds', FREE | 3)).toBeNull();
  });
  it('checks RPL and CPL against the DPL', () => {
    expect(load('ds', DATA0 | 3)).toEqual([13, DATA0]);
    m.level(3);
    expect(load('ds', DATA0)).toEqual([13, DATA0]);
    expect(load('ss', CODE3)).toEqual([13, CODE3 & ~3]);
    expect(load('ss', DATA3 & ~3)).toEqual([13, DATA3 & ~3]);
  });
  it('raises #UD for MOV to CS', () => {
    m.state.setGpr32(0, CODE0);
    m.program(0x7000, 'db 0x8e, 0xc8', 32);
    m.state.rip = 0x7000;
    expect(m.step()).toEqual([6, -1]);
  });
  it('holds interrupts off after MOV SS and POP SS', () => {
    expect(load('ss', DATA0)).toBeNull();
    expect(m.state.get(INTERRUPT_SHADOW)).toBe(1);
    expect(m.state.get(PENDING) & PENDING_STEP).toBe(PENDING_STEP);
    m.state.set(INTERRUPT_SHADOW, 0);
    m.ram.setUint32(0x8000, DATA0, true);
    expect(m.execute('pop ss')).toBeNull();
    expect(m.state.get(INTERRUPT_SHADOW)).toBe(1);
    expect(m.state.gpr32(4)).toBe(0x8004);
  });
  it('leaves stack pointer and segment alone when POP faults', () => {
    m.ram.setUint32(0x8000, 0x1000, true);
    expect(m.execute('pop ds')).toEqual([13, 0x1000]);
    expect(m.state.gpr32(4)).toBe(0x8000);
    expect(m.state.selector(DS)).toBe(DATA0);
  });
  it('loads LSS all or nothing', () => {
    m.ram.setUint32(0x5000, 0x4444, true);
    m.ram.setUint16(0x5004, DATA3, true);
    expect(m.execute('lss esp, [0x5000]')).toEqual([13, DATA3 & ~3]);
    expect(m.state.gpr32(4)).toBe(0x8000);
    m.ram.setUint16(0x5004, DATA0, true);
    expect(m.execute('lss esp, [0x5000]')).toBeNull();
    expect(m.state.gpr32(4)).toBe(0x4444);
    expect(m.state.selector(SS)).toBe(DATA0);
  });
});

describe('segment loads in real mode', () => {
  it('keep the limit that protected mode left: unreal mode', () => {
    const m = new SystemMachine();
    m.protect();
    m.program(0x7000, 'mov cr0, eax', 32);
    m.state.setGpr32(0, 0x10);
    m.state.rip = 0x7000;
    expect(m.step()).toBeNull();
    m.program(0x7000, 'mov ds, ax', 32);
    m.state.setGpr32(0, 0x1234);
    m.state.rip = 0x7000;
    expect(m.step()).toBeNull();
    expect(m.state.segmentBase(DS)).toBe(0x12340);
    expect(m.state.segmentLimit(DS)).toBe(0xffffffff);
  });
});
