// PciCommon: the common configuration structure of the PCI transport. VIRTIO 1.2 §4.1.4.3.
import type { DeviceControl } from '../device/device-control.js';
import type { AddressHalf } from '../device/queue-registers.js';
import type { AccessSize } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import * as R from '../spec/pci.js';
import type { QueueAreas } from '../spec/ring.js';

/** Saved state of a {@link PciCommon}. */
export interface PciCommonState {
  readonly version: 1;
  readonly offeredSelect: number;
  readonly chosenSelect: number;
  readonly queueSelect: number;
  readonly configVector: number;
  readonly queueVectors: readonly number[];
}

/** The area and half that an address register is for. */
function addressRegister(offset: number): [keyof QueueAreas, AddressHalf] | null {
  switch (offset) {
    case R.VIRTIO_PCI_COMMON_Q_DESCLO:
      return ['descriptors', 'low'];
    case R.VIRTIO_PCI_COMMON_Q_DESCHI:
      return ['descriptors', 'high'];
    case R.VIRTIO_PCI_COMMON_Q_AVAILLO:
      return ['driver', 'low'];
    case R.VIRTIO_PCI_COMMON_Q_AVAILHI:
      return ['driver', 'high'];
    case R.VIRTIO_PCI_COMMON_Q_USEDLO:
      return ['device', 'low'];
    case R.VIRTIO_PCI_COMMON_Q_USEDHI:
      return ['device', 'high'];
    default:
      return null;
  }
}

/** The width of the field that begins at `offset`; 0 if none does. */
function fieldBytes(offset: number): number {
  switch (offset) {
    case R.VIRTIO_PCI_COMMON_STATUS:
    case R.VIRTIO_PCI_COMMON_CFGGENERATION:
      return 1;
    case R.VIRTIO_PCI_COMMON_MSIX:
    case R.VIRTIO_PCI_COMMON_NUMQ:
    case R.VIRTIO_PCI_COMMON_Q_SELECT:
    case R.VIRTIO_PCI_COMMON_Q_SIZE:
    case R.VIRTIO_PCI_COMMON_Q_MSIX:
    case R.VIRTIO_PCI_COMMON_Q_ENABLE:
    case R.VIRTIO_PCI_COMMON_Q_NOFF:
    case R.VIRTIO_PCI_COMMON_Q_NDATA:
    case R.VIRTIO_PCI_COMMON_Q_RESET:
      return 2;
    default:
      return offset % 4 === 0 && offset < R.VIRTIO_PCI_COMMON_BYTES ? 4 : 0;
  }
}

export class PciCommon {
  readonly #control: DeviceControl;
  readonly #vectorCount: number;
  readonly #queueVectors: Uint16Array;
  #offeredSelect = 0;
  #chosenSelect = 0;
  #queueSelect = 0;
  #configVector = R.VIRTIO_MSI_NO_VECTOR;

  constructor(control: DeviceControl, vectorCount: number) {
    this.#control = control;
    this.#vectorCount = vectorCount;
    this.#queueVectors = new Uint16Array(control.queueCount).fill(R.VIRTIO_MSI_NO_VECTOR);
  }

  /** MSI-X vectors; VIRTIO_MSI_NO_VECTOR: none. */
  get configVector(): number {
    return this.#configVector;
  }

  queueVector(queue: number): number {
    return this.#queueVectors[queue] ?? R.VIRTIO_MSI_NO_VECTOR;
  }

  reset(): void {
    this.#offeredSelect = 0;
    this.#chosenSelect = 0;
    this.#queueSelect = 0;
    this.#forgetVectors();
  }

