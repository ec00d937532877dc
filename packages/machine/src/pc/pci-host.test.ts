import { beforeEach, describe, expect, test } from 'vitest';
import { MmioBus, PortBus } from '../bus.js';
import { movableMemory, movablePorts } from './bus-window.js';
import { createI440fx, type PamSegment } from './i440fx.js';
import { assignPciResources } from './pci-assign.js';
import { PciDevice } from './pci-device.js';
import { PCI_HOST_PORT, PCI_HOST_PORT_COUNT, PciHost } from './pci-host.js';
import { Piix3 } from './piix3.js';
import { createPiix4Pm } from './piix4-pm.js';
import { ResetControl } from './reset-control.js';

let ports: PortBus;
let memory: MmioBus;
let host: PciHost;
let resets: string[];
let irqs: Map<number, boolean>;
let piix3: Piix3;
let segments: PamSegment[];
let pmBases: (number | null)[];

const at = (device: number, fn: number, register: number): number =>
  (0x80000000 | (device << 11) | (fn << 8) | register) >>> 0;
function config(device: number, fn: number, register: number, size: 1 | 2 | 4): number {
  ports.write(0xcf8, 4, at(device, fn, register & ~3));
  return ports.read(0xcfc + (register & 3), size);
}
function setConfig(
  device: number,
  fn: number,
  register: number,
  size: 1 | 2 | 4,
  value: number,
): void {
  ports.write(0xcf8, 4, at(device, fn, register & ~3));
  ports.write(0xcfc + (register & 3), size, value);
}

beforeEach(() => {
  ports = new PortBus();
  memory = new MmioBus();
  resets = [];
  irqs = new Map();
  segments = [];
  pmBases = [];
  piix3 = new Piix3((irq, level) => irqs.set(irq, level), true);
  const resetControl = new ResetControl((kind) => resets.push(kind));
  host = new PciHost({ pirq: (index, level) => piix3.setPirq(index, level), resetControl });
  host.add(
    0,
    0,
    createI440fx((segment) => segments.push(segment)),
  );
  host.add(1, 0, piix3.pci);
  host.add(
    1,
    3,
    createPiix4Pm((base) => pmBases.push(base), true),
  );
  const count = PCI_HOST_PORT_COUNT;
  ports.claim({ name: 'pci', first: PCI_HOST_PORT, count, width: 4, device: host });
});

function makeCard(): PciDevice {
  const card = new PciDevice('card', {
    vendorId: 0x1af4,
    deviceId: 0x1001,
    classCode: 0x010000,
    interruptPin: 1,
  });
  const scratch = { readPort: () => 0x5a, writePort: () => {} };
  const registers = { readMmio: () => 0xa5, writeMmio: () => {} };
  card.addBar({
    index: 0,
    space: 'io',
    byteLength: 0x40,
    mapped: movablePorts(ports, { name: 'card', count: 0x40, width: 4 }, scratch),
  });
  card.addBar({
    index: 2,
    space: 'memory',
    byteLength: 0x4000,
    is64: true,
    prefetchable: true,
    mapped: movableMemory(memory, { name: 'card', byteLength: 0x4000 }, registers),
  });
  return card;
}

describe('mechanism 1', () => {
  test('the type 1 probe of Linux finds the mechanism', () => {
    ports.write(0xcfb, 1, 1);
    ports.write(0xcf8, 4, 0x80000000);
    expect(ports.read(0xcf8, 4)).toBe(0x80000000);
    expect(config(0, 0, 0x0a, 2)).toBe(0x0600);
  });

  test('bytes and words of configuration space are reached through 0xCFC-0xCFF', () => {
    expect(config(0, 0, 0, 4)).toBe(0x12378086);
    expect(config(0, 0, 2, 2)).toBe(0x1237);
    expect(config(0, 0, 3, 1)).toBe(0x12);
    expect(config(0, 0, 0x2c, 4)).toBe(0x11001af4);
    expect(config(1, 0, 0x0e, 1)).toBe(0x80);
    expect(config(1, 3, 0, 4)).toBe(0x71138086);
  });

  test('absent functions, other buses and a disabled address read all ones', () => {
    expect(config(5, 0, 0, 4)).toBe(0xffffffff);
    expect(config(1, 1, 0, 2)).toBe(0xffff);
    ports.write(0xcf8, 4, 0x80010000);
    expect(ports.read(0xcfc, 4)).toBe(0xffffffff);
    ports.write(0xcf8, 4, 0);
    expect(ports.read(0xcfc, 1)).toBe(0xff);
  });

  test('port 0xCF9 is the reset control: bit 2 rising resets', () => {
    ports.write(0xcf9, 1, 0x02);
    expect(resets).toEqual([]);
    expect(ports.read(0xcf9, 1)).toBe(2);
    ports.write(0xcf9, 1, 0x06);
    ports.write(0xcf9, 1, 0x06);
    expect(resets).toEqual(['hard']);
    ports.write(0xcf9, 1, 0x00);
    ports.write(0xcf9, 1, 0x04);
    expect(resets).toEqual(['hard', 'soft']);
  });
});

