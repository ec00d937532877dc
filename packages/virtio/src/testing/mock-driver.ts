// MockDriver: brings a device up over any transport as drivers do (VIRTIO 1.2 §3.1.1), and has its queues; for tests.
import { FlatMemory, type Gpa } from '@proxeny/memory';
import type { DeviceControlOptions } from '../device/device-control.js';
import { type DriverBuffer, type DriverQueue, placeQueue } from '../driver/index.js';
import {
  featureMask,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from '../spec/feature.js';
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FEATURES_OK,
} from '../spec/status.js';
import { type DriverRegisters, mmioRegisters } from './driver-registers.js';
import { driverQueue, INDIRECT_SIZE, type RingKind } from './queue-pair.js';

const QUEUES_AT = 0x1000;
const DATA_AT = 0x40000;
const MEMORY_BYTES = 0x200000;

export interface MockDriverOptions {
  readonly kind?: RingKind;
  /** Of the device's kind; default: all it offers. */
  readonly features?: bigint;
  readonly hasEventIndex?: boolean;
  /** Descriptors in each queue; default: as many as the device allows. */
  readonly queueSize?: number;
}

/** Puts a device behind a transport. */
export type TransportMaker = (options: DeviceControlOptions) => DriverRegisters;

const mask = (...bits: number[]): bigint => bits.reduce((all, bit) => all | featureMask(bit), 0n);

export class MockDriver {
  readonly memory: FlatMemory;
  readonly registers: DriverRegisters;
  /** Why the device failed. */
  readonly failures: string[] = [];
  queues: DriverQueue[] = [];
  features = 0n;
  #dataEnd = DATA_AT;

  constructor(
    device: DeviceControlOptions['device'],
    make: TransportMaker = mmioRegisters,
    memory: FlatMemory = new FlatMemory(MEMORY_BYTES),
  ) {
    this.memory = memory;
    this.registers = make({
      device,
      memory: this.memory,
      onFailure: (reason) => this.failures.push(reason),
    });
  }

  /** From reset to DRIVER_OK. */
  start(options: MockDriverOptions = {}): this {
    this.negotiate(options);
    this.setupQueues(options);
    this.registers.setStatus(15);
    return this;
  }

  /** From reset to FEATURES_OK. */
  negotiate({ kind = 'split', hasEventIndex = true, features }: MockDriverOptions = {}): void {
    const { registers } = this;
    registers.setStatus(0);
    registers.setStatus(VIRTIO_CONFIG_S_ACKNOWLEDGE);
    registers.setStatus(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    const ring =
      mask(VIRTIO_F_VERSION_1, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_RING_RESET) |
      (kind === 'packed' ? mask(VIRTIO_F_RING_PACKED) : 0n) |
      (hasEventIndex ? mask(VIRTIO_F_EVENT_IDX) : 0n);
    const all = (BigInt(registers.offeredWord(1)) << 32n) | BigInt(registers.offeredWord(0));
    const own = all & ~mask(VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED);
    this.features = ring | (features ?? own);
    registers.chooseWord(0, Number(this.features & 0xffff_ffffn));
    registers.chooseWord(1, Number(this.features >> 32n));
    registers.setStatus(
      VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
    );
  }

  setupQueues({ kind = 'split', hasEventIndex = true, queueSize }: MockDriverOptions = {}): void {
    this.memory.bytes.fill(0, QUEUES_AT, DATA_AT);
    this.#dataEnd = DATA_AT;
    this.queues = [];
    let next = QUEUES_AT;
    for (let index = 0; ; index++) {
      const maxSize = this.registers.maxQueueSize(index);
      if (maxSize === 0) break;
      const size = Math.min(queueSize ?? maxSize, maxSize);
      const { areas, end } = placeQueue(kind === 'packed', size, next);
      const indirect = { at: Math.ceil(end / 16) * 16, size: INDIRECT_SIZE };
      next = indirect.at + 16 * INDIRECT_SIZE * size;
      if (next > DATA_AT) throw new Error('the queues take too much of the test memory');
      const { memory } = this;
      const isInOrder = (this.features & mask(VIRTIO_F_IN_ORDER)) !== 0n;
      this.queues.push(
        driverQueue(kind, { memory, size, areas, hasEventIndex, isInOrder, indirect }),
      );
      this.registers.setupQueue(index, size, areas);
    }
  }

  get status(): number {
    return this.registers.status();
  }

  get isReady(): boolean {
    return (this.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
  }

  /** A fresh range of memory with these bytes, or of this length. */
  range(contents: Uint8Array | number): DriverBuffer {
    const byteLength = typeof contents === 'number' ? contents : contents.length;
    const at = this.#dataEnd;
    this.#dataEnd += Math.ceil(byteLength / 16) * 16;
    const bytes = typeof contents === 'number' ? new Uint8Array(byteLength) : contents;
    this.memory.copyTo(at as Gpa, bytes);
    return { at, byteLength };
  }

  bytes({ at, byteLength }: DriverBuffer): Uint8Array {
    return this.memory.bytes.slice(at, at + byteLength);
  }

  /** Makes a buffer available, and notifies if the device wants that. */
  add(
    queue: number,
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[] = [],
    isIndirect = false,
  ): number {
    const id = this.queues[queue].add(readable, writable, isIndirect);
    if (this.queues[queue].mustNotify()) this.registers.notify(queue);
    return id;
  }
}
