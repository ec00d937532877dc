import { FlatMemory, type Gpa } from '@proxeny/memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { PortBus } from '../bus.js';
import { FW_CFG_PORT, FW_CFG_PORT_COUNT, FwCfg } from './fw-cfg.js';
import { addMachineItems, E820_RAM } from './fw-cfg-items.js';

let ram: FlatMemory;
let bus: PortBus;
let fwCfg: FwCfg;

beforeEach(() => {
  ram = new FlatMemory(0x10000);
  fwCfg = new FwCfg(ram);
  bus = new PortBus();
  bus.claim({
    name: 'fw_cfg',
    first: FW_CFG_PORT,
    count: FW_CFG_PORT_COUNT,
    width: 4,
    device: fwCfg,
  });
});

function readItem(key: number, count: number): number[] {
  bus.write(0x510, 2, key);
  return Array.from({ length: count }, () => bus.read(0x511, 1));
}

/** Runs a DMA request placed at 0x100 and returns its control field. */
function dma(control: number, length: number, address: number): number {
  const view = new DataView(ram.bytes.buffer);
  view.setUint32(0x100, control);
  view.setUint32(0x104, length);
  view.setUint32(0x108, Math.floor(address / 2 ** 32));
  view.setUint32(0x10c, address % 2 ** 32);
  bus.write(0x518, 4, 0x00010000); // big-endian 0x100
  return view.getUint32(0x100);
}

/** Key and size of a file, found as SeaBIOS finds it. */
function findFile(name: string): { key: number; size: number } | null {
  const view = new DataView(new Uint8Array(readItem(0x19, 4 + 64 * 32)).buffer);
  for (let i = 0; i < view.getUint32(0); i++) {
    const entry = 4 + 64 * i;
    let found = '';
    for (let c = entry + 8; view.getUint8(c) !== 0; c++)
      found += String.fromCharCode(view.getUint8(c));
    if (found === name) return { size: view.getUint32(entry), key: view.getUint16(entry + 4) };
  }
  return null;
}

test('the signature and the DMA signature are what firmware looks for', () => {
  expect(String.fromCharCode(...readItem(0, 4))).toBe('QEMU');
  expect(readItem(1, 4)).toEqual([3, 0, 0, 0]);
  const bytes = Array.from({ length: 8 }, (_, i) => bus.read(0x514 + i, 1));
  expect(String.fromCharCode(...bytes)).toBe('QEMU CFG');
  expect(bus.read(0x514, 4)).toBe(0x554d4551);
});

test('reading past an item, or one that is not there, gives zeros', () => {
  expect(readItem(0, 6).slice(4)).toEqual([0, 0]);
  expect(readItem(0x7777, 2)).toEqual([0, 0]);
});

describe('files', () => {
  test('the directory lists them sorted, with their keys', () => {
    fwCfg.addFile('etc/zeta', new Uint8Array([9]));
    fwCfg.addFile('etc/alpha', new Uint8Array([1, 2, 3]));
    expect(findFile('etc/alpha')).toEqual({ key: 0x20, size: 3 });
    expect(findFile('etc/zeta')).toEqual({ key: 0x21, size: 1 });
    expect(readItem(0x20, 3)).toEqual([1, 2, 3]);
    expect(readItem(0x21, 1)).toEqual([9]);
  });

  test('bad names are refused', () => {
    expect(() => fwCfg.addFile('x'.repeat(56), new Uint8Array())).toThrow(/1-55/);
    fwCfg.addFile('a', new Uint8Array());
    expect(() => fwCfg.addFile('a', new Uint8Array())).toThrow(/exists/);
  });

  test('a machine is described: memory map, processors, boot order, kernel', () => {
    addMachineItems(fwCfg, {
      ramBytes: 2 ** 32 + 5,
      cpuCount: 2,
      e820: [{ address: 0, byteLength: 2 ** 32 + 5, kind: E820_RAM }],
      bootOrder: ['/a', '/b'],
      kernel: {
        setup: new Uint8Array([1]),
        setupAddress: 0x10000,
        kernel: new Uint8Array([2, 3]),
        kernelAddress: 0x100000,
        initrd: new Uint8Array(),
        initrdAddress: 0,
        commandLine: 'quiet',
        commandLineAddress: 0x20000,
      },
    });
    expect(readItem(3, 8)).toEqual([5, 0, 0, 0, 1, 0, 0, 0]);
    expect(readItem(5, 2)).toEqual([2, 0]);
    const e820 = findFile('etc/e820');
    expect(e820?.size).toBe(20);
    expect(readItem(e820?.key ?? 0, 20).slice(8, 17)).toEqual([5, 0, 0, 0, 1, 0, 0, 0, 1]);
    const order = findFile('bootorder');
    expect(String.fromCharCode(...readItem(order?.key ?? 0, 6))).toBe('/a\n/b\0');
    expect(readItem(0x14, 4)).toEqual([6, 0, 0, 0]);
    expect(readItem(0x11, 2)).toEqual([2, 3]);
  });
});

describe('DMA', () => {
  beforeEach(() => fwCfg.addItem(0x42, new Uint8Array([10, 11, 12, 13, 14])));

  test('selects and reads in one request, zeros after the end', () => {
    ram.bytes.fill(0xee, 0x200, 0x210);
    expect(dma(0x0042000a, 7, 0x200)).toBe(0);
    expect(Array.from(ram.bytes.subarray(0x200, 0x208))).toEqual([10, 11, 12, 13, 14, 0, 0, 0xee]);
  });

  test('skips, and goes on where the last read ended', () => {
    dma(0x00420008, 0, 0);
    expect(dma(0x4, 2, 0)).toBe(0);
    dma(0x2, 1, 0x200);
    dma(0x2, 2, 0x201);
    expect(Array.from(ram.bytes.subarray(0x200, 0x203))).toEqual([12, 13, 14]);
  });

  test('writing to items and lengths beyond RAM are errors', () => {
    expect(dma(0x00420018, 4, 0x200)).toBe(1);
    expect(dma(0x0042000a, 0xffffffff, 0x200)).toBe(1);
    expect(dma(0x0042000a, 4, 2 ** 40)).toBe(1);
    expect(dma(0x0042000a, 5, 0xfffe)).toBe(1);
  });

  test('a request outside of RAM is ignored', () => {
    bus.write(0x514, 4, 0xffffffff);
    bus.write(0x518, 4, 0xffffffff);
    bus.write(0x518, 4, 0xf8ff0000); // 0xfff8: half inside
    expect(ram.readU32(0xfffc as Gpa)).toBe(0);
  });
});

test('a restored device goes on in the middle of an item', () => {
  fwCfg.addItem(0x42, new Uint8Array([1, 2, 3]));
  readItem(0x42, 1);
  const state = structuredClone(fwCfg.save());
  fwCfg.reset();
  fwCfg.restore(state);
  expect(bus.read(0x511, 1)).toBe(2);
  expect(() => fwCfg.restore({ ...state, offset: 4 })).toThrow(/offset/);
});
