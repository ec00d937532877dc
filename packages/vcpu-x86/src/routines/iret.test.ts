import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_AC, FLAG_TF } from '../core.js';
import { CR4, CS, FLAGS_OTHER, PENDING, PENDING_STEP, SS, TLB_BASE } from '../state/layout.js';
import { CODE64, DATA0, FREE, SystemMachine } from './system-machine.contract.js';

describe('IRETQ to the level it is executed at', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.enterLong();
  });
  /** Returns to 7100h with a stack at 6000h. */
  function returnTo(cs: number, ss: number, flags: number): ReturnType<SystemMachine['step']> {
    [0x7100, cs, flags, 0x6000, ss].forEach((v, i) => {
      m.ram.setUint32(0x8000 + i * 8, v, true);
      m.ram.setUint32(0x8004 + i * 8, 0, true);
    });
    m.state.setGpr64(4, 0x8000);
    return m.execute('iretq');
  }

  it('loads rIP, rSP and flags each time, whether or not the segments are the ones that there are', () => {
    for (let round = 0; round < 3; round++) {
      m.state.rip = 0x7000;
      expect(returnTo(CODE64, DATA0, 0x202 | round)).toBeNull();
      const { state } = m;
      expect([state.rip, state.gpr64(4), state.rflags]).toEqual([0x7100, 0x6000, 0x202 | round]);
      expect([state.selector(CS), state.selector(SS)]).toEqual([CODE64, DATA0]);
    }
  });
  it('sees descriptors that have changed since they were loaded', () => {
    expect(returnTo(CODE64, DATA0, 2)).toBeNull();
    m.segment(DATA0, 0x12345000, 0x7ffff, 0x93, 0xc);
    m.segment(CODE64, 0, 0x7ffff, 0x9b, 0xa);
    expect(returnTo(CODE64, DATA0, 2)).toBeNull();
    expect([m.state.segmentBase(SS), m.state.segmentLimit(SS)]).toEqual([0x12345000, 0x7fffffff]);
    expect(m.state.segmentLimit(CS)).toBe(0x7fffffff);
    m.segment(CODE64, 0, 0x7ffff, 0x1b, 0xa);
    expect(returnTo(CODE64, DATA0, 2)).toEqual([11, CODE64]);
  });
  it('sees another selector of an equal descriptor', () => {
    expect(returnTo(CODE64, DATA0, 2)).toBeNull();
    m.segment(FREE, 0, 0xfffff, 0x93, 0xc);
    expect(returnTo(CODE64, FREE, 2)).toBeNull();
    expect(m.state.selector(SS)).toBe(FREE);
    expect(returnTo(CODE64, 0, 2)).toBeNull();
    expect([m.state.selector(SS), m.state.segmentAttributes(SS)]).toEqual([0, 0]);
  });
  it('makes the mode that AC and TF of its image ask for', () => {
    const { state, core } = m;
    expect(returnTo(CODE64, DATA0, 2)).toBeNull();
    state.set(PENDING, 0);
    expect(returnTo(CODE64, DATA0, 2 | FLAG_TF)).toBeNull();
    expect(state.get(PENDING) & PENDING_STEP).toBe(PENDING_STEP);
    state.set(PENDING, 0);
    // Pages of the supervisor's, and SMAP.
    for (let i = 0; i < 512; i++) m.ram.setUint32(0x13000 + i * 8, (i << 12) | 3, true);
    state.set(CR4, 0x200020);
    core.flushTlb(false);
    core.updateMode();
    const guarded = state.get(TLB_BASE);
    expect(returnTo(CODE64, DATA0, 2 | FLAG_AC)).toBeNull();
    expect(state.get(FLAGS_OTHER) & FLAG_AC).toBe(FLAG_AC);
    expect(state.get(TLB_BASE)).not.toBe(guarded);
  });
});