describe('functions', () => {
  test('identity is read-only', () => {
    setConfig(0, 0, 0, 4, 0);
    expect(config(0, 0, 0, 4)).toBe(0x12378086);
  });

  test('BARs report their size and appear where the guest puts them', () => {
    host.add(3, 0, makeCard());
    setConfig(3, 0, 0x10, 4, 0xffffffff);
    expect(config(3, 0, 0x10, 4)).toBe(0xffffffc1);
    setConfig(3, 0, 0x18, 4, 0xffffffff);
    expect(config(3, 0, 0x18, 4)).toBe(0xffffc00c);
    setConfig(3, 0, 0x1c, 4, 0xffffffff);
    expect(config(3, 0, 0x1c, 4)).toBe(0xffffffff);
    setConfig(3, 0, 0x10, 4, 0xc000);
    setConfig(3, 0, 0x18, 4, 0xe0000000);
    setConfig(3, 0, 0x1c, 4, 1);
    expect(ports.isFree(0xc000, 0x40)).toBe(true);
    setConfig(3, 0, 0x04, 2, 7);
    expect(ports.read(0xc000, 1)).toBe(0x5a);
    expect(memory.read((0x1e0000000 + 0x3fff) as never, 1)).toBe(0xa5);
    setConfig(3, 0, 0x10, 4, 0xd000);
    expect(ports.isFree(0xc000, 0x40)).toBe(true);
    expect(ports.read(0xd03f, 1)).toBe(0x5a);
    setConfig(3, 0, 0x04, 2, 0);
    expect(ports.isFree(0xd000, 0x40)).toBe(true);
  });

  test('a BAR put over another device stays unmapped and takes nothing from it', () => {
    host.add(3, 0, makeCard());
    setConfig(3, 0, 0x10, 4, 0xcc0); // ends at 0xCFF, over the configuration ports
    setConfig(3, 0, 0x04, 2, 1);
    expect(config(0, 0, 0, 4)).toBe(0x12378086);
    expect(ports.read(0xcc0, 1)).toBe(0xff);
    setConfig(3, 0, 0x10, 4, 0xc80);
    expect(ports.read(0xc80, 1)).toBe(0x5a);
    setConfig(3, 0, 0x10, 4, 0xcc0);
    expect(ports.read(0xc80, 1)).toBe(0xff);
  });

  test('capabilities form a list', () => {
    const card = makeCard();
    const first = card.addCapability(0x11, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const next = card.addCapability(0x09, [0x10]);
    host.add(4, 0, card);
    expect(config(4, 0, 0x06, 2) & 0x10).toBe(0x10);
    expect(config(4, 0, 0x34, 1)).toBe(first);
    expect(config(4, 0, first, 2)).toBe(0x11 | (next << 8));
    expect(config(4, 0, next, 2)).toBe(0x09);
    expect(next & 3).toBe(0);
    expect(() => card.addCapability(9, new Array(200).fill(0))).toThrow(/space/);
  });

  test('a place can be taken once, and function 0 comes first', () => {
    expect(() => host.add(0, 0, makeCard())).toThrow(/taken by 440FX/);
    expect(() => host.add(6, 1, makeCard())).toThrow(/function 0/);
    expect(host.freeDevice()).toBe(2);
  });
});

describe('interrupts', () => {
  test('INTA of devices 2 and 3 goes to PIRQB and PIRQC, shared by wired-OR', () => {
    const a = makeCard();
    const b = makeCard();
    host.add(2, 0, a);
    host.add(6, 0, b);
    a.interrupt(true);
    b.interrupt(true);
    expect(irqs.get(10)).toBe(true);
    a.interrupt(false);
    expect(irqs.get(10)).toBe(true);
    b.interrupt(false);
    expect(irqs.get(10)).toBe(false);
  });

  test('the guest can reroute and disable a PIRQ, and disable INTx of a function', () => {
    const card = makeCard();
    host.add(3, 0, card);
    card.interrupt(true);
    expect([...irqs]).toEqual([[11, true]]);
    expect(config(3, 0, 6, 2) & 8).toBe(8);
    setConfig(1, 0, 0x62, 1, 5);
    expect([irqs.get(11), irqs.get(5)]).toEqual([false, true]);
    setConfig(1, 0, 0x62, 1, 0x80);
    expect(irqs.get(5)).toBe(false);
    setConfig(1, 0, 0x62, 1, 11);
    expect(irqs.get(11)).toBe(true);
    setConfig(3, 0, 0x04, 2, 0x0400);
    expect(irqs.get(11)).toBe(false);
  });
});

describe('chipset functions', () => {
  test('opening the BIOS area as SeaBIOS does is reported for each segment', () => {
    setConfig(0, 0, 0x58, 4, 0x33333000);
    setConfig(0, 0, 0x5c, 4, 0x33333333);
    expect(segments.length).toBe(13);
    expect(segments.find((s) => s.base === 0xf0000)).toEqual({
      base: 0xf0000,
      byteLength: 0x10000,
      readRam: true,
      writeRam: true,
    });
    expect(new Set(segments.map((s) => s.base)).size).toBe(13);
    segments = [];
    setConfig(0, 0, 0x59, 1, 0x10);
    expect(segments).toEqual([
      { base: 0xf0000, byteLength: 0x10000, readRam: true, writeRam: false },
    ]);
  });

  test('the power management block follows its base register', () => {
    expect(pmBases).toEqual([0x600]);
    setConfig(1, 3, 0x40, 4, 0xb001);
    setConfig(1, 3, 0x80, 1, 0);
    expect(pmBases).toEqual([0x600, 0xb000, null]);
    expect(config(1, 3, 0x58, 4) & 0x02000000).not.toBe(0);
    expect(config(1, 3, 0x3c, 1)).toBe(9);
  });
});

test('without firmware, BARs and interrupt lines are assigned', () => {
  const card = makeCard();
  host.add(2, 0, card);
  host.add(3, 0, makeCard());
  assignPciResources(host, {
    io: { first: 0xc000, last: 0xffff },
    memory: { first: 0xe0000000, last: 0xfebfffff },
  });
  expect(config(2, 0, 0x10, 4)).toBe(0xc001);
  expect(config(3, 0, 0x10, 4)).toBe(0xc041);
  expect(config(3, 0, 0x18, 4)).toBe(0xe000400c);
  expect([config(2, 0, 0x3c, 1), config(3, 0, 0x3c, 1)]).toEqual([10, 11]);
  expect(config(1, 3, 0x3c, 1)).toBe(9);
  expect(ports.read(0xc040, 1)).toBe(0x5a);
  expect(() =>
    assignPciResources(host, {
      io: { first: 0xc000, last: 0xc03f },
      memory: { first: 0xe0000000, last: 0xfebfffff },
    }),
  ).toThrow(/BAR 0 .* does not fit/);
});

test('a restored function is mapped and interrupts again; a damaged state is refused', () => {
  const card = makeCard();
  host.add(3, 0, card);
  setConfig(3, 0, 0x10, 4, 0xc000);
  setConfig(3, 0, 0x04, 2, 1);
  card.interrupt(true);
  const state = structuredClone(card.save());
  card.reset();
  expect([irqs.get(11), ports.isFree(0xc000, 0x40)]).toEqual([false, true]);
  card.restore(state);
  expect([irqs.get(11), ports.read(0xc000, 1)]).toEqual([true, 0x5a]);
  expect(card.save()).toEqual(state);
  const hostile = { ...state, config: state.config.map(() => 0xff) };
  card.restore(hostile);
  expect(config(3, 0, 0, 4)).toBe(0x10011af4);
  expect(() => card.restore({ ...state, config: [1] })).toThrow(/config/);
});

test('the 440FX, PIIX3 and PCI host states survive a snapshot', () => {
  setConfig(0, 0, 0x59, 1, 0x30);
  setConfig(1, 0, 0x60, 1, 5);
  ports.write(0xcf8, 4, 0x80000844);
  const states = host.functions().map(({ pci }) => structuredClone(pci.save()));
  const address = structuredClone(host.save());
  for (const { pci } of host.functions()) pci.reset();
  host.reset();
  segments = [];
  host.functions().forEach(({ pci }, i) => {
    pci.restore(states[i]);
  });
  host.restore(address);
  expect(ports.read(0xcf8, 4)).toBe(0x80000844);
  expect(segments).toEqual([{ base: 0xf0000, byteLength: 0x10000, readRam: true, writeRam: true }]);
  expect(config(1, 0, 0x60, 1)).toBe(5);
  expect(pmBases).toEqual([0x600]);
});
