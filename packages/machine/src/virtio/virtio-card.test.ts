import { FlatMemory, type Gpa } from '@proxeny/memory';
import { BlkDevice, type DeviceMemory, RngDevice } from '@proxeny/virtio';
import { PackedDriverQueue, placeQueue } from '@proxeny/virtio/driver';
import { beforeEach, describe, expect, it } from 'vitest';
import { MmioBus } from '../bus.js';
import { movableMemory } from '../pc/bus-window.js';
import type { PciDevice } from '../pc/pci-device.js';
import { MemoryDisk } from '../storage/memory-disk.js';
import { virtioCard } from './virtio-card.js';

const BAR = 0xe000_0000;
const QUEUE_AT = 0x1000;
const ROOM_AT = 0x8000;

let mmio: MmioBus;
let memory: FlatMemory;
let pci: PciDevice;
let messages: number[][];
let levels: boolean[];
let failures: string[];

/** Offsets of the function's capabilities: by id, and of virtio's by their type. */
function capabilities(): { at: number; id: number; type: number }[] {
  const found = [];
  for (let at = pci.readConfig(0x34, 1); at !== 0; at = pci.readConfig(at + 1, 1))
    found.push({ at, id: pci.readConfig(at, 1), type: pci.readConfig(at + 3, 1) });
  return found;
}

const capability = (id: number, type?: number): number =>
  capabilities().find((each) => each.id === id && (type === undefined || each.type === type))?.at ??
  0;

const read = (at: number, size: 1 | 2 | 4): number => mmio.read((BAR + at) as Gpa, size);
const write = (at: number, size: 1 | 2 | 4, value: number): void =>
  mmio.write((BAR + at) as Gpa, size, value);

/** Brings the device up with one packed queue. */
function start(): PackedDriverQueue {
  write(0x14, 1, 3);
  write(0x08, 4, 1);
  write(0x0c, 4, 1 | (1 << 2));
  write(0x14, 1, 11);
  const { areas } = placeQueue(true, 8, QUEUE_AT);
  write(0x18, 2, 8);
  write(0x20, 4, areas.descriptors);
  write(0x28, 4, areas.driver);
  write(0x30, 4, areas.device);
  write(0x1a, 2, 1);
  write(0x1c, 2, 1);
  write(0x14, 1, 15);
  return new PackedDriverQueue({ memory, size: 8, areas });
}

beforeEach(() => {
  mmio = new MmioBus();
  memory = new FlatMemory(0x10000);
  messages = [];
  levels = [];
  failures = [];
  const device = new RngDevice({ fill: (target) => target.fill(0xa5) });
  const card = virtioCard({
    ...{ name: 'entropy', device, memory, classCode: 0x00ff00 },
    onFailure: (reason) => failures.push(reason),
  });
  pci = card({
    memory: (name, byteLength, registers) => movableMemory(mmio, { name, byteLength }, registers),
    sendMessage: (...message) => messages.push(message),
  });
  pci.connect((level) => levels.push(level));
  pci.writeConfig(0x10, 4, BAR);
  pci.writeConfig(0x04, 2, 6);
});

describe('a virtio device on the PCI bus', () => {
  it('is found by vendor and device, and has its registers where its BAR is', () => {
    expect(pci.readConfig(0, 4)).toBe(0x1044_1af4);
    expect(pci.readConfig(8, 4)).toBe(0x00ff_0001);
    expect(capabilities().map(({ id }) => id)).toEqual([0x11, 9, 9, 9, 9, 9]);
    expect(read(0x12, 2)).toBe(1);
    pci.writeConfig(0x04, 2, 0);
    expect(read(0x12, 2)).toBe(0xffff);
  });

  it('interrupts by INTx, until the ISR is read', () => {
    const queue = start();
    queue.add([], [{ at: ROOM_AT, byteLength: 4 }]);
    write(0x3000, 2, 0);
    expect(queue.take()?.written).toBe(4);
    expect(memory.readU32(ROOM_AT as Gpa)).toBe(0xa5a5_a5a5);
    expect([levels.at(-1), messages]).toEqual([true, []]);
    expect(read(0x1000, 1)).toBe(1);
    expect(levels.at(-1)).toBe(false);
  });

  it('interrupts by MSI-X when the driver switches it on in configuration space', () => {
    const at = capability(0x11);
    expect(pci.readConfig(at + 2, 2)).toBe(1);
    pci.writeConfig(at + 2, 2, 0x8fff);
    expect(pci.readConfig(at + 2, 2)).toBe(0x8001);
    [0xfee0_1000, 0, 0x4123, 0].forEach((value, i) => {
      write(0x4010 + 4 * i, 4, value);
    });
    const queue = start();
    queue.add([], [{ at: ROOM_AT, byteLength: 4 }]);
    write(0x3000, 2, 0);
    expect([messages, levels.includes(true)]).toEqual([[[0xfee0_1000, 0, 0x4123]], false]);
    pci.reset();
    expect(pci.readConfig(at + 2, 2)).toBe(1);
  });

  it('shows its registers through the window in configuration space', () => {
    const at = capability(9, 5);
    const select = (offset: number, length: number): void => {
      pci.writeConfig(at + 4, 1, 0);
      pci.writeConfig(at + 8, 4, offset);
      pci.writeConfig(at + 12, 4, length);
    };
    select(0x14, 1);
    pci.writeConfig(at + 16, 1, 3);
    expect(read(0x14, 1)).toBe(3);
    expect(pci.readConfig(at + 16, 1)).toBe(3);
    select(0x04, 4);
    expect(pci.readConfig(at + 16, 4)).toBe(read(0x04, 4));
    pci.writeConfig(at + 4, 1, 1);
    expect(pci.readConfig(at + 16, 4)).toBe(0);
  });

  it('tells why it stopped', () => {
    const queue = start();
    queue.add([], [{ at: 0x9000_0000, byteLength: 4 }]);
    write(0x3000, 2, 0);
    expect(failures).toEqual([
      'queue 0 has a buffer that names 4 bytes at 0x90000000, which is no RAM',
    ]);
    expect(read(0x14, 1)).toBe(15 | 64);
  });
});

it('every disk of the storage layer, and every memory with views, fits a virtio disk', () => {
  const disk = new BlkDevice({ disk: new MemoryDisk(1 << 20), id: 'serial' });
  const views: DeviceMemory = memory;
  expect([disk.readConfig(0, 4), views.view(0 as Gpa, 4)]).toEqual([2048, new Uint8Array(4)]);
});
