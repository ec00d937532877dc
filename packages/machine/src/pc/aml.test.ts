import { describe, expect, test } from 'vitest';
import { buildDsdtBody } from './acpi-dsdt.js';
import { buffer, device, eisaId, integer, name, path, pkg, string } from './aml.js';
import { interrupt, io, irq, memory, memoryWindow, resources } from './aml-resource.js';

describe('terms', () => {
  test('name paths use the prefix of their length', () => {
    expect(path('\\')).toEqual([0x5c, 0]);
    expect(path('_S5')).toEqual([0x5f, 0x53, 0x35, 0x5f]);
    expect(path('^A.B').slice(0, 3)).toEqual([0x5e, 0x2e, 0x41]);
    expect(path('\\A.B.C').slice(0, 3)).toEqual([0x5c, 0x2f, 3]);
    expect(() => path('lower')).toThrow(/name path/);
    expect(() => path('TOOLONG')).toThrow(/segment/);
  });

  test('integers take their shortest form', () => {
    expect(integer(0)).toEqual([0]);
    expect(integer(1)).toEqual([1]);
    expect(integer(2)).toEqual([0x0a, 2]);
    expect(integer(0x1234)).toEqual([0x0b, 0x34, 0x12]);
    expect(integer(0x12345678)).toEqual([0x0c, 0x78, 0x56, 0x34, 0x12]);
    expect(integer(2 ** 32)).toEqual([0x0e, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(() => integer(-1)).toThrow(/AML integer/);
  });

  test('PNP0A03 is the well-known 0x030AD041', () => {
    expect(eisaId('PNP0A03')).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
    expect(() => eisaId('ACPI0007')).toThrow(/EISA/);
  });

  test('package lengths change form at 64 and 4096 bytes and count themselves', () => {
    expect(buffer(new Array(59).fill(0)).slice(0, 2)).toEqual([0x11, 62]);
    expect(buffer(new Array(61).fill(0)).slice(0, 3)).toEqual([0x11, 0x41, 0x04]);
    expect(buffer(new Array(5000).fill(0)).slice(0, 4)).toEqual([0x11, 0x8e, 0x38, 0x01]);
  });

  test('devices and packages nest', () => {
    expect(device('ABC', name('_UID', integer(1)))).toEqual([
      0x5b, 0x82, 11, 0x41, 0x42, 0x43, 0x5f, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x01,
    ]);
    expect(pkg(string('A'), integer(0))).toEqual([0x12, 6, 2, 0x0d, 0x41, 0, 0]);
  });
});

test('resource descriptors have the lengths of ACPI §6.4', () => {
  expect(io(0x3f8, 8)).toEqual([0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8]);
  expect(irq(4)).toEqual([0x22, 0x10, 0x00]);
  const window = memoryWindow(0x80000000, 0xfebfffff);
  expect([window.length, window[1]]).toEqual([26, 23]);
  expect(window.slice(-4)).toEqual([0x00, 0x00, 0xc0, 0x7e]);
  expect(memory(0xfec10000, 0x1000)).toEqual([0x86, 9, 0, 1, 0, 0, 0xc1, 0xfe, 0, 0x10, 0, 0]);
  expect(interrupt(16)).toEqual([0x89, 6, 0, 1, 1, 16, 0, 0, 0]);
  expect(resources().slice(-2)).toEqual([0x79, 0]);
});

test('the DSDT names only the devices the machine has', () => {
  const base = { cpuCount: 1, pciWindow: { first: 0x80000000, last: 0xfebfffff } };
  const has = (body: readonly number[], text: string): boolean =>
    String.fromCharCode(...body).includes(text);
  const small = buildDsdtBody({ ...base, serialPorts: [], keyboard: false });
  expect([has(small, 'COM1'), has(small, 'KBD_'), has(small, '_PRT')]).toEqual([
    false,
    false,
    true,
  ]);
  const full = buildDsdtBody({ ...base, serialPorts: [{ port: 0x3f8, irq: 4 }], keyboard: true });
  expect([has(full, 'COM1'), has(full, 'KBD_'), has(full, '_S5_')]).toEqual([true, true, true]);
  const virtio = buildDsdtBody({ ...base, serialPorts: [], keyboard: false, virtioMmioCount: 2 });
  expect(['VR00', 'VR01', 'VR02', 'LNRO0005'].map((text) => has(virtio, text))).toEqual([
    ...[true, true, false, true],
  ]);
  expect(has(small, 'LNRO0005')).toBe(false);
});
