// FwCfg: QEMU's firmware configuration device (docs/specs/fw_cfg of QEMU), ports 0x510-0x51B: selector, data and DMA.
// Invariants: items are read-only to the guest; reading past an item's end gives zeros; a DMA request touches only RAM and costs
// at most one pass over it, whatever length the guest asks for.
import { type Gpa, GuestAddressError, type GuestMemory } from '@proxeny/memory';
import type { AccessSize, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { FW_CFG_FILE_DIR, FW_CFG_FILE_FIRST, FW_CFG_ID, FW_CFG_SIGNATURE } from './fw-cfg-items.js';

export const FW_CFG_PORT = 0x510;
export const FW_CFG_PORT_COUNT = 12;

const DATA = 1;
const DMA_HIGH = 4;
const DMA_LOW = 8;
const DMA_ERROR = 0x01;
const DMA_READ = 0x02;
const DMA_SKIP = 0x04;
const DMA_SELECT = 0x08;
const DMA_WRITE = 0x10;
const DMA_REQUEST_BYTES = 16;
/** "QEMU CFG", big-endian: what the DMA address register reads as. */
const DMA_SIGNATURE: readonly [number, number] = [0x51454d55, 0x20434647];
const NO_ITEM = 0xffff;
const FILE_NAME_BYTES = 56;
const MAX_FILES = 0x1000;
const zeros = new Uint8Array(0x10000);

/** Saved state of an {@link FwCfg}: the guest's place. The items come from the machine's configuration. */
export interface FwCfgState {
  readonly version: 1;
  readonly selector: number;
  readonly offset: number;
  readonly dmaHigh: number;
}

/** The device; 12 ports. */
export class FwCfg implements PortDevice, Stateful<FwCfgState> {
  readonly #memory: GuestMemory;
  readonly #items = new Map<number, Uint8Array>();
  readonly #files: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  #selector: number = FW_CFG_SIGNATURE;
  /** Next byte of the selected item; never beyond its end. */
  #offset = 0;
  #dmaHigh = 0;

  /** `memory` is where DMA requests are read from and written to. */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.addItem(FW_CFG_SIGNATURE, new Uint8Array([0x51, 0x45, 0x4d, 0x55]));
    this.addItem(FW_CFG_ID, new Uint8Array([3, 0, 0, 0])); // traditional and DMA interface
    this.addItem(FW_CFG_FILE_DIR, new Uint8Array(4));
  }

  /** Sets the bytes behind a well-known key (see fw-cfg-items.ts). */
  addItem(key: number, bytes: Uint8Array): void {
    this.#items.set(key, bytes);
  }

  /** Adds a named file. Throws when the name is empty, too long (55 ASCII characters), or taken. */
  addFile(name: string, bytes: Uint8Array): void {
    if (!/^[!-~]{1,55}$/.test(name)) {
      throw new RangeError(`"${name}" is not a fw_cfg file name: it needs 1-55 ASCII characters`);
    }
    if (this.#files.some((file) => file.name === name)) {
      throw new RangeError(`fw_cfg file ${name} exists already`);
    }
    if (this.#files.length === MAX_FILES) throw new RangeError('too many fw_cfg files');
    this.#files.push({ name, bytes });
    // The directory is sorted by name, so selectors do not depend on the order of addition.
    this.#files.sort((a, b) => (a.name < b.name ? -1 : 1));
    const directory = new Uint8Array(4 + this.#files.length * (8 + FILE_NAME_BYTES));
    const view = new DataView(directory.buffer);
    view.setUint32(0, this.#files.length);
    this.#files.forEach((file, i) => {
      const at = 4 + i * (8 + FILE_NAME_BYTES);
      const key = FW_CFG_FILE_FIRST + i;
      view.setUint32(at, file.bytes.length);
      view.setUint16(at + 4, key);
      for (let c = 0; c < file.name.length; c++) directory[at + 8 + c] = file.name.charCodeAt(c);
      this.#items.set(key, file.bytes);
    });
    this.#items.set(FW_CFG_FILE_DIR, directory);
  }

  reset(): void {
    this.#select(FW_CFG_SIGNATURE);
    this.#dmaHigh = 0;
  }

  readPort(offset: number, size: AccessSize): number {
    if (offset === DATA && size === 1) return this.#nextByte();
    if (offset < DMA_HIGH) return 0;
    // The register is big-endian: its lowest port holds the most significant byte.
    let value = 0;
    for (let i = 0; i < size; i++) {
      const at = offset - DMA_HIGH + i;
      const byte = (DMA_SIGNATURE[at >> 2] >>> (24 - 8 * (at & 3))) & 0xff;
      value |= byte << (8 * i);
    }
    return value >>> 0;
  }

  writePort(offset: number, size: AccessSize, value: number): void {
    if (offset === 0 && size === 2) this.#select(value);
    else if (offset === DMA_HIGH && size === 4) this.#dmaHigh = swap32(value);
    else if (offset === DMA_LOW && size === 4) {
      const at = this.#dmaHigh * 2 ** 32 + swap32(value);
      this.#dmaHigh = 0;
      this.#dma(at);
    }
  }

  save(): FwCfgState {
    return {
      version: 1,
      selector: this.#selector,
      offset: this.#offset,
      dmaHigh: this.#dmaHigh,
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('fw_cfg', state, 1);
    const selector = reader.u16('selector');
    const offset = reader.u32('offset');
    const dmaHigh = reader.u32('dmaHigh');
    const item = this.#items.get(selector);
    if (offset > (item === undefined ? 0 : item.length)) {
      reader.reject('offset', 'within the selected item');
    }
    this.#selector = selector;
    this.#offset = offset;
    this.#dmaHigh = dmaHigh;
  }

  #select(key: number): void {
    this.#selector = this.#items.has(key) ? key : NO_ITEM;
    this.#offset = 0;
  }

  #nextByte(): number {
    const item = this.#items.get(this.#selector);
    if (item === undefined || this.#offset >= item.length) return 0;
    return item[this.#offset++];
  }

  /** Carries out the request at `at`: control, length and address, all big-endian; the control field gets the outcome. */
  #dma(at: number): void {
    const request = new Uint8Array(DMA_REQUEST_BYTES);
    const view = new DataView(request.buffer);
    // Without a request that can be read there is nowhere to report an error to.
    if (
      !this.#inMemory(at, DMA_REQUEST_BYTES) ||
      !attempt(() => this.#memory.copyFrom(at as Gpa, request))
    )
      return;
    const control = view.getUint32(0);
    if (control & DMA_SELECT) this.#select(control >>> 16);
    const length = view.getUint32(4);
    const address = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
    let ok = true;
    if (control & DMA_READ) ok = this.#transfer(address, length);
    else if (control & DMA_WRITE) ok = false;
    else if (control & DMA_SKIP) this.#skip(length);
    attempt(() => this.#memory.copyTo(at as Gpa, new Uint8Array([0, 0, 0, ok ? 0 : DMA_ERROR])));
  }

  #transfer(address: number, length: number): boolean {
    if (!this.#inMemory(address, length)) return false;
    const item = this.#items.get(this.#selector) ?? zeros.subarray(0, 0);
    const rest = item.subarray(this.#offset, this.#offset + length);
    return attempt(() => {
      if (rest.length > 0) this.#memory.copyTo(address as Gpa, rest);
      this.#skip(length);
      for (let done = rest.length; done < length; done += zeros.length) {
        const count = Math.min(zeros.length, length - done);
        this.#memory.copyTo((address + done) as Gpa, zeros.subarray(0, count));
      }
    });
  }

  #skip(length: number): void {
    const end = this.#items.get(this.#selector)?.length ?? 0;
    this.#offset = Math.min(end, this.#offset + length);
  }

  #inMemory(address: number, length: number): boolean {
    return address + length <= this.#memory.byteLength;
  }
}

/** Runs a memory access; false when the guest pointed it outside of RAM. */
function attempt(access: () => void): boolean {
  try {
    access();
    return true;
  } catch (error) {
    if (error instanceof GuestAddressError) return false;
    throw error;
  }
}

function swap32(value: number): number {
  return (
    ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0
  );
}
