// PciDevice: one PCI function's configuration space (PCI Local Bus 3.0 §6): identity, command and status, BARs, capabilities, INTx.
// Invariants: a guest changes only bits the device declared writable; a BAR is announced as mapped only while its decoder is on
// and its range is one (not zero, not the all-ones of sizing); `interrupt` drives INTx unless the guest disabled it.
import type { AccessSize, IrqLine, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';

export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
const PCI_COMMAND_INTX_DISABLE = 0x0400;
const PCI_COMMAND_WRITABLE = 0x0547;
const PCI_STATUS = 0x06;
const PCI_STATUS_INTERRUPT = 0x08;
const PCI_STATUS_CAPABILITIES = 0x10;
const PCI_HEADER_TYPE = 0x0e;
const PCI_BAR_0 = 0x10;
const PCI_CAPABILITIES = 0x34;
export const PCI_INTERRUPT_LINE = 0x3c;
const PCI_INTERRUPT_PIN = 0x3d;
const CONFIG_BYTES = 256;

/** What identifies a function; all numbers as in the configuration header. */
export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number;
  readonly revision?: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
  /** 1 is INTA# … 4 is INTD#; none when left out. */
  readonly interruptPin?: 0 | 1 | 2 | 3 | 4;
}

/** A base address register and whom it tells where it points. */
export interface PciBar {
  /** 0-5; a 64-bit BAR takes the next one too. */
  readonly index: number;
  readonly space: 'io' | 'memory';
  /** A power of two: at least 4 (I/O) or 16 (memory). */
  readonly byteLength: number;
  readonly is64?: boolean;
  readonly prefetchable?: boolean;
  /** Called when the range moves: its first port or address, or null while it is not decoded. */
  readonly mapped: (base: number | null) => void;
}

/** Saved state of a {@link PciDevice}. */
export interface PciDeviceState {
  readonly version: 1;
  readonly config: readonly number[];
  readonly interrupt: boolean;
}

/** One function on the bus. */
export class PciDevice implements Stateful<PciDeviceState> {
  readonly name: string;
  readonly #config: Uint8Array = new Uint8Array(CONFIG_BYTES);
  readonly #initial: Uint8Array = new Uint8Array(CONFIG_BYTES);
  readonly #writable: Uint8Array = new Uint8Array(CONFIG_BYTES);
  readonly #bars: { readonly bar: PciBar; base: number | null }[] = [];
  #lastCapability: number = PCI_CAPABILITIES;
  #nextCapability = 0x40;
  #interrupt = false;
  #intx: IrqLine | null = null;
  /**
   * Called after the guest wrote `value` to configuration bytes `offset..offset + size`, and after reset and restore with the whole space
   * and null.
   */
  onConfigWritten: ((offset: number, size: number, value: number | null) => void) | null = null;
  /** Asked before configuration bytes `offset..offset + size` are read: what they are, or null if they are what is in them. */
  onConfigRead: ((offset: number, size: AccessSize) => number | null) | null = null;

  /** `name` is for errors and listings. */
  constructor(name: string, identity: PciIdentity) {
    this.name = name;
    this.preset(0x00, 2, identity.vendorId);
    this.preset(0x02, 2, identity.deviceId);
    this.preset(0x08, 4, ((identity.classCode << 8) | (identity.revision ?? 0)) >>> 0);
    this.preset(0x2c, 2, identity.subsystemVendorId ?? 0);
    this.preset(0x2e, 2, identity.subsystemId ?? 0);
    this.preset(PCI_INTERRUPT_PIN, 1, identity.interruptPin ?? 0);
    this.allowWrites(PCI_COMMAND, 2, PCI_COMMAND_WRITABLE);
    this.allowWrites(0x0c, 2, 0xffff); // cache line size and latency timer: kept, without effect
    this.allowWrites(PCI_INTERRUPT_LINE, 1, 0xff);
  }

  /** 0 when the function has no interrupt, else 1-4 for INTA#-INTD#. */
  get interruptPin(): number {
    return this.#config[PCI_INTERRUPT_PIN];
  }

  /** The BARs, for firmware that assigns addresses. */
  get bars(): readonly PciBar[] {
    return this.#bars.map((entry) => entry.bar);
  }

  /** Whether bus mastering (DMA, MSI) is allowed by the guest. */
  get busMaster(): boolean {
    return (this.#config[PCI_COMMAND] & PCI_COMMAND_MASTER) !== 0;
  }

  /** Sets the power-on value of a little-endian field, as the board or firmware-less setup does. */
  preset(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) {
      const byte = (value >>> (8 * i)) & 0xff;
      this.#initial[offset + i] = byte;
      this.#config[offset + i] = byte;
    }
  }

  /** Lets the guest change the bits of `mask` in a little-endian field. */
  allowWrites(offset: number, size: AccessSize, mask: number): void {
    for (let i = 0; i < size; i++) this.#writable[offset + i] |= (mask >>> (8 * i)) & 0xff;
  }

  /** Reads the device's own view of its configuration. */
  configAt(offset: number, size: AccessSize): number {
    return this.readConfig(offset, size);
  }

