// DriverRegisters: what a driver does with a transport's registers, whichever transport it is; for tests.

import type { Gpa } from '@proxeny/memory';
import type { DeviceControl, DeviceControlOptions } from '../device/device-control.js';
import * as channel from '../spec/channel.js';
import { VIRTIO_INTERRUPT_CONFIG, VIRTIO_INTERRUPT_QUEUE } from '../spec/interrupt.js';
import * as mmio from '../spec/mmio.js';
import * as pci from '../spec/pci.js';
import type { QueueAreas } from '../spec/ring.js';
import { ChannelTransport } from '../transport/channel.js';
import { MmioTransport } from '../transport/mmio.js';
import { PciTransport } from '../transport/pci.js';
import {
  COMMON_AT,
  CONFIG_AT,
  ISR_AT,
  MSIX_TABLE_AT,
  NOTIFY_AT,
  NOTIFY_STRIDE,
} from '../transport/pci-layout.js';

type Size = 1 | 2 | 4;

/** Interrupts since the last look. */
export interface SeenInterrupts {
  readonly queue: boolean;
  readonly config: boolean;
}

export interface DriverRegisters {
  readonly control: DeviceControl;
  status(): number;
  setStatus(value: number): void;
  offeredWord(word: number): number;
  chooseWord(word: number, value: number): void;
  maxQueueSize(queue: number): number;
  setupQueue(queue: number, size: number, areas: QueueAreas): void;
  isQueueEnabled(queue: number): boolean;
  resetQueue(queue: number): void;
  notify(queue: number): void;
  takeInterrupts(): SeenInterrupts;
  readConfig(offset: number, size: Size): number;
  writeConfig(offset: number, size: Size, value: number): void;
  configGeneration(): number;
  /** Anything anywhere, for fuzzing. */
  readAny(offset: number, size: Size): number;
  writeAny(offset: number, size: Size, value: number): void;
  reset(): void;
  save(): unknown;
  restore(state: unknown): void;
}

const AREAS = ['descriptors', 'driver', 'device'] as const;

/** What word registers are reached by. */
interface WordAccess {
  read(offset: number, size: Size): number;
  write(offset: number, size: Size, value: number): void;
}

