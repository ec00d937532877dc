import { beforeEach, describe, expect, test } from 'vitest';
import { TestingLapic } from './testing-lapic.contract.js';

let bus: TestingLapic['bus'];
let events: TestingLapic['events'];
let lapic: TestingLapic['lapic'];
let read: TestingLapic['read'];
let second: TestingLapic['second'];
let write: TestingLapic['write'];

beforeEach(() => {
  ({ bus, events, lapic, read, second, write } = new TestingLapic());
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