  /** Adds a BAR. Call before the function is put on the bus. */
  addBar(bar: PciBar): void {
    const minimum = bar.space === 'io' ? 4 : 16;
    if (!Number.isInteger(Math.log2(bar.byteLength)) || bar.byteLength < minimum) {
      throw new RangeError(
        `${this.name}: BAR ${bar.index} must be a power of two of at least ${minimum} bytes, got ${bar.byteLength}`,
      );
    }
    const last = bar.index + (bar.is64 ? 1 : 0);
    if (!Number.isInteger(bar.index) || bar.index < 0 || last > 5) {
      throw new RangeError(`${this.name}: there is no BAR ${last}`);
    }
    const at = PCI_BAR_0 + 4 * bar.index;
    const limit = bar.is64 ? 2 ** 52 : bar.space === 'io' ? 2 ** 16 : 2 ** 31;
    if (bar.byteLength > limit) {
      throw new RangeError(`${this.name}: BAR ${bar.index} is larger than its address space`);
    }
    const flags = bar.space === 'io' ? 1 : (bar.is64 ? 4 : 0) | (bar.prefetchable ? 8 : 0);
    this.preset(at, 4, flags);
    const below = Math.min(bar.byteLength, 2 ** 32);
    this.allowWrites(at, 4, below === 2 ** 32 ? 0 : ~(below - 1) >>> 0);
    if (bar.is64) this.allowWrites(at + 4, 4, ~(Math.max(1, bar.byteLength / 2 ** 32) - 1) >>> 0);
    this.#bars.push({ bar, base: null });
  }

  /**
   * Appends a capability: `id`, the link and `body` (its bytes from offset 2 on). Returns its offset, for
   * {@link PciDevice.allowWrites}. Throws when configuration space is full.
   */
  addCapability(id: number, body: readonly number[]): number {
    const at = this.#nextCapability;
    if (at + 2 + body.length > CONFIG_BYTES) {
      throw new RangeError(`${this.name}: no configuration space left for capability ${id}`);
    }
    this.preset(at, 1, id);
    this.preset(at + 1, 1, 0);
    body.forEach((byte, i) => {
      this.preset(at + 2 + i, 1, byte);
    });
    this.preset(this.#lastCapability, 1, at);
    this.preset(PCI_STATUS, 1, this.#initial[PCI_STATUS] | PCI_STATUS_CAPABILITIES);
    this.#lastCapability = at + 1;
    this.#nextCapability = (at + 2 + body.length + 3) & ~3;
    return at;
  }

  /** Wires INTx; the PCI host does it when the function is plugged in. */
  connect(intx: IrqLine): void {
    this.#intx = intx;
    this.#driveIntx();
  }

  /** Marks function 0 of a device that has more. */
  setMultifunction(): void {
    this.preset(PCI_HEADER_TYPE, 1, this.#initial[PCI_HEADER_TYPE] | 0x80);
  }

  /** Asserts or releases the function's interrupt (level). */
  readonly interrupt: IrqLine = (level) => {
    this.#interrupt = level;
    this.#driveIntx();
  };

  /** Back to power-on: nothing mapped. */
  reset(): void {
    this.#config.set(this.#initial);
    this.#interrupt = false;
    this.#configChanged();
  }

  /** Reads `size` bytes at `offset` (0-255), unsigned. */
  readConfig(offset: number, size: AccessSize): number {
    const answer = this.onConfigRead?.(offset, size) ?? null;
    if (answer !== null) return answer >>> 0;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#config[(offset + i) & 0xff] << (8 * i);
    return value >>> 0;
  }

  /** Writes `size` bytes at `offset` (0-255), as far as they are writable. */
  writeConfig(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) {
      const at = (offset + i) & 0xff;
      const mask = this.#writable[at];
      this.#config[at] = (this.#config[at] & ~mask) | ((value >>> (8 * i)) & mask);
    }
    if (offset < PCI_CAPABILITIES) {
      this.#driveIntx();
      this.#updateBars();
    }
    this.onConfigWritten?.(offset, size, value);
  }

  save(): PciDeviceState {
    return { version: 1, config: Array.from(this.#config), interrupt: this.#interrupt };
  }

  restore(state: unknown): void {
    const reader = new StateReader(this.name, state, 1);
    const config = reader.bytes('config', CONFIG_BYTES, CONFIG_BYTES);
    const interrupt = reader.boolean('interrupt');
    for (let i = 0; i < CONFIG_BYTES; i++) {
      const mask = this.#writable[i];
      this.#config[i] = (this.#initial[i] & ~mask) | (config[i] & mask);
    }
    this.#interrupt = interrupt;
    this.#configChanged();
  }

  #configChanged(): void {
    this.#driveIntx();
    this.#updateBars();
    this.onConfigWritten?.(0, CONFIG_BYTES, null);
  }

  #driveIntx(): void {
    const status = this.#config[PCI_STATUS];
    this.#config[PCI_STATUS] = this.#interrupt
      ? status | PCI_STATUS_INTERRUPT
      : status & ~PCI_STATUS_INTERRUPT;
    const disabled = (this.readConfig(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) !== 0;
    this.#intx?.(this.#interrupt && !disabled);
  }

  #updateBars(): void {
    for (const entry of this.#bars) {
      const base = this.#decodedBase(entry.bar);
      if (base === entry.base) continue;
      // Unmap first, so that a device never answers at two places.
      if (entry.base !== null && base !== null) entry.bar.mapped(null);
      entry.base = base;
      entry.bar.mapped(base);
    }
  }

  #decodedBase(bar: PciBar): number | null {
    const command = this.#config[PCI_COMMAND];
    if ((command & (bar.space === 'io' ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) === 0) return null;
    const at = PCI_BAR_0 + 4 * bar.index;
    const low = this.readConfig(at, 4) & (bar.space === 'io' ? ~3 : ~15);
    const base = (low >>> 0) + (bar.is64 ? this.readConfig(at + 4, 4) * 2 ** 32 : 0);
    const limit = bar.space === 'io' ? 2 ** 16 : bar.is64 ? 2 ** 52 : 2 ** 32;
    const end = base + bar.byteLength;
    // A range that ends with the address space is what sizing leaves behind for a moment.
    return base === 0 || end > limit || (bar.space === 'memory' && end === 2 ** 32) ? null : base;
  }
}
