// WordRegisters: what a driver sets up through words at fixed offsets, as VIRTIO 1.2 §4.2.2 lays them out; without notifications and
// interrupts, which are their transport's own. MMIO and the channel have them.
import type { DeviceControl } from '../device/device-control.js';
import type { AddressHalf } from '../device/queue-registers.js';
import type { AccessSize } from '../device/virtio-device.js';
import type { SavedState } from '../saved-state.js';
import * as R from '../spec/mmio.js';
import { VIRTIO_PCI_VENDOR } from '../spec/pci.js';
import type { QueueAreas } from '../spec/ring.js';

const VERSION = 2;

/** What a driver has selected. Part of a transport's saved state. */
export interface WordRegistersState {
  readonly offeredSelect: number;
  readonly chosenSelect: number;
  readonly queueSelect: number;
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

export class WordRegisters {
  readonly byteLength: number;
  readonly #control: DeviceControl;
  /** Larger queues are not offered. */
  readonly #maxQueueSize: number;
  #offeredSelect = 0;
  #chosenSelect = 0;
  #queueSelect = 0;

  constructor(control: DeviceControl, maxQueueSize: number) {
    this.#control = control;
    this.#maxQueueSize = maxQueueSize;
    this.byteLength = R.VIRTIO_MMIO_CONFIG + Math.max(0x100, control.device.configBytes);
  }

  /** Reads registers; unsigned. Never throws. */
  read(offset: number, size: AccessSize): number {
    if (offset >= R.VIRTIO_MMIO_CONFIG)
      return this.#control.readConfig(offset - R.VIRTIO_MMIO_CONFIG, size);
    return size === 4 ? this.#readWord(offset) >>> 0 : 0;
  }

  /** Writes registers. Never throws. */
  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= R.VIRTIO_MMIO_CONFIG)
      this.#control.writeConfig(offset - R.VIRTIO_MMIO_CONFIG, size, value);
    else if (size === 4) this.#writeWord(offset, value >>> 0);
  }

  reset(): void {
    this.#offeredSelect = 0;
    this.#chosenSelect = 0;
    this.#queueSelect = 0;
    this.#control.reset();
  }

  save(): WordRegistersState {
    return {
      offeredSelect: this.#offeredSelect,
      chosenSelect: this.#chosenSelect,
      queueSelect: this.#queueSelect,
    };
  }

  /** Reads what was selected, and restores the device's state. @throws RangeError, and changes nothing */
  restore(reader: SavedState, control: unknown): void {
    const offeredSelect = reader.integer('offeredSelect', 0, 0xffff_ffff);
    const chosenSelect = reader.integer('chosenSelect', 0, 0xffff_ffff);
    const queueSelect = reader.integer('queueSelect', 0, 0xffff_ffff);
    this.#control.restore(control);
    this.#offeredSelect = offeredSelect;
    this.#chosenSelect = chosenSelect;
    this.#queueSelect = queueSelect;
  }

  #readWord(offset: number): number {
    const control = this.#control;
    const registers = control.registers(this.#queueSelect);
    switch (offset) {
      case R.VIRTIO_MMIO_MAGIC_VALUE:
        return R.VIRTIO_MMIO_MAGIC;
      case R.VIRTIO_MMIO_VERSION:
        return VERSION;
      case R.VIRTIO_MMIO_DEVICE_ID:
        return control.device.deviceId;
      case R.VIRTIO_MMIO_VENDOR_ID:
        return VIRTIO_PCI_VENDOR;
      case R.VIRTIO_MMIO_DEVICE_FEATURES:
        return control.offeredWord(this.#offeredSelect);
      case R.VIRTIO_MMIO_QUEUE_NUM_MAX:
        return Math.min(registers?.maxSize ?? 0, this.#maxQueueSize);
      case R.VIRTIO_MMIO_QUEUE_READY:
        return registers?.isEnabled ? 1 : 0;
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

  #writeWord(offset: number, value: number): void {
    const control = this.#control;
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
      case R.VIRTIO_MMIO_STATUS:
        control.writeStatus(value);
        break;
    }
  }
}
