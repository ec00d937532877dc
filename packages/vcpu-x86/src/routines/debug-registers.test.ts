import { beforeEach, describe, expect, it } from 'vitest';
import { CR4, DR6, DR7 } from '../state/layout.js';
import { SystemMachine } from './system-machine.contract.js';

describe('debug registers', () => {
  let m: SystemMachine;
  const write = (register: number, value: number): unknown => {
    m.state.setGpr32(0, value);
    return m.execute(`mov dr${register}, eax`);
  };
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });
  it('keep their fixed bits', () => {
    expect(write(6, 0)).toBeNull();
    expect(write(7, 0)).toBeNull();
    expect([m.state.getU(DR6), m.state.get(DR7)]).toEqual([0xffff0ff0, 0x400]);
  });
  it('DR4 and DR5 are DR6 and DR7, or #UD under CR4.DE', () => {
    expect(m.execute('mov eax, dr4')).toBeNull();
    expect(m.state.gpr32(0)).toBe(0xffff0ff0);
    m.state.set(CR4, 8);
    expect(m.execute('mov eax, dr4')).toEqual([6, -1]);
  });
  it('general detect traps every access', () => {
    expect(write(7, 0x2400)).toBeNull();
    expect(m.execute('mov eax, dr0')).toEqual([1, -1]);
    expect(m.state.get(DR6) & 0x2000).toBe(0x2000);
  });
  it('a data breakpoint notices writes that touch its range, and reads only if asked to', () => {
    write(0, 0x5004);
    expect(write(7, 0x000d0001)).toBeNull();
    expect(m.execute('mov eax, [0x5004]')).toBeNull();
    expect(m.core.dataBreakpoints).toBe(0);
    expect(m.execute('mov [0x5003], ax')).toBeNull();
    expect(m.core.dataBreakpoints).toBe(1);
    m.core.dataBreakpoints = 0;
    expect(write(7, 0x000f0001)).toBeNull();
    expect(m.execute('mov al, [0x5007]')).toBeNull();
    expect(m.core.dataBreakpoints).toBe(1);
    expect(write(7, 0)).toBeNull();
    expect(m.core.mmu.watch).toBeNull();
  });
});
