import { beforeEach, describe, expect, test } from 'vitest';
import { TAKE_FROM_PIC } from './lapic.js';
import { LapicMsr } from './lapic-msr.js';
import { TestingLapic } from './testing-lapic.contract.js';

let advance: TestingLapic['advance'];
let enable: TestingLapic['enable'];
let eoi: TestingLapic['eoi'];
let events: TestingLapic['events'];
let ipiToSelf: TestingLapic['ipiToSelf'];
let lapic: TestingLapic['lapic'];
let read: TestingLapic['read'];
let second: TestingLapic['second'];
let write: TestingLapic['write'];

beforeEach(() => {
  ({ advance, enable, eoi, events, ipiToSelf, lapic, read, second, write } = new TestingLapic());
});

describe('registers', () => {
  test('identification shows an integrated APIC with six LVT entries', () => {
    expect(read(0x30)).toBe(0x00050014);
    expect(second.readMmio(0x20, 4)).toBe(0x01000000);
  });

  test('the probe of Linux (verify_local_APIC) sees a version that cannot be changed', () => {
    write(0x30, read(0x30) ^ 0xff);
    expect(read(0x30)).toBe(0x00050014);
  });

  test('LVT entries stay masked while the APIC is software-disabled', () => {
    write(0x320, 0x30);
    expect(read(0x320)).toBe(0x10030);
    enable();
    write(0x320, 0x30);
    expect(read(0x320)).toBe(0x30);
    write(0xf0, 0xff);
    expect(read(0x320)).toBe(0x10030);
  });

  test('an access to a register that is not there is reported in the ESR after a write to it', () => {
    enable();
    expect(read(0x3f0)).toBe(0);
    expect(read(0x280)).toBe(0);
    write(0x280, 0);
    expect(read(0x280)).toBe(0x80);
    write(0x280, 0);
    expect(read(0x280)).toBe(0);
  });

  test('sending a vector below 16 raises the error interrupt once', () => {
    enable();
    write(0x370, 0xfe);
    ipiToSelf(5);
    ipiToSelf(6);
    expect(lapic.acknowledge()).toBe(0xfe);
    eoi();
    expect(lapic.interruptPending).toBe(false);
    write(0x280, 0);
    expect(read(0x280)).toBe(0x20);
  });
});

describe('priorities', () => {
  test('the highest vector is taken first and shows in ISR until EOI', () => {
    enable();
    ipiToSelf(0x31);
    ipiToSelf(0x92);
    expect(read(0x200 + 0x10 * 1)).toBe(1 << 0x11);
    expect(lapic.interruptPending).toBe(true);
    expect(lapic.acknowledge()).toBe(0x92);
    expect(read(0x100 + 0x10 * 4)).toBe(1 << 0x12);
    expect(read(0xa0)).toBe(0x90);
    expect(lapic.interruptPending).toBe(false);
    eoi();
    expect(lapic.acknowledge()).toBe(0x31);
    eoi();
    expect(read(0xa0)).toBe(0);
  });

  test('a vector of the same class waits for the EOI, one of a higher class does not', () => {
    enable();
    ipiToSelf(0x51);
    lapic.acknowledge();
    ipiToSelf(0x5f);
    expect(lapic.interruptPending).toBe(false);
    ipiToSelf(0x60);
    expect(lapic.acknowledge()).toBe(0x60);
    eoi();
    eoi();
    expect(lapic.acknowledge()).toBe(0x5f);
  });

  test('TPR holds lower classes back, and an acknowledge after it rose is spurious', () => {
    enable();
    ipiToSelf(0x41);
    lapic.taskPriority = 0x40;
    expect(lapic.interruptPending).toBe(false);
    expect(lapic.acknowledge()).toBe(0xff);
    expect(read(0x100 + 0x10 * 7)).toBe(0);
    lapic.taskPriority = 0x30;
    expect(lapic.acknowledge()).toBe(0x41);
  });
});