/** What drivers do alike with all transports that have word registers (VIRTIO 1.2 §4.2.2). */
function wordRegisters(access: WordAccess) {
  const read = (at: number) => access.read(at, 4);
  const write = (at: number, value: number) => access.write(at, 4, value);
  const select = (queue: number) => write(mmio.VIRTIO_MMIO_QUEUE_SEL, queue);
  return {
    status: () => read(mmio.VIRTIO_MMIO_STATUS),
    setStatus: (value: number) => write(mmio.VIRTIO_MMIO_STATUS, value),
    offeredWord: (word: number) => {
      write(mmio.VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
      return read(mmio.VIRTIO_MMIO_DEVICE_FEATURES);
    },
    chooseWord: (word: number, value: number) => {
      write(mmio.VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
      write(mmio.VIRTIO_MMIO_DRIVER_FEATURES, value);
    },
    maxQueueSize: (queue: number) => {
      select(queue);
      return read(mmio.VIRTIO_MMIO_QUEUE_NUM_MAX);
    },
    setupQueue: (queue: number, size: number, areas: QueueAreas) => {
      select(queue);
      write(mmio.VIRTIO_MMIO_QUEUE_NUM, size);
      const registers = [
        [mmio.VIRTIO_MMIO_QUEUE_DESC_LOW, mmio.VIRTIO_MMIO_QUEUE_DESC_HIGH],
        [mmio.VIRTIO_MMIO_QUEUE_DRIVER_LOW, mmio.VIRTIO_MMIO_QUEUE_DRIVER_HIGH],
        [mmio.VIRTIO_MMIO_QUEUE_DEVICE_LOW, mmio.VIRTIO_MMIO_QUEUE_DEVICE_HIGH],
      ];
      for (const [i, [low, high]] of registers.entries()) {
        write(low, areas[AREAS[i]] % 2 ** 32);
        write(high, Math.floor(areas[AREAS[i]] / 2 ** 32));
      }
      write(mmio.VIRTIO_MMIO_QUEUE_READY, 1);
    },
    isQueueEnabled: (queue: number) => {
      select(queue);
      return read(mmio.VIRTIO_MMIO_QUEUE_READY) === 1;
    },
    resetQueue: (queue: number) => {
      select(queue);
      write(mmio.VIRTIO_MMIO_QUEUE_RESET, 1);
    },
    readConfig: (offset: number, size: Size) => access.read(mmio.VIRTIO_MMIO_CONFIG + offset, size),
    writeConfig: (offset: number, size: Size, value: number) =>
      access.write(mmio.VIRTIO_MMIO_CONFIG + offset, size, value),
    configGeneration: () => read(mmio.VIRTIO_MMIO_CONFIG_GENERATION),
  };
}

export function mmioRegisters(options: DeviceControlOptions): DriverRegisters {
  let line = false;
  const transport = new MmioTransport({
    ...options,
    interrupt: (level) => {
      line = level;
    },
  });
  return {
    control: transport.control,
    ...wordRegisters({
      read: (offset, size) => transport.readMmio(offset, size),
      write: (offset, size, value) => transport.writeMmio(offset, size, value),
    }),
    notify: (queue) => transport.writeMmio(mmio.VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue),
    takeInterrupts: () => {
      const status = line ? transport.readMmio(mmio.VIRTIO_MMIO_INTERRUPT_STATUS, 4) : 0;
      transport.writeMmio(mmio.VIRTIO_MMIO_INTERRUPT_ACK, 4, status);
      return interruptsOf(status);
    },
    readAny: (offset, size) => transport.readMmio(offset % transport.byteLength, size),
    writeAny: (offset, size, value) =>
      transport.writeMmio(offset % transport.byteLength, size, value),
    reset: () => transport.reset(),
    save: () => transport.save(),
    restore: (state) => transport.restore(state),
  };
}

/** The register page is the first of the driver's memory. */
export function channelRegisters(options: DeviceControlOptions): DriverRegisters {
  const page = options.memory.view(0 as Gpa, channel.VIRTIO_CHANNEL_PAGE_BYTES);
  if (page === null) throw new Error('the test memory has no page');
  const words = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const word = (at: number) => words.getUint32(at, true);
  let hasQueueEvent = false;
  let seenChanges = 0;
  const transport = new ChannelTransport({
    ...options,
    queueEvent: () => {
      hasQueueEvent = true;
    },
    pageEvent: () => {},
  });
  transport.open(0);
  const request = (access: number, offset: number, value: number) => {
    words.setUint32(channel.VIRTIO_CHANNEL_ACCESS, access, true);
    words.setUint32(channel.VIRTIO_CHANNEL_OFFSET, offset, true);
    words.setUint32(channel.VIRTIO_CHANNEL_VALUE, value, true);
    const id = (word(channel.VIRTIO_CHANNEL_REQUEST) + 1) >>> 0;
    words.setUint32(channel.VIRTIO_CHANNEL_REQUEST, id, true);
    transport.serve();
    if (word(channel.VIRTIO_CHANNEL_ANSWERED) !== id) throw new Error('a request has no answer');
    return word(channel.VIRTIO_CHANNEL_ANSWER);
  };
  const access: WordAccess = {
    read: (offset, size) => request(size, offset, 0),
    write: (offset, size, value) =>
      void request(size | channel.VIRTIO_CHANNEL_ACCESS_WRITE, offset, value),
  };
  return {
    control: transport.control,
    ...wordRegisters(access),
    notify: (queue) => transport.notify(queue),
    takeInterrupts: () => {
      const changes = word(channel.VIRTIO_CHANNEL_CHANGES);
      const seen = { queue: hasQueueEvent, config: changes !== seenChanges };
      hasQueueEvent = false;
      seenChanges = changes;
      return seen;
    },
    readAny: (offset, size) => access.read(offset, size),
    writeAny: (offset, size, value) => access.write(offset, size, value),
    reset: () => transport.reset(),
    save: () => transport.save(),
    restore: (state) => transport.restore(state),
  };
}

function interruptsOf(status: number): SeenInterrupts {
  return {
    queue: (status & VIRTIO_INTERRUPT_QUEUE) !== 0,
    config: (status & VIRTIO_INTERRUPT_CONFIG) !== 0,
  };
}

/** MSI-X vectors that the PCI driver uses, and the messages they send. */
const CONFIG_VECTOR = 0;
const QUEUE_VECTOR = 1;
const CONFIG_MESSAGE = 0x50;
const QUEUE_MESSAGE = 0x51;

export function pciRegisters(options: DeviceControlOptions, hasMsix: boolean): DriverRegisters {
  let line = false;
  const messages: number[] = [];
  const transport = new PciTransport({
    ...options,
    classCode: 0xff0000,
    intx: (level) => {
      line = level;
    },
    sendMessage: (_low, _high, data) => messages.push(data),
  });
  const read = (at: number, size: Size) => transport.readBar(COMMON_AT + at, size);
  const write = (at: number, size: Size, value: number) =>
    transport.writeBar(COMMON_AT + at, size, value);
  const select = (queue: number) => write(pci.VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
  const setVectors = () => {
    if (!hasMsix) return;
    [CONFIG_MESSAGE, QUEUE_MESSAGE].forEach((data, vector) => {
      [0xfee0_0000, 0, data, 0].forEach((value, i) => {
        transport.writeBar(MSIX_TABLE_AT + 16 * vector + 4 * i, 4, value);
      });
    });
    transport.writeMessageControl(0x8000);
    write(pci.VIRTIO_PCI_COMMON_MSIX, 2, CONFIG_VECTOR);
  };
  return {
    control: transport.control,
    status: () => read(pci.VIRTIO_PCI_COMMON_STATUS, 1),
    setStatus: (value) => write(pci.VIRTIO_PCI_COMMON_STATUS, 1, value),
    offeredWord: (word) => {
      write(pci.VIRTIO_PCI_COMMON_DFSELECT, 4, word);
      return read(pci.VIRTIO_PCI_COMMON_DF, 4);
    },
    chooseWord: (word, value) => {
      write(pci.VIRTIO_PCI_COMMON_GFSELECT, 4, word);
      write(pci.VIRTIO_PCI_COMMON_GF, 4, value);
      setVectors();
    },
    maxQueueSize: (queue) => {
      select(queue);
      return read(pci.VIRTIO_PCI_COMMON_Q_SIZE, 2);
    },
    setupQueue: (queue, size, areas) => {
      select(queue);
      write(pci.VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
      const first = [
        pci.VIRTIO_PCI_COMMON_Q_DESCLO,
        pci.VIRTIO_PCI_COMMON_Q_AVAILLO,
        pci.VIRTIO_PCI_COMMON_Q_USEDLO,
      ];
      for (const [i, at] of first.entries()) {
        write(at, 4, areas[AREAS[i]] % 2 ** 32);
        write(at + 4, 4, Math.floor(areas[AREAS[i]] / 2 ** 32));
      }
      if (hasMsix) write(pci.VIRTIO_PCI_COMMON_Q_MSIX, 2, QUEUE_VECTOR);
      write(pci.VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    },
    isQueueEnabled: (queue) => {
      select(queue);
      return read(pci.VIRTIO_PCI_COMMON_Q_ENABLE, 2) === 1;
    },
    resetQueue: (queue) => {
      select(queue);
      write(pci.VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
    },
    notify: (queue) => transport.writeBar(NOTIFY_AT + NOTIFY_STRIDE * queue, 2, queue),
    takeInterrupts: () => {
      if (!hasMsix) return interruptsOf(line ? transport.readBar(ISR_AT, 1) : 0);
      const seen = messages.splice(0);
      return { queue: seen.includes(QUEUE_MESSAGE), config: seen.includes(CONFIG_MESSAGE) };
    },
    readConfig: (offset, size) => transport.readBar(CONFIG_AT + offset, size),
    writeConfig: (offset, size, value) => transport.writeBar(CONFIG_AT + offset, size, value),
    configGeneration: () => read(pci.VIRTIO_PCI_COMMON_CFGGENERATION, 1),
    readAny: (offset, size) => transport.readBar(offset % transport.barBytes, size),
    writeAny: (offset, size, value) => transport.writeBar(offset % transport.barBytes, size, value),
    reset: () => transport.reset(),
    save: () => transport.save(),
    restore: (state) => transport.restore(state),
  };
}
