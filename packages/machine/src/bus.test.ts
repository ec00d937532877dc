import type { Gpa } from '@proxeny/memory';
import { expect, test } from 'vitest';
import { MmioBus, PortBus } from './bus.js';
import type { MmioDevice, PortDevice } from './device.js';

function recorder(): { log: string[]; device: PortDevice & MmioDevice } {
  const log: string[] = [];
  const read = (offset: number, size: number): number => {
    log.push(`r${size}@${offset}`);
    return size === 4 ? 0x80000000 | offset : 0x10 + offset;
  };
  const write = (offset: number, size: number, value: number): void => {
    log.push(`w${size}@${offset}=${value.toString(16)}`);
  };
  return {
    log,
    device: { readPort: read, writePort: write, readMmio: read, writeMmio: write },
  };
}

test('a port nobody claims reads all ones at every width and swallows writes', () => {
  const bus = new PortBus();
  expect([bus.read(0x300, 1), bus.read(0x300, 2), bus.read(0xffff, 4)]).toEqual([
    0xff, 0xffff, 0xffffffff,
  ]);
  bus.write(0x300, 4, 0x12345678);
});

test('a word access to an 8-bit device becomes two byte accesses, low port first', () => {
  const bus = new PortBus();
  const { log, device } = recorder();
  bus.claim({ name: 'pic', first: 0x20, count: 2, width: 1, device });
  expect(bus.read(0x20, 2)).toBe(0x1110);
  bus.write(0x20, 2, 0xabcd);
  expect(log).toEqual(['r1@0', 'r1@1', 'w1@0=cd', 'w1@1=ab']);
});

test('an access that leaves a claim is split, and the rest goes to whoever is there', () => {
  const bus = new PortBus();
  const { log, device } = recorder();
  bus.claim({ name: 'wide', first: 0x100, count: 2, width: 4, device });
  expect(bus.read(0x100, 4)).toBe(0xffff1110);
  expect(bus.read(0xff, 2)).toBe(0x10ff);
  expect(log).toEqual(['r1@0', 'r1@1', 'r1@0']);
});

test('a dword access to a 16-bit device becomes two words', () => {
  const bus = new PortBus();
  const { log, device } = recorder();
  bus.claim({ name: 'ide', first: 0x1f0, count: 8, width: 2, device });
  bus.write(0x1f0, 4, 0x11223344);
  expect(bus.read(0x1f0, 4)).toBe(0x00120010);
  expect(log).toEqual(['w2@0=3344', 'w2@2=1122', 'r2@0', 'r2@2']);
});

test('values are unsigned and cut to the width of the access', () => {
  const bus = new PortBus();
  const { log, device } = recorder();
  bus.claim({ name: 'pci', first: 0xcf8, count: 8, width: 4, device });
  expect(bus.read(0xcf8, 4)).toBe(0x80000000);
  bus.write(0xcf8, 4, -1);
  bus.write(0xcf8, 1, 0x1ff);
  expect(log).toEqual(['r4@0', 'w4@0=ffffffff', 'w1@0=ff']);
});

test('claims that overlap or leave port space are host errors that name both sides', () => {
  const bus = new PortBus();
  const { device } = recorder();
  const claim = bus.claim({ name: 'uart0', first: 0x3f8, count: 8, width: 1, device });
  expect(() => bus.claim({ name: 'modem', first: 0x3ff, count: 2, width: 1, device })).toThrow(
    'modem: ports 0x3ff-0x400 overlap 0x3f8-0x3ff of uart0',
  );
  expect(() => bus.claim({ name: 'x', first: 0xffff, count: 2, width: 1, device })).toThrow(
    /outside of port space/,
  );
  expect(bus.isFree(0x3f0, 9)).toBe(false);
  bus.release(claim);
  expect(bus.isFree(0x3f0, 9)).toBe(true);
  expect(bus.read(0x3f8, 1)).toBe(0xff);
  expect(() => bus.release(claim)).toThrow(/not claimed/);
});

test('MMIO goes to the range that holds it, above 4 GiB too; the rest reads all ones', () => {
  const bus = new MmioBus();
  const low = recorder();
  const high = recorder();
  bus.claim({ name: 'high', base: 0x4_0000_0000, byteLength: 0x1000, device: high.device });
  const apic = bus.claim({
    name: 'apic',
    base: 0xfee00000,
    byteLength: 0x1000,
    device: low.device,
  });
  expect(bus.read(0xfee00020 as Gpa, 4)).toBe(0x80000020);
  bus.write(0x4_0000_0ffc as Gpa, 4, -2);
  expect(bus.read(0x4_0000_1000 as Gpa, 4)).toBe(0xffffffff);
  expect(bus.read(0xfee00fff as Gpa, 2)).toBe(0xff00 | ((0x10 + 0xfff) & 0xff));
  expect(low.log).toEqual(['r4@32', 'r1@4095']);
  expect(high.log).toEqual(['w4@4092=fffffffe']);
  expect(() =>
    bus.claim({ name: 'bar', base: 0xfee00800, byteLength: 0x1000, device: low.device }),
  ).toThrow(/bar: addresses 0xfee00800-0xfee017ff overlap 0xfee00000-0xfee00fff of apic/);
  bus.release(apic);
  expect(bus.read(0xfee00020 as Gpa, 1)).toBe(0xff);
});
