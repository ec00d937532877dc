// DeviceControl: how a driver and a device come together, whatever the transport: status, features, queues (VIRTIO 1.2 §2.1, §2.2, §3.1).
// Transports map their registers to it; it is the only place that knows the order of things.

import type { DeviceMemory } from '../queue/device-memory.js';
import { openVirtqueue } from '../queue/open-virtqueue.js';
import type { Virtqueue } from '../queue/virtqueue.js';
import {
  featureMask,
  hasFeature,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from '../spec/feature.js';
import {
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
} from '../spec/status.js';
import { type DeviceControlState, readDeviceControlState } from './device-control-state.js';
import { QueueRegisters } from './queue-registers.js';
import type { AccessSize, DriverConnection, VirtioDevice } from './virtio-device.js';

/** How a transport interrupts its driver. */
export interface InterruptSink {
  /** Buffers of a queue were used. */
  queueInterrupt(queue: number): void;
  /** Configuration space or status changed. */
  configInterrupt(): void;
}

export interface DeviceControlOptions {
  readonly device: VirtioDevice;
  readonly memory: DeviceMemory;
  /** Offer packed rings beside split ones; default: yes. */
  readonly hasPackedRings?: boolean;
  /** Why the device needs a reset: a sentence about what its driver did. */
  readonly onFailure?: (reason: string) => void;
}

const RING_FEATURES =
  featureMask(VIRTIO_F_VERSION_1) |
  featureMask(VIRTIO_F_INDIRECT_DESC) |
  featureMask(VIRTIO_F_EVENT_IDX) |
  featureMask(VIRTIO_F_RING_RESET);

export class DeviceControl implements DriverConnection {
  readonly device: VirtioDevice;
  /** What the device offers. */
  readonly offered: bigint;
  readonly memory: DeviceMemory;
  readonly #interrupts: InterruptSink;
  readonly #onFailure: (reason: string) => void;
  #queues: readonly QueueRegisters[];
  #status = 0;
  #features = 0n;
  #configGeneration = 0;

  constructor(options: DeviceControlOptions, interrupts: InterruptSink) {
    const { device, memory, hasPackedRings = true } = options;
    this.device = device;
    this.offered =
      device.features |
      RING_FEATURES |
      (device.endsInAnyOrder ? 0n : featureMask(VIRTIO_F_IN_ORDER)) |
      (hasPackedRings ? featureMask(VIRTIO_F_RING_PACKED) : 0n);
    this.memory = memory;
    this.#interrupts = interrupts;
    this.#onFailure = options.onFailure ?? (() => {});
    this.#queues = device.queueSizes.map((size) => new QueueRegisters(size));
  }

  get status(): number {
    return this.#status;
  }

  /** Counts changes of configuration space. */
  get configGeneration(): number {
    return this.#configGeneration & 0xff;
  }

  get queueCount(): number {
    return this.#queues.length;
  }

  /** The driver is ready, and nothing went wrong. */
  get isLive(): boolean {
    const { DRIVER_OK, NEEDS_RESET } = STATUS;
    return (this.#status & (DRIVER_OK | NEEDS_RESET)) === DRIVER_OK;
  }

  /** What the driver chose so far. */
  get features(): bigint {
    return this.#features;
  }

  /** The registers of a queue; null if there is none. */
  registers(index: number): QueueRegisters | null {
    return this.#queues[index] ?? null;
  }

  /** 32 of the offered features: bits 32 · `word` and up. */
  offeredWord(word: number): number {
    return wordOf(this.offered, word);
  }

  chosenWord(word: number): number {
    return wordOf(this.#features, word);
  }

  /** The driver chooses features; when they are agreed on, no more. What was not offered is not chosen. */
  chooseWord(word: number, value: number): void {
    if (this.#status & STATUS.FEATURES_OK || word > 1) return;
    const shift = BigInt(32 * word);
    const others = this.#features & ~(0xffff_ffffn << shift);
    this.#features = others | (BigInt(value >>> 0) << shift);
  }

  /** A write to the device status register. */
  writeStatus(value: number): void {
    const wanted = value & 0xff;
    if (wanted === 0) {
      this.reset();
      return;
    }
    const { DRIVER_OK, FEATURES_OK, NEEDS_RESET } = STATUS;
    // Bits are only ever set; NEEDS_RESET is the device's own.
    let next = this.#status | (wanted & ~(DRIVER_OK | FEATURES_OK | NEEDS_RESET));
    if (wanted & FEATURES_OK && this.#agreesOnFeatures()) next |= FEATURES_OK;
    const isReady =
      (wanted & DRIVER_OK) !== 0 && (next & (FEATURES_OK | DRIVER_OK)) === FEATURES_OK;
    this.#status = next;
    if (isReady) this.#activate();
  }

  /** A write to a queue's enable register. 0 is of no effect (VIRTIO 1.2 §4.1.4.3.2). */
  enableQueue(index: number): void {
    const registers = this.#queues[index];
    if (!registers || registers.isEnabled || !(this.#status & STATUS.FEATURES_OK)) return;
    registers.isEnabled = true;
    // After a reset of the queue alone, the driver is ready already.
    if (this.isLive) this.#open(index);
  }

  /** The driver resets one queue (VIRTIO 1.2 §2.6.1). */
  resetQueue(index: number): void {
    const registers = this.#queues[index];
    if (!registers) return;
    if (registers.queue) this.device.queueReset(index);
    registers.reset();
  }

  notify(index: number): void {
    if (this.isLive && this.#queues[index]?.queue) this.device.notified(index);
  }

  readConfig(offset: number, size: AccessSize): number {
    const { device } = this;
    if (offset + size <= device.configBytes) return device.readConfig(offset, size) >>> 0;
    let value = 0;
    for (let i = 0; i < size && offset + i < device.configBytes; i++)
      value |= device.readConfig(offset + i, 1) << (8 * i);
    return value >>> 0;
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    if (offset + size <= this.device.configBytes) this.device.writeConfig(offset, size, value);
  }

  queue(index: number): Virtqueue | null {
    return this.isLive ? (this.#queues[index]?.queue ?? null) : null;
  }

  publish(index: number): void {
    if (this.isLive && this.#queues[index]?.queue?.publish())
      this.#interrupts.queueInterrupt(index);
  }

  configChanged(): void {
    this.#configGeneration++;
    if (this.isLive) this.#interrupts.configInterrupt();
  }

  fail(reason: string): void {
    if (this.#status & STATUS.NEEDS_RESET) return;
    this.#status |= STATUS.NEEDS_RESET;
    this.#onFailure(reason);
    // The driver is told only after it said that it is ready (VIRTIO 1.2 §2.1.2).
    if (this.#status & STATUS.DRIVER_OK) this.#interrupts.configInterrupt();
  }

  reset(): void {
    const wasActive = (this.#status & STATUS.DRIVER_OK) !== 0;
    this.#status = 0;
    this.#features = 0n;
    for (const registers of this.#queues) registers.reset();
    if (wasActive) this.device.reset();
  }

  save(): DeviceControlState {
    return {
      version: 1,
      status: this.#status,
      features: [wordOf(this.#features, 0), wordOf(this.#features, 1)],
      configGeneration: this.configGeneration,
      queues: this.#queues.map((registers) => registers.save()),
      device: this.device.save(),
    };
  }

  /** @throws RangeError for what {@link save} could not have returned */
  restore(state: unknown): void {
    const read = readDeviceControlState(state, this.#queues.length);
    const isPacked = hasFeature(read.features, VIRTIO_F_RING_PACKED);
    const queues = read.queues.map((each, index) =>
      QueueRegisters.restored(this.device.queueSizes[index], each, (registers) =>
        this.#openFrom(registers, index, read.features, isPacked),
      ),
    );
    if (this.#status & STATUS.DRIVER_OK) this.device.reset();
    this.device.restore(read.device);
    this.#status = read.status;
    this.#features = read.features;
    this.#configGeneration = read.configGeneration;
    for (const registers of this.#queues) registers.queue?.close();
    this.#queues = queues;
    if (!this.isLive) return;
    this.device.activate(this);
    this.#notifyAll();
  }

  /** Bit by bit what was offered, from a driver that knows version 1. */
  #agreesOnFeatures(): boolean {
    return (
      (this.#features & ~this.offered) === 0n && hasFeature(this.#features, VIRTIO_F_VERSION_1)
    );
  }

  #activate(): void {
    this.#status |= STATUS.DRIVER_OK;
    for (let index = 0; index < this.#queues.length; index++)
      if (this.#queues[index].isEnabled && !this.#open(index)) return;
    this.device.activate(this);
    this.#notifyAll();
  }

  /** A driver may have added buffers before it was ready. */
  #notifyAll(): void {
    for (let index = 0; index < this.#queues.length; index++) this.notify(index);
  }

  #open(index: number): boolean {
    const registers = this.#queues[index];
    const isPacked = hasFeature(this.#features, VIRTIO_F_RING_PACKED);
    const queue = this.#openFrom(registers, index, this.#features, isPacked);
    if (typeof queue === 'string') {
      this.fail(`queue ${index} ${queue}`);
      return false;
    }
    registers.queue = queue;
    return true;
  }

  #openFrom(
    registers: QueueRegisters,
    index: number,
    features: bigint,
    isPacked: boolean,
  ): Virtqueue | string {
    if (registers.size > registers.maxSize) return `has a ring of ${registers.size} descriptors`;
    return openVirtqueue(isPacked, {
      memory: this.memory,
      size: registers.size,
      areas: registers.areas,
      hasIndirect: hasFeature(features, VIRTIO_F_INDIRECT_DESC),
      hasEventIndex: hasFeature(features, VIRTIO_F_EVENT_IDX),
      isInOrder: hasFeature(features, VIRTIO_F_IN_ORDER),
      onBroken: (reason) => this.fail(`queue ${index} ${reason}`),
    });
  }
}

const STATUS = {
  DRIVER_OK: VIRTIO_CONFIG_S_DRIVER_OK,
  FEATURES_OK: VIRTIO_CONFIG_S_FEATURES_OK,
  NEEDS_RESET: VIRTIO_CONFIG_S_NEEDS_RESET,
} as const;

function wordOf(features: bigint, word: number): number {
  return word > 1 ? 0 : Number((features >> BigInt(32 * word)) & 0xffff_ffffn);
}
