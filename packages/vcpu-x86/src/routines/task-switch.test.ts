import { beforeEach, describe, expect, it } from 'vitest';
import { CR0_TS, FLAG_NT } from '../core.js';
import { CR0, CS, FLAGS_OTHER, SS, TR } from '../state/layout.js';
import {
  CODE0,
  CODE3,
  DATA0,
  DATA3,
  FREE,
  GDT,
  SystemMachine,
  TSS,
  TSS_SELECTOR,
} from './system-machine.contract.js';

const NEXT = 0x5000;
const NEXT_SELECTOR = FREE;

describe('task switches', () => {
  let m: SystemMachine;
  /** A 386 task that starts at 4000h on stack B000h. */
  const task32 = (cs = CODE0, ss = DATA0): void => {
    m.segment(NEXT_SELECTOR, NEXT, 0x67, 0x89, 0);
    const { ram } = m;
    ram.setUint32(NEXT + 32, 0x4000, true);
    ram.setUint32(NEXT + 36, 0x202, true);
    ram.setUint32(NEXT + 40, 0x11111111, true);
    ram.setUint32(NEXT + 56, 0xb000, true);
    [ss, cs, ss, ss, 0, 0].forEach((s, i) => {
      ram.setUint32(NEXT + 72 + i * 4, s, true);
    });
  };
  const isBusy = (selector: number): boolean => (m.ram.getUint8(GDT + selector + 5) & 2) !== 0;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
    task32();
  });

  it('by JMP leave the old task available', () => {
    m.state.setGpr32(3, 0x33333333);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toBeNull();
    const { state } = m;
    expect([state.rip, state.gpr32(0), state.gpr32(4)]).toEqual([0x4000, 0x11111111, 0xb000]);
    expect([isBusy(TSS_SELECTOR), isBusy(NEXT_SELECTOR)]).toEqual([false, true]);
    expect(state.selector(TR)).toBe(NEXT_SELECTOR);
    expect(state.get(CR0) & CR0_TS).toBe(CR0_TS);
    expect(m.ram.getUint32(TSS + 32, true)).toBe(0x7007);
    expect(m.ram.getUint32(TSS + 52, true)).toBe(0x33333333);
    expect(m.ram.getUint16(TSS + 76, true)).toBe(CODE0);
    expect(state.get(FLAGS_OTHER) & FLAG_NT).toBe(0);
  });
  it('by CALL nest, and IRET comes back', () => {
    m.program(0x4000, 'iret', 32);
    expect(m.execute(`call ${NEXT_SELECTOR}:0`)).toBeNull();
    const { state } = m;
    expect(state.get(FLAGS_OTHER) & FLAG_NT).toBe(FLAG_NT);
    expect(m.ram.getUint16(NEXT, true)).toBe(TSS_SELECTOR);
    expect([isBusy(TSS_SELECTOR), isBusy(NEXT_SELECTOR)]).toEqual([true, true]);
    expect(m.step()).toBeNull();
    expect([state.rip, state.selector(TR), state.gpr32(4)]).toEqual([0x7007, TSS_SELECTOR, 0x8000]);
    expect([isBusy(TSS_SELECTOR), isBusy(NEXT_SELECTOR)]).toEqual([true, false]);
    expect(m.ram.getUint32(NEXT + 36, true) & FLAG_NT).toBe(0);
  });
  it('by an interrupt through a task gate push the error code on the new stack', () => {
    m.gateAt(0x2000 + 8 * 8, NEXT_SELECTOR, 0, 0x85);
    m.state.rip = 0x7000;
    m.deliver(8, 0);
    expect([m.state.rip, m.state.gpr32(4)]).toEqual([0x4000, 0xaffc]);
    expect(m.ram.getUint32(0xaffc, true)).toBe(0);
    expect(m.ram.getUint32(TSS + 32, true)).toBe(0x7000);
  });
  it('enter level 3', () => {
    task32(CODE3, DATA3);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toBeNull();
    expect([m.state.cpl, m.state.selector(SS), m.state.selector(CS)]).toEqual([3, DATA3, CODE3]);
  });
  it('refuse a busy task, a short one, an absent one, and one in the LDT', () => {
    m.segment(NEXT_SELECTOR, NEXT, 0x67, 0x8b, 0);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toEqual([13, NEXT_SELECTOR]);
    m.segment(NEXT_SELECTOR, NEXT, 0x66, 0x89, 0);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toEqual([10, NEXT_SELECTOR]);
    m.segment(NEXT_SELECTOR, NEXT, 0x67, 0x09, 0);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toEqual([11, NEXT_SELECTOR]);
    expect(m.state.selector(TR)).toBe(TSS_SELECTOR);
  });
  it('deliver faults of the new segments in the new task', () => {
    task32(CODE0, DATA3);
    m.ram.setUint32(NEXT + 80, DATA0, true);
    m.ram.setUint32(NEXT + 84, 0x1000, true);
    m.vector(10, CODE0, 0x4400);
    expect(m.execute(`jmp ${NEXT_SELECTOR}:0`)).toBeNull();
    expect(m.state.rip).toBe(0x4400);
    expect(m.stack32(3)).toEqual([0x1000, 0x4000, CODE0]);
    expect(m.state.selector(TR)).toBe(NEXT_SELECTOR);
  });
  it('go between 286 and 386 tasks', () => {
    m.segment(NEXT_SELECTOR, NEXT, 0x2b, 0x81, 0);
    const { ram } = m;
    ram.setUint16(NEXT + 14, 0x4000, true);
    ram.setUint16(NEXT + 16, 0x202, true);
    ram.setUint16(NEXT + 18, 0x2222, true);
    ram.setUint16(NEXT + 26, 0xb000, true);
    ram.setUint16(NEXT + 42, 0, true);
    [DATA0, CODE0, DATA0, DATA0].forEach((s, i) => {
      ram.setUint16(NEXT + 34 + i * 2, s, true);
    });
    m.program(0x4000, 'iret', 32);
    expect(m.execute(`call ${NEXT_SELECTOR}:0`)).toBeNull();
    expect([m.state.rip, m.state.gpr32(0)]).toEqual([0x4000, 0xffff2222]);
    m.state.setGpr32(4, 0xb000);
    expect(m.step()).toBeNull();
    expect([m.state.rip, m.state.selector(TR)]).toEqual([0x7007, TSS_SELECTOR]);
    expect(ram.getUint16(NEXT + 14, true)).toBe(0x4001);
  });
});