describe('local pins', () => {
  test('after reset the PIC passes through LINT0 of the bootstrap processor, as a level', () => {
    lapic.lint0(true);
    expect(events).toEqual(['int0']);
    expect(lapic.acknowledge()).toBe(TAKE_FROM_PIC);
    expect(lapic.interruptPending).toBe(true);
    lapic.lint0(false);
    expect(lapic.interruptPending).toBe(false);
    second.lint0(true);
    expect(second.interruptPending).toBe(false);
  });

  test('masking LINT0 stops the PIC; disabling the APIC globally connects it directly', () => {
    enable();
    write(0x350, 0x10700);
    lapic.lint0(true);
    expect(lapic.interruptPending).toBe(false);
    const msr = new LapicMsr(lapic, false);
    msr.read(0x1b);
    expect([msr.low, msr.high]).toEqual([0xfee00900, 0]);
    expect(msr.write(0x1b, 0xfee00100, 0)).toBe(true);
    expect(lapic.interruptPending).toBe(true);
    expect(lapic.acknowledge()).toBe(TAKE_FROM_PIC);
    expect(read(0x30)).toBe(0xffffffff);
    lapic.lint1(true);
    expect(events).toContain('nmi0');
  });

  test('LINT0 as a fixed edge is the virtual wire Linux tries; LINT1 as NMI', () => {
    enable();
    write(0x350, 0x30);
    lapic.lint0(true);
    expect(lapic.acknowledge()).toBe(0x30);
    eoi();
    expect(lapic.interruptPending).toBe(false);
    write(0x360, 0x400);
    lapic.lint1(true);
    expect(events).toContain('nmi0');
  });

  test('a level-triggered LINT is delivered again after EOI while it stays high', () => {
    enable();
    write(0x350, 0x8030);
    lapic.lint0(true);
    expect(read(0x350)).toBe(0xc030);
    expect(lapic.acknowledge()).toBe(0x30);
    eoi();
    expect(lapic.acknowledge()).toBe(0x30);
    lapic.lint0(false);
    eoi();
    expect(lapic.interruptPending).toBe(false);
    expect(read(0x350)).toBe(0x8030);
  });
});

describe('x2APIC', () => {
  test('is entered from xAPIC only, shows 32-bit ids and faults on what it reserves', () => {
    const msr = new LapicMsr(second, true);
    expect(msr.read(0x802)).toBe(false);
    expect(msr.write(0x1b, 0xfee00c00, 0)).toBe(true);
    expect(second.readMmio(0x30, 4)).toBe(0xffffffff);
    msr.read(0x802);
    expect(msr.low).toBe(1);
    msr.read(0x80d);
    expect(msr.low).toBe(2);
    expect(msr.write(0x80b, 1, 0)).toBe(false);
    expect(msr.write(0x802, 7, 0)).toBe(false);
    expect(msr.read(0x80e)).toBe(false);
    expect(msr.write(0x831, 0, 0)).toBe(false);
    expect(msr.write(0x1b, 0xfee00800, 0)).toBe(false);
    expect(msr.write(0x80f, 0x1ff, 0)).toBe(true);
    expect(msr.write(0x83f, 0x77, 0)).toBe(true);
    expect(second.acknowledge()).toBe(0x77);
    expect(msr.write(0x80b, 0, 0)).toBe(true);
    enable();
    expect(msr.write(0x830, 0x4055, 0)).toBe(true);
    expect(lapic.acknowledge()).toBe(0x55);
  });

  test('is refused when the CPU model does not have it', () => {
    expect(new LapicMsr(lapic, false).write(0x1b, 0xfee00d00, 0)).toBe(false);
  });
});

describe('saved state', () => {
  test('a restored APIC goes on where the saved one was', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x40);
    write(0x380, 5000);
    ipiToSelf(0x90);
    lapic.acknowledge();
    ipiToSelf(0x31);
    const state = structuredClone(lapic.save());
    lapic.reset();
    lapic.restore(state);
    expect(lapic.save()).toEqual(state);
    advance(5000);
    expect(lapic.interruptPending).toBe(false);
    eoi();
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(lapic.acknowledge()).toBe(0x31);
  });

  test('a damaged state is refused and changes nothing', () => {
    enable();
    const before = lapic.save();
    expect(() => lapic.restore({ ...before, irr: [1] })).toThrow(/irr/);
    const timer = { ...before.timer, divideConfig: 99 };
    expect(() => lapic.restore({ ...before, id: 9, timer })).toThrow(/divideConfig/);
    expect(lapic.save()).toEqual(before);
  });
});
