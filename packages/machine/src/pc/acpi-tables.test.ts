import { beforeAll, describe, expect, test } from 'vitest';
import { acpiLoaderFiles } from './acpi-loader.js';
import type { AcpiTables } from './acpi-table-block.js';
import { buildAcpiTables } from './acpi-tables.js';

const BASE = 0xe0000;
let acpi: AcpiTables;
let view: DataView;

const options = {
  cpuCount: 2,
  pciWindow: { first: 0x80000000, last: 0xfebfffff },
  serialPorts: [
    { port: 0x3f8, irq: 4 },
    { port: 0x2f8, irq: 3 },
  ],
  keyboard: true,
};
const text = (at: number, length: number): string =>
  String.fromCharCode(...acpi.bytes.subarray(at, at + length));
const sum = (at: number, length: number, bytes = acpi.bytes): number =>
  bytes.subarray(at, at + length).reduce((a, b) => a + b, 0) & 0xff;

beforeAll(() => {
  acpi = buildAcpiTables({ ...options, base: BASE });
  view = new DataView(acpi.bytes.buffer);
});

/** Finds a table as an operating system does: from the RSDP by the XSDT. */
function viaXsdt(signature: string): number {
  const xsdt = view.getUint32(24, true) - BASE;
  expect(text(xsdt, 4)).toBe('XSDT');
  const count = (view.getUint32(xsdt + 4, true) - 36) / 8;
  for (let i = 0; i < count; i++) {
    const at = view.getUint32(xsdt + 36 + 8 * i, true) - BASE;
    if (text(at, 4) === signature) return at;
  }
  throw new Error(`no ${signature}`);
}

describe('finding the tables', () => {
  test('the RSDP has both checksums and leads to an RSDT and an XSDT with the same tables', () => {
    expect(text(0, 8)).toBe('RSD PTR ');
    expect(sum(0, 20)).toBe(0);
    expect(sum(0, 36)).toBe(0);
    const rsdt = view.getUint32(16, true) - BASE;
    expect(text(rsdt, 4)).toBe('RSDT');
    expect(view.getUint32(rsdt + 36, true) - BASE).toBe(viaXsdt('FACP'));
    expect(view.getUint32(rsdt + 40, true) - BASE).toBe(viaXsdt('APIC'));
  });

  test('every table has a right length and checksum; the FACS is 64-byte aligned', () => {
    for (const table of acpi.tables) {
      if (table.signature === 'FACS') expect((BASE + table.offset) % 64).toBe(0);
      else if (table.signature !== 'RSD PTR ') {
        expect(view.getUint32(table.offset + 4, true)).toBe(table.byteLength);
        expect(sum(table.offset, table.byteLength)).toBe(0);
      }
    }
  });
});

test('the FADT points to DSDT and FACS and names the registers', () => {
  const fadt = viaXsdt('FACP');
  expect(text(view.getUint32(fadt + 40, true) - BASE, 4)).toBe('DSDT');
  expect(text(view.getUint32(fadt + 36, true) - BASE, 4)).toBe('FACS');
  expect(view.getUint16(fadt + 46, true)).toBe(9);
  expect(view.getUint32(fadt + 48, true)).toBe(0xb2);
  expect(view.getUint32(fadt + 56, true)).toBe(0x600);
  expect(view.getUint32(fadt + 76, true)).toBe(0x608);
  expect(view.getUint8(fadt + 116)).toBe(1);
  expect(view.getUint32(fadt + 120, true)).toBe(0xcf9);
  expect(view.getUint32(fadt + 112, true) & 0x100).toBe(0);
  const wide = buildAcpiTables({ ...options, base: BASE, pmTimerBits: 32 });
  expect(new DataView(wide.bytes.buffer).getUint32(fadt + 112, true) & 0x100).toBe(0x100);
});

test('the MADT lists processors, the I/O APIC and the overrides of IRQ 0 and 9', () => {
  const madt = viaXsdt('APIC');
  const end = madt + view.getUint32(madt + 4, true);
  const entries: number[][] = [];
  for (let at = madt + 44; at < end; at += acpi.bytes[at + 1]) {
    entries.push([...acpi.bytes.subarray(at, at + acpi.bytes[at + 1])]);
  }
  expect(entries).toEqual([
    [0, 8, 0, 0, 1, 0, 0, 0],
    [0, 8, 1, 1, 1, 0, 0, 0],
    [1, 12, 2, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0],
    [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
    [2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
    [4, 6, 0xff, 0, 0, 1],
  ]);
});

test('bases and counts that cannot be are refused', () => {
  expect(() => buildAcpiTables({ ...options, base: 0xe0010 })).toThrow(/64-byte/);
  expect(() => buildAcpiTables({ ...options, base: BASE, cpuCount: 0 })).toThrow(/processors/);
});

test('255 processors still fit', () => {
  const many = buildAcpiTables({ ...options, base: BASE, cpuCount: 255 });
  expect(many.bytes.length).toBeLessThan(0x10000);
});

test('SeaBIOS, running the loader script, gets tables that are right at their new place', () => {
  const files = acpiLoaderFiles(acpi);
  const script = new DataView(files[2].bytes.buffer);
  const placed = new Map<string, { address: number; bytes: Uint8Array }>();
  const nameAt = (at: number): string => {
    let name = '';
    for (let c = at; script.getUint8(c) !== 0; c++) name += String.fromCharCode(script.getUint8(c));
    return name;
  };
  const file = (at: number): { address: number; bytes: Uint8Array } => {
    const found = placed.get(nameAt(at));
    if (found === undefined) throw new Error(`${nameAt(at)} used before it was allocated`);
    return found;
  };
  for (let at = 0; at < files[2].bytes.length; at += 128) {
    const command = script.getUint32(at, true);
    if (command === 1) {
      const source = files.find((f) => f.name === nameAt(at + 4));
      const address = script.getUint8(at + 64) === 2 ? 0xf5000 : 0x3ffe0000;
      placed.set(nameAt(at + 4), { address, bytes: source?.bytes.slice() ?? new Uint8Array() });
    } else if (command === 2) {
      const target = new DataView(file(at + 4).bytes.buffer);
      const offset = script.getUint32(at + 116, true);
      target.setUint32(offset, target.getUint32(offset, true) + file(at + 60).address, true);
    } else {
      const { bytes } = file(at + 4);
      const total = sum(script.getUint32(at + 64, true), script.getUint32(at + 68, true), bytes);
      bytes[script.getUint32(at + 60, true)] -= total;
    }
  }
  const rsdp = placed.get('etc/acpi/rsdp')?.bytes ?? new Uint8Array();
  const tables = placed.get('etc/acpi/tables')?.bytes ?? new Uint8Array();
  expect([sum(0, 20, rsdp), sum(0, 36, rsdp)]).toEqual([0, 0]);
  const direct = buildAcpiTables({ ...options, base: 0x3ffe0000 - 64 });
  expect(tables).toEqual(direct.bytes.slice(64));
  expect(rsdp.subarray(9)).toEqual(direct.bytes.slice(9, 36).fill(rsdp[32], 23, 24));
});
