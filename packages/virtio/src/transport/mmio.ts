// MmioTransport: a device behind 512 or more bytes of memory and one interrupt line. VIRTIO 1.2 §4.2, version 2 only.
import { DeviceControl, type DeviceControlOptions } from '../device/device-control.js';
import type { AccessSize } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import { VIRTIO_INTERRUPT_CONFIG, VIRTIO_INTERRUPT_QUEUE } from '../spec/interrupt.js';
import {
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
  VIRTIO_MMIO_QUEUE_NOTIFY,
} from '../spec/mmio.js';
import { MAX_QUEUE_SIZE } from '../spec/ring.js';
import { WordRegisters, type WordRegistersState } from './word-registers.js';

export interface MmioTransportOptions extends DeviceControlOptions {
  /** The interrupt line, by level. */
  readonly interrupt: (level: boolean) => void;
}

/** Saved state of an {@link MmioTransport}. */
export interface MmioTransportState extends WordRegistersState {
  readonly version: 1;
  readonly interruptStatus: number;
  readonly control: unknown;
}

export class MmioTransport {
  readonly control: DeviceControl;
  /** Length of the registers. */
  readonly byteLength: number;
  readonly #registers: WordRegisters;
  readonly #interrupt: (level: boolean) => void;
  #interruptStatus = 0;

  constructor(options: MmioTransportOptions) {
    this.#interrupt = options.interrupt;
    this.control = new DeviceControl(options, {
      queueInterrupt: () => this.#raise(VIRTIO_INTERRUPT_QUEUE),
      configInterrupt: () => this.#raise(VIRTIO_INTERRUPT_CONFIG),
    });
    this.#registers = new WordRegisters(this.control, MAX_QUEUE_SIZE);
    this.byteLength = this.#registers.byteLength;
  }

  /** Reads registers; unsigned. Never throws. */
  readMmio(offset: number, size: AccessSize): number {
    if (offset === VIRTIO_MMIO_INTERRUPT_STATUS && size === 4) return this.#interruptStatus;
    return this.#registers.read(offset, size);
  }

  /** Writes registers. Never throws. */
  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (offset === VIRTIO_MMIO_QUEUE_NOTIFY && size === 4) this.control.notify(value & 0xffff);
    else if (offset === VIRTIO_MMIO_INTERRUPT_ACK && size === 4) this.#lower(value);
    else {
      this.#registers.write(offset, size, value);
      if (this.control.status === 0 && this.#interruptStatus !== 0) this.#lower(0xff);
    }
  }

  /** Power-on reset. */
  reset(): void {
    this.#registers.reset();
    this.#lower(0xff);
  }

  save(): MmioTransportState {
    return {
      version: 1,
      ...this.#registers.save(),
      interruptStatus: this.#interruptStatus,
      control: this.control.save(),
    };
  }

  /** @throws RangeError for what {@link save} could not have returned */
  restore(state: unknown): void {
    const reader = new SavedState('virtio MMIO transport', state, 1);
    const interruptStatus = reader.integer('interruptStatus', 0, 3);
    this.#registers.restore(reader, reader.value('control'));
    this.#interruptStatus |= interruptStatus;
    this.#interrupt(this.#interruptStatus !== 0);
  }

  #raise(bit: number): void {
    this.#interruptStatus |= bit;
    this.#interrupt(true);
  }

  #lower(bits: number): void {
    this.#interruptStatus &= ~bits;
    this.#interrupt(this.#interruptStatus !== 0);
  }
}