  /** Fields are read as wide as they are (§4.1.3.1); any other access reads 0. */
  read(offset: number, size: AccessSize): number {
    if (fieldBytes(offset) !== size) return 0;
    const control = this.#control;
    const registers = control.registers(this.#queueSelect);
    const address = addressRegister(offset);
    if (address) return registers?.address(...address) ?? 0;
    switch (offset) {
      case R.VIRTIO_PCI_COMMON_DFSELECT:
        return this.#offeredSelect;
      case R.VIRTIO_PCI_COMMON_DF:
        return control.offeredWord(this.#offeredSelect);
      case R.VIRTIO_PCI_COMMON_GFSELECT:
        return this.#chosenSelect;
      case R.VIRTIO_PCI_COMMON_GF:
        return control.chosenWord(this.#chosenSelect);
      case R.VIRTIO_PCI_COMMON_MSIX:
        return this.#configVector;
      case R.VIRTIO_PCI_COMMON_NUMQ:
        return control.queueCount;
      case R.VIRTIO_PCI_COMMON_STATUS:
        return control.status;
      case R.VIRTIO_PCI_COMMON_CFGGENERATION:
        return control.configGeneration;
      case R.VIRTIO_PCI_COMMON_Q_SELECT:
        return this.#queueSelect;
      case R.VIRTIO_PCI_COMMON_Q_SIZE:
        return registers?.size ?? 0;
      case R.VIRTIO_PCI_COMMON_Q_MSIX:
        return this.queueVector(this.#queueSelect);
      case R.VIRTIO_PCI_COMMON_Q_ENABLE:
        return registers?.isEnabled ? 1 : 0;
      // A queue's notify address is its number, and a driver may as well write that (§4.1.4.4).
      case R.VIRTIO_PCI_COMMON_Q_NOFF:
      case R.VIRTIO_PCI_COMMON_Q_NDATA:
        return this.#queueSelect;
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (fieldBytes(offset) !== size) return;
    const control = this.#control;
    const registers = control.registers(this.#queueSelect);
    const address = addressRegister(offset);
    if (address) {
      registers?.setAddress(...address, value);
      return;
    }
    switch (offset) {
      case R.VIRTIO_PCI_COMMON_DFSELECT:
        this.#offeredSelect = value >>> 0;
        break;
      case R.VIRTIO_PCI_COMMON_GFSELECT:
        this.#chosenSelect = value >>> 0;
        break;
      case R.VIRTIO_PCI_COMMON_GF:
        control.chooseWord(this.#chosenSelect, value);
        break;
      case R.VIRTIO_PCI_COMMON_MSIX:
        this.#configVector = this.#vector(value);
        break;
      case R.VIRTIO_PCI_COMMON_STATUS:
        control.writeStatus(value);
        if (control.status === 0) this.#forgetVectors();
        break;
      case R.VIRTIO_PCI_COMMON_Q_SELECT:
        this.#queueSelect = value & 0xffff;
        break;
      case R.VIRTIO_PCI_COMMON_Q_SIZE:
        registers?.setSize(value);
        break;
      case R.VIRTIO_PCI_COMMON_Q_MSIX:
        if (registers) this.#queueVectors[this.#queueSelect] = this.#vector(value);
        break;
      case R.VIRTIO_PCI_COMMON_Q_ENABLE:
        if (value === 1) control.enableQueue(this.#queueSelect);
        break;
      case R.VIRTIO_PCI_COMMON_Q_RESET:
        if (value === 1) control.resetQueue(this.#queueSelect);
        break;
    }
  }

  save(): PciCommonState {
    return {
      version: 1,
      offeredSelect: this.#offeredSelect,
      chosenSelect: this.#chosenSelect,
      queueSelect: this.#queueSelect,
      configVector: this.#configVector,
      queueVectors: [...this.#queueVectors],
    };
  }

  /** @throws RangeError */
  restore(state: unknown): void {
    const reader = new SavedState('virtio PCI registers', state, 1);
    const offeredSelect = reader.integer('offeredSelect', 0, 0xffff_ffff);
    const chosenSelect = reader.integer('chosenSelect', 0, 0xffff_ffff);
    const queueSelect = reader.integer('queueSelect', 0, 0xffff);
    const configVector = reader.integer('configVector', 0, 0xffff);
    const { length } = this.#queueVectors;
    const queueVectors = reader.integers('queueVectors', 0xffff, length, length);
    this.#offeredSelect = offeredSelect;
    this.#chosenSelect = chosenSelect;
    this.#queueSelect = queueSelect;
    this.#configVector = this.#vector(configVector);
    this.#queueVectors.set(queueVectors.map((vector) => this.#vector(vector)));
  }

  /** A vector that is not in the table reads back as none (§4.1.5.1.2). */
  #vector(value: number): number {
    return value < this.#vectorCount ? value : R.VIRTIO_MSI_NO_VECTOR;
  }

  #forgetVectors(): void {
    this.#configVector = R.VIRTIO_MSI_NO_VECTOR;
    this.#queueVectors.fill(R.VIRTIO_MSI_NO_VECTOR);
  }
}
