// PciTransport: a device as a modern PCI function: one memory BAR, its capabilities, MSI-X or INTx. VIRTIO 1.2 §4.1.
// The configuration header, the placing of the BAR and the list of capabilities are the PCI bus' of whoever uses this.
import { DeviceControl, type DeviceControlOptions } from '../device/device-control.js';
import type { AccessSize } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import { VIRTIO_INTERRUPT_CONFIG, VIRTIO_INTERRUPT_QUEUE } from '../spec/interrupt.js';
import {
  VIRTIO_MSI_NO_VECTOR,
  VIRTIO_PCI_COMMON_BYTES,
  VIRTIO_PCI_DEVICE_BASE,
  VIRTIO_PCI_VENDOR,
} from '../spec/pci.js';
import { type MessageSender, Msix } from './msix.js';
import { type PciCapability, pciCapabilities } from './pci-capability.js';
import { PciCommon } from './pci-common.js';
import {
  BAR_BYTES,
  COMMON_AT,
  CONFIG_AT,
  ISR_AT,
  MSIX_PENDING_AT,
  MSIX_TABLE_AT,
  NOTIFY_AT,
  NOTIFY_STRIDE,
  REGION_BYTES,
} from './pci-layout.js';

export interface PciTransportOptions extends DeviceControlOptions {
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number;
  /** The INTx line, by level. */
  readonly intx: (level: boolean) => void;
  readonly sendMessage: MessageSender;
}

/** What identifies the function; all numbers as in the configuration header. */
export interface PciFunctionIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  readonly interruptPin: 1;
}

/** Saved state of a {@link PciTransport}. */
export interface PciTransportState {
  readonly version: 1;
  readonly isr: number;
  readonly common: unknown;
  readonly msix: unknown;
  readonly control: unknown;
}

export class PciTransport {
  readonly control: DeviceControl;
  readonly msix: Msix;
  readonly identity: PciFunctionIdentity;
  /** In the order they are to be listed in. */
  readonly capabilities: readonly PciCapability[];
  /** Length of the BAR. */
  readonly barBytes: number = BAR_BYTES;
  readonly #common: PciCommon;
  readonly #intx: (level: boolean) => void;
  #isr = 0;

  constructor(options: PciTransportOptions) {
    const { device } = options;
    this.#intx = options.intx;
    this.control = new DeviceControl(options, {
      queueInterrupt: (queue) =>
        this.#interrupt(VIRTIO_INTERRUPT_QUEUE, this.#common.queueVector(queue)),
      configInterrupt: () => this.#interrupt(VIRTIO_INTERRUPT_CONFIG, this.#common.configVector),
    });
    // One vector for each queue and one for the configuration.
    this.msix = new Msix(device.queueSizes.length + 1, options.sendMessage);
    this.#common = new PciCommon(this.control, this.msix.vectorCount);
    this.identity = {
      vendorId: VIRTIO_PCI_VENDOR,
      deviceId: VIRTIO_PCI_DEVICE_BASE + device.deviceId,
      classCode: options.classCode,
      revision: 1,
      subsystemVendorId: VIRTIO_PCI_VENDOR,
      subsystemId: VIRTIO_PCI_DEVICE_BASE + device.deviceId,
      interruptPin: 1,
    };
    this.capabilities = pciCapabilities(
      this.msix.vectorCount,
      device.queueSizes.length,
      device.configBytes,
    );
  }

  /** Reads the BAR; unsigned. Never throws. */
  readBar(offset: number, size: AccessSize): number {
    const inside = offset % REGION_BYTES;
    switch (offset - inside) {
      case COMMON_AT:
        return inside < VIRTIO_PCI_COMMON_BYTES ? this.#common.read(inside, size) >>> 0 : 0;
      case ISR_AT:
        return inside === 0 ? this.#takeIsr() : 0;
      case CONFIG_AT:
        return this.control.readConfig(inside, size);
      case MSIX_TABLE_AT:
        return this.msix.readTable(inside, size);
      case MSIX_PENDING_AT:
        return this.msix.readPending(inside, size);
      default:
        return 0;
    }
  }

  /** Writes the BAR. Never throws. */
  writeBar(offset: number, size: AccessSize, value: number): void {
    const inside = offset % REGION_BYTES;
    switch (offset - inside) {
      case NOTIFY_AT:
        this.control.notify(Math.floor(inside / NOTIFY_STRIDE));
        break;
      case COMMON_AT:
        this.#common.write(inside, size, value);
        if (this.control.status === 0) this.#lower();
        break;
      case CONFIG_AT:
        this.control.writeConfig(inside, size, value);
        break;
      case MSIX_TABLE_AT:
        this.msix.writeTable(inside, size, value);
        break;
    }
  }

  /** Reads the BAR through the window in configuration space (§4.1.4.9): `bar`, `offset` and `length` are what the driver wrote there. */
  readWindow(bar: number, offset: number, length: number): number {
    return isWindow(bar, offset, length) ? this.readBar(offset, length) : 0;
  }

  writeWindow(bar: number, offset: number, length: number, value: number): void {
    if (isWindow(bar, offset, length)) this.writeBar(offset, length, value);
  }

  /** The driver wrote MSI-X's message control. */
  writeMessageControl(value: number): void {
    this.msix.control = value;
    if (this.msix.isEnabled) this.#lower();
  }

  /** Power-on reset. */
  reset(): void {
    this.control.reset();
    this.#common.reset();
    this.msix.reset();
    this.#lower();
  }

  save(): PciTransportState {
    return {
      version: 1,
      isr: this.#isr,
      common: this.#common.save(),
      msix: this.msix.save(),
      control: this.control.save(),
    };
  }

  /** @throws RangeError for what {@link save} could not have returned */
  restore(state: unknown): void {
    const reader = new SavedState('virtio PCI transport', state, 1);
    const isr = reader.integer('isr', 0, 3);
    this.#common.restore(reader.value('common'));
    this.msix.restore(reader.value('msix'));
    this.control.restore(reader.value('control'));
    this.#isr |= isr;
    this.#intx(this.#isr !== 0 && !this.msix.isEnabled);
  }

  #interrupt(bit: number, vector: number): void {
    if (this.msix.isEnabled) {
      if (vector !== VIRTIO_MSI_NO_VECTOR) this.msix.trigger(vector);
      return;
    }
    this.#isr |= bit;
    this.#intx(true);
  }

  /** Reading it takes the interrupt back (§4.1.4.5). */
  #takeIsr(): number {
    const isr = this.#isr;
    this.#lower();
    return isr;
  }

  #lower(): void {
    this.#isr = 0;
    this.#intx(false);
  }
}

function isWindow(bar: number, offset: number, length: number): length is AccessSize {
  const isSize = length === 1 || length === 2 || length === 4;
  return isSize && bar === 0 && offset % length === 0 && offset + length <= BAR_BYTES;
}
