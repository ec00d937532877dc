import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { SystemApicBus } from './apic-bus.js';
import { Lapic, TAKE_FROM_PIC } from './lapic.js';
import { LapicMsr } from './lapic-msr.js';

const TSC_HZ = 2e9;
let clock: ManualClock;
let timers: TimerQueue;
let bus: SystemApicBus;
let events: string[];
let lapic: Lapic;
let second: Lapic;

function makeLapic(id: number): Lapic {
  const note = (what: string) => () => {
    events.push(`${what}${id}`);
  };
  const made = new Lapic({
    id,
    bootstrap: id === 0,
    bus,
    timers,
    tsc: { nsAtTsc: (tsc) => (tsc * 1e9) / TSC_HZ },
    cpu: {
      interruptPending: note('int'),
      nmi: note('nmi'),
      smi: note('smi'),
      init: note('init'),
      startup: (vector) => events.push(`sipi${id}:${vector}`),
    },
  });
  bus.attachLapic(made);
  return made;
}

const read = (offset: number): number => lapic.readMmio(offset, 4);
const write = (offset: number, value: number): void => lapic.writeMmio(offset, 4, value);
const enable = (): void => write(0xf0, 0x1ff);
const ipiToSelf = (vector: number): void => write(0x300, 0x40000 | vector);
const eoi = (): void => write(0xb0, 0);
const advance = (ns: number): void => {
  clock.advance(ns);
  timers.runDue();
};

beforeEach(() => {
  clock = new ManualClock();
  timers = new TimerQueue(clock);
  bus = new SystemApicBus();
  events = [];
  lapic = makeLapic(0);
  second = makeLapic(1);
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

describe('interprocessor interrupts', () => {
  test('INIT and SIPI start the second processor as SeaBIOS does: all but self', () => {
    write(0x300, 0xc4500);
    write(0x300, 0xc4600 | 0x10);
    expect(events).toEqual(['init1', 'sipi1:16']);
    expect(read(0x300) & 0x1000).toBe(0);
  });

  test('an INIT level de-assert does nothing', () => {
    write(0x310, 1 << 24);
    write(0x300, 0x8500);
    expect(events).toEqual([]);
  });

  test('a fixed IPI reaches the APIC with the physical id, NMI needs no enabling', () => {
    second.writeMmio(0xf0, 4, 0x1ff);
    write(0x310, 1 << 24);
    write(0x300, 0x40fd);
    expect(second.acknowledge()).toBe(0xfd);
    write(0x300, 0x4400);
    expect(events).toEqual(['int1', 'nmi1']);
  });

  test('flat and cluster logical destinations select by LDR and DFR', () => {
    for (const apic of [lapic, second]) apic.writeMmio(0xf0, 4, 0x1ff);
    lapic.writeMmio(0xd0, 4, 0x01000000);
    second.writeMmio(0xd0, 4, 0x02000000);
    write(0x310, 0x03000000);
    write(0x300, 0x4800 | 0x70);
    expect([lapic.acknowledge(), second.acknowledge()]).toEqual([0x70, 0x70]);
    second.writeMmio(0xe0, 4, 0x0fffffff);
    second.writeMmio(0xd0, 4, 0x12000000);
    expect(second.matches(0x12, true)).toBe(true);
    expect(second.matches(0x02, true)).toBe(false);
    expect(second.matches(0xf2, true)).toBe(true);
  });

  test('lowest priority goes to the one processor with the lower PPR', () => {
    for (const apic of [lapic, second]) apic.writeMmio(0xf0, 4, 0x1ff);
    lapic.taskPriority = 0x20;
    bus.deliver({
      destination: 0xff,
      logical: false,
      mode: 1,
      vector: 0x80,
      levelTriggered: false,
    });
    expect(lapic.interruptPending).toBe(false);
    expect(second.acknowledge()).toBe(0x80);
  });

  test('a message signalled interrupt is decoded from address and data', () => {
    second.writeMmio(0xf0, 4, 0x1ff);
    expect(bus.deliverMsi(0xfee01000, 0x4061)).toBe(true);
    expect(second.acknowledge()).toBe(0x61);
    expect(bus.deliverMsi(0xfee07000, 0x4061)).toBe(false);
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

describe('timer', () => {
  test('one-shot counts down at 1 GHz / divider and fires once', () => {
    enable();
    write(0x320, 0x40);
    write(0x3e0, 3); // divide by 16
    write(0x380, 1000);
    advance(8000);
    expect(read(0x390)).toBe(500);
    expect(lapic.interruptPending).toBe(false);
    advance(8000);
    expect(read(0x390)).toBe(0);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    advance(1e9);
    expect(lapic.interruptPending).toBe(false);
  });

  test('the calibration of Linux measures the bus frequency from the current count', () => {
    enable();
    write(0x320, 0x10000);
    write(0x3e0, 3);
    write(0x380, 0xffffffff);
    const before = read(0x390);
    advance(100e6);
    expect((before - read(0x390)) * 16 * 10).toBe(1e9);
  });

  test('periodic reloads, and delivers every period when late, four times as fast, in its phase at the end', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    advance(1_000_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(read(0x390)).toBe(1_000_000);
    advance(3_400_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(lapic.interruptPending).toBe(false);
    expect(timers.nextDeadlineNs()).toBe(4_650_000);
    advance(250_000);
    expect(lapic.acknowledge()).toBe(0x40);
    advance(250_000);
    eoi();
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(timers.nextDeadlineNs()).toBe(5_000_000);
  });

  test('a period whose interrupt finds the one before still waiting is delivered later, not lost', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    for (let i = 0; i < 5; i++) advance(1_000_000);
    let taken = 0;
    for (let i = 0; i < 30; i++) {
      if (lapic.interruptPending && lapic.acknowledge() === 0x40) {
        taken++;
        eoi();
      }
      advance(50_000);
    }
    expect(taken).toBe(6);
    expect(timers.nextDeadlineNs()).toBe(7_000_000);
  });

  test('more than a second of missed periods is dropped', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    advance(5_000_400_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(timers.nextDeadlineNs()).toBe(5_001_000_000);
  });

  test('a hostile period of one tick fires at most every 20 µs', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1);
    advance(100);
    expect(timers.nextDeadlineNs()).toBeGreaterThanOrEqual(20_000);
  });

  test('TSC deadline fires when the counter gets there, or at once when it is past', () => {
    enable();
    const msr = new LapicMsr(lapic, false);
    write(0x320, 0x40041);
    expect(msr.write(0x6e0, 4_000_000, 0)).toBe(true);
    advance(1_999_999);
    expect(lapic.interruptPending).toBe(false);
    advance(1);
    expect(lapic.acknowledge()).toBe(0x41);
    eoi();
    msr.read(0x6e0);
    expect(msr.low).toBe(0);
    msr.write(0x6e0, 1, 0);
    expect(lapic.acknowledge()).toBe(0x41);
    eoi();
    msr.write(0x6e0, 0xffffffff, 0xffffffff);
    advance(1e12);
    expect(lapic.interruptPending).toBe(false);
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
