// MmioTransport: a device behind 512 or more bytes of memory and one interrupt line. VIRTIO 1.2 §4.2, version 2 only.
import { DeviceControl, type DeviceControlOptions } from '../device/device-control.js';
import type { AddressHalf } from '../device/queue-registers.js';
import type { AccessSize } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import { VIRTIO_INTERRUPT_CONFIG, VIRTIO_INTERRUPT_QUEUE } from '../spec/interrupt.js';
import * as R from '../spec/mmio.js';
import type { QueueAreas } from '../spec/ring.js';

const VERSION = 2;
/** Ours: there is no registry of them. */
const VENDOR_ID = 0x1af4;

export interface MmioTransportOptions extends DeviceControlOptions {
  /** The interrupt line, by level. */
  readonly interrupt: (level: boolean) => void;
}

/** Saved state of an {@link MmioTransport}. */
export interface MmioTransportState {
  readonly version: 1;
  readonly offeredSelect: number;
  readonly chosenSelect: number;
  readonly queueSelect: number;
  readonly interruptStatus: number;
  readonly control: unknown;
}

/** The area and half that an address register is for. */
function addressRegister(offset: number): [keyof QueueAreas, AddressHalf] | null {
  switch (offset) {
    case R.VIRTIO_MMIO_QUEUE_DESC_LOW:
      return ['descriptors', 'low'];
    case R.VIRTIO_MMIO_QUEUE_DESC_HIGH:
      return ['descriptors', 'high'];
    case R.VIRTIO_MMIO_QUEUE_DRIVER_LOW:
      return ['driver', 'low'];
    case R.VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
      return ['driver', 'high'];
    case R.VIRTIO_MMIO_QUEUE_DEVICE_LOW:
      return ['device', 'low'];
    case R.VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
      return ['device', 'high'];
    default:
      return null;
  }
}

export class MmioTransport {
  readonly control: DeviceControl;
  /** Length of the registers. */
  readonly byteLength: number;
  readonly #interrupt: (level: boolean) => void;
  #offeredSelect = 0;
  #chosenSelect = 0;
  #queueSelect = 0;
  #interruptStatus = 0;

  constructor(options: MmioTransportOptions) {
    this.#interrupt = options.interrupt;
    this.byteLength = R.VIRTIO_MMIO_CONFIG + Math.max(0x100, options.device.configBytes);
    this.control = new DeviceControl(options, {
      queueInterrupt: () => this.#raise(VIRTIO_INTERRUPT_QUEUE),
      configInterrupt: () => this.#raise(VIRTIO_INTERRUPT_CONFIG),
    });
  }

  /** Reads registers; unsigned. Never throws. */
  readMmio(offset: number, size: AccessSize): number {
    if (offset >= R.VIRTIO_MMIO_CONFIG)
      return this.control.readConfig(offset - R.VIRTIO_MMIO_CONFIG, size);
    return size === 4 ? this.#read(offset) >>> 0 : 0;
  }

  /** Writes registers. Never throws. */
  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (offset >= R.VIRTIO_MMIO_CONFIG)
      this.control.writeConfig(offset - R.VIRTIO_MMIO_CONFIG, size, value);
    else if (size === 4) this.#write(offset, value >>> 0);
  }

  /** Power-on reset. */
  reset(): void {
    this.#offeredSelect = 0;
    this.#chosenSelect = 0;
    this.#queueSelect = 0;
    this.control.reset();
    this.#lower(0xff);
  }

  save(): MmioTransportState {
    return {
      version: 1,
      offeredSelect: this.#offeredSelect,
      chosenSelect: this.#chosenSelect,
      queueSelect: this.#queueSelect,
      interruptStatus: this.#interruptStatus,
      control: this.control.save(),
    };
  }

  /** @throws RangeError for what {@link save} could not have returned */
  restore(state: unknown): void {
    const reader = new SavedState('virtio MMIO transport', state, 1);
    const offeredSelect = reader.integer('offeredSelect', 0, 0xffff_ffff);
    const chosenSelect = reader.integer('chosenSelect', 0, 0xffff_ffff);
    const queueSelect = reader.integer('queueSelect', 0, 0xffff_ffff);
    const interruptStatus = reader.integer('interruptStatus', 0, 3);
    this.control.restore(reader.value('control'));
    this.#offeredSelect = offeredSelect;
    this.#chosenSelect = chosenSelect;
    this.#queueSelect = queueSelect;
    this.#interruptStatus |= interruptStatus;
    this.#interrupt(this.#interruptStatus !== 0);
  }

  #read(offset: number): number {
    const { control } = this;
    const registers = control.registers(this.#queueSelect);
    switch (offset) {
      case R.VIRTIO_MMIO_MAGIC_VALUE:
        return R.VIRTIO_MMIO_MAGIC;
      case R.VIRTIO_MMIO_VERSION:
        return VERSION;
      case R.VIRTIO_MMIO_DEVICE_ID:
        return control.device.deviceId;
      case R.VIRTIO_MMIO_VENDOR_ID:
        return VENDOR_ID;
      case R.VIRTIO_MMIO_DEVICE_FEATURES:
        return control.offeredWord(this.#offeredSelect);
      case R.VIRTIO_MMIO_QUEUE_NUM_MAX:
        return registers?.maxSize ?? 0;
      case R.VIRTIO_MMIO_QUEUE_READY:
        return registers?.isEnabled ? 1 : 0;
      case R.VIRTIO_MMIO_INTERRUPT_STATUS:
        return this.#interruptStatus;
      case R.VIRTIO_MMIO_STATUS:
        return control.status;
      // There is no shared memory region (§4.2.2.1).
      case R.VIRTIO_MMIO_SHM_LEN_LOW:
      case R.VIRTIO_MMIO_SHM_LEN_HIGH:
      case R.VIRTIO_MMIO_SHM_BASE_LOW:
      case R.VIRTIO_MMIO_SHM_BASE_HIGH:
        return 0xffff_ffff;
      case R.VIRTIO_MMIO_CONFIG_GENERATION:
        return control.configGeneration;
      default:
        return 0;
    }
  }

  #write(offset: number, value: number): void {
    const { control } = this;
    const address = addressRegister(offset);
    if (address) {
      control.registers(this.#queueSelect)?.setAddress(...address, value);
      return;
    }
    switch (offset) {
      case R.VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        this.#offeredSelect = value;
        break;
      case R.VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        this.#chosenSelect = value;
        break;
      case R.VIRTIO_MMIO_DRIVER_FEATURES:
        control.chooseWord(this.#chosenSelect, value);
        break;
      case R.VIRTIO_MMIO_QUEUE_SEL:
        this.#queueSelect = value;
        break;
      case R.VIRTIO_MMIO_QUEUE_NUM:
        control.registers(this.#queueSelect)?.setSize(value);
        break;
      case R.VIRTIO_MMIO_QUEUE_READY:
        if (value === 1) control.enableQueue(this.#queueSelect);
        else if (value === 0) control.resetQueue(this.#queueSelect);
        break;
      case R.VIRTIO_MMIO_QUEUE_RESET:
        if (value === 1) control.resetQueue(this.#queueSelect);
        break;
      case R.VIRTIO_MMIO_QUEUE_NOTIFY:
        control.notify(value & 0xffff);
        break;
      case R.VIRTIO_MMIO_INTERRUPT_ACK:
        this.#lower(value);
        break;
      case R.VIRTIO_MMIO_STATUS:
        control.writeStatus(value);
        if (control.status === 0) this.#lower(0xff);
        break;
    }
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
