import { beforeEach, describe, expect, test } from 'vitest';
import { type ApicBus, type ApicMessage, SystemApicBus } from './apic-bus.js';
import { Ioapic } from './ioapic.js';

let sent: ApicMessage[];
let accepts: boolean;
let ioapic: Ioapic;

const bus: ApicBus = {
  deliver: (message) => {
    sent.push(message);
    return accepts;
  },
  endOfInterrupt: () => {},
};
const read = (register: number): number => {
  ioapic.writeMmio(0, 4, register);
  return ioapic.readMmio(0x10, 4);
};
const write = (register: number, value: number): void => {
  ioapic.writeMmio(0, 4, register);
  ioapic.writeMmio(0x10, 4, value);
};
const pulse = (pin: number): void => {
  ioapic.setPin(pin, true);
  ioapic.setPin(pin, false);
};

beforeEach(() => {
  sent = [];
  accepts = true;
  ioapic = new Ioapic(bus, 1);
});

describe('registers', () => {
  test('id and version tell of 24 pins with an EOI register', () => {
    expect(read(0)).toBe(0x01000000);
    expect(read(1)).toBe(0x00170020);
    write(0, 0x0f000000);
    expect(read(0)).toBe(0x0f000000);
  });

  test('entries start masked; status bits are read-only; absent registers read all ones', () => {
    expect(read(0x10)).toBe(0x10000);
    write(0x12, 0xffffffff);
    expect(read(0x12)).toBe(0x1afff);
    write(0x13, 0xffffffff);
    expect(read(0x13)).toBe(0xff000000);
    expect(read(0x40)).toBe(0xffffffff);
  });
});

describe('delivery', () => {
  test('an edge is sent once, to the destination of its entry', () => {
    write(0x15, 0x03000000);
    write(0x14, 0x0830);
    pulse(2);
    expect(sent).toEqual([
      { destination: 3, logical: true, mode: 0, vector: 0x30, levelTriggered: false },
    ]);
  });

  test('an edge on a masked pin is lost', () => {
    write(0x14, 0x10030);
    ioapic.setPin(2, true);
    write(0x14, 0x30);
    expect(sent).toEqual([]);
  });

  test('a level is sent once until its EOI, and again while the line stays high', () => {
    write(0x10 + 18, 0xa039);
    ioapic.setPin(9, true);
    expect(sent.length).toBe(1);
    expect(sent[0].levelTriggered).toBe(true);
    expect(read(0x10 + 18)).toBe(0xe039);
    ioapic.endOfInterrupt(0x39);
    expect(sent.length).toBe(2);
    ioapic.setPin(9, false);
    ioapic.endOfInterrupt(0x39);
    expect(sent.length).toBe(2);
    expect(read(0x10 + 18)).toBe(0xa039);
  });

  test('unmasking a level that is high sends it', () => {
    write(0x10 + 18, 0x18039);
    ioapic.setPin(9, true);
    expect(sent.length).toBe(0);
    write(0x10 + 18, 0x8039);
    expect(sent.length).toBe(1);
  });

  test('the EOI register works as the broadcast does, and so does a switch to edge and back', () => {
    write(0x10 + 20, 0x803a);
    ioapic.setPin(10, true);
    ioapic.writeMmio(0x40, 4, 0x3a);
    expect(sent.length).toBe(2);
    write(0x10 + 20, 0x1003a);
    write(0x10 + 20, 0x803a);
    expect(sent.length).toBe(3);
  });

  test('a level nobody accepts is not forgotten', () => {
    accepts = false;
    write(0x10 + 20, 0x803a);
    ioapic.setPin(10, true);
    expect(read(0x10 + 20)).toBe(0x803a);
    accepts = true;
    write(0x10 + 20, 0x803a);
    expect(read(0x10 + 20)).toBe(0xc03a);
  });

  test('ExtINT passes the PIC through pin 0', () => {
    write(0x10, 0x700);
    pulse(0);
    expect(sent[0].mode).toBe(7);
  });
});

test('the system bus tells I/O APICs of EOIs', () => {
  const system = new SystemApicBus();
  ioapic = new Ioapic(bus, 0);
  system.attachIoapic(ioapic);
  write(0x10, 0x8050);
  ioapic.setPin(0, true);
  system.endOfInterrupt(0x50);
  expect(sent.length).toBe(2);
});

test('a restored I/O APIC remembers remote IRR and line levels', () => {
  write(0x10 + 20, 0x803a);
  ioapic.setPin(10, true);
  const state = structuredClone(ioapic.save());
  const other = new Ioapic(bus, 0);
  other.restore(state);
  expect(other.save()).toEqual(state);
  sent = [];
  other.endOfInterrupt(0x3a);
  expect(sent.length).toBe(1);
  expect(() => other.restore({ ...state, entries: [] })).toThrow(/entries/);
});
