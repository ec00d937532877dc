// The PC's guest-physical memory in the machine's one WebAssembly memory: RAM from guest address 0 (with the VGA hole, and on
// from 4 GiB where it passes the PCI hole), read-only ROM images, everything else is the MMIO bus's.
import { type Gfn, type Gpa, GuestAddressError, type GuestMemory, type Mfn } from '@proxeny/memory';
import type { SecondStage } from '@proxeny/vcpu-x86';
import { PCI_HOLE_START } from './loader/e820.js';

const VGA_HOLE_START = 0xa0;
const VGA_HOLE_END = 0xc0;
const HOLE_FRAME: number = PCI_HOLE_START / 4096;
const FOUR_GIB_FRAME = 0x100000;

interface RomRange {
  readonly firstGfn: number;
  readonly frames: number;
  readonly firstMfn: number;
}

/** Guest RAM and ROM. Device writes (`copyTo`, `writeU*`) are reported to `onWrite`, so that translated code notices. */
export class PcMemory implements GuestMemory, SecondStage {
  readonly byteLength: number;
  readonly #u8: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #frames: number;
  readonly #roms: RomRange[] = [];
  readonly #onWrite: (maddr: number, byteLength: number) => void;

  /** @param base machine address of the RAM (page-aligned); @param byteLength of RAM */
  constructor(
    memory: WebAssembly.Memory,
    base: number,
    byteLength: number,
    onWrite: (maddr: number, byteLength: number) => void,
  ) {
    this.byteLength = byteLength;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#base = base;
    this.#frames = byteLength / 4096;
    this.#onWrite = onWrite;
  }

  /** Maps ROM frames (already filled, at machine frame `firstMfn`) at a guest address. */
  addRom(firstGfn: number, frames: number, firstMfn: number): void {
    this.#roms.push({ firstGfn, frames, firstMfn });
  }

  mfnOf(gfn: Gfn, write: boolean): Mfn | -1 {
    const ram = this.#ramFrame(gfn);
    if (ram >= 0) return (this.#base / 4096 + ram) as Mfn;
    if (!write) {
      for (const rom of this.#roms) {
        if (gfn >= rom.firstGfn && gfn < rom.firstGfn + rom.frames)
          return (rom.firstMfn + gfn - rom.firstGfn) as Mfn;
      }
    }
    return -1;
  }

  /** Index of a RAM frame, or -1. */
  #ramFrame(gfn: number): number {
    if (gfn < HOLE_FRAME) {
      return gfn < this.#frames && (gfn < VGA_HOLE_START || gfn >= VGA_HOLE_END) ? gfn : -1;
    }
    if (gfn < FOUR_GIB_FRAME) return -1;
    const index = gfn - FOUR_GIB_FRAME + HOLE_FRAME;
    return index < this.#frames ? index : -1;
  }

  /** Machine address of a device access, or -1 if it does not lie in one run of RAM. */
  #find(at: number, byteLength: number): number {
    if (!(Number.isInteger(at) && at >= 0)) return -1;
    const first = this.#ramFrame(Math.floor(at / 4096));
    const last =
      byteLength === 0 ? first : this.#ramFrame(Math.floor((at + byteLength - 1) / 4096));
    const span =
      byteLength === 0 ? 0 : Math.floor((at + byteLength - 1) / 4096) - Math.floor(at / 4096);
    // Loaders fill the hole's frames too (nothing sees them); only the ends must be RAM.
    if (first < 0 || last < 0 || last - first !== span) return -1;
    return this.#base + first * 4096 + (at % 4096);
  }

  /** The same, of an access that must be to RAM. */
  #address(at: number, byteLength: number): number {
    const found = this.#find(at, byteLength);
    if (found < 0) throw new GuestAddressError(at, byteLength);
    return found;
  }

  /** The bytes of a range themselves; null if they are not in one run of RAM. For devices, which report what they write. */
  view(at: Gpa, byteLength: number): Uint8Array | null {
    const found = this.#find(at, byteLength);
    return found < 0 ? null : this.#u8.subarray(found, found + byteLength);
  }
  /** A device wrote through a {@link view}. */
  written(at: Gpa, byteLength: number): void {
    this.#onWrite(this.#address(at, byteLength), byteLength);
  }

  readU8(at: Gpa): number {
    return this.#u8[this.#address(at, 1)];
  }
  readU16(at: Gpa): number {
    return this.#view.getUint16(this.#address(at, 2), true);
  }
  readU32(at: Gpa): number {
    return this.#view.getUint32(this.#address(at, 4), true);
  }
  writeU8(at: Gpa, value: number): void {
    const to = this.#address(at, 1);
    this.#u8[to] = value;
    this.#onWrite(to, 1);
  }
  writeU16(at: Gpa, value: number): void {
    const to = this.#address(at, 2);
    this.#view.setUint16(to, value, true);
    this.#onWrite(to, 2);
  }
  writeU32(at: Gpa, value: number): void {
    const to = this.#address(at, 4);
    this.#view.setUint32(to, value, true);
    this.#onWrite(to, 4);
  }
  copyFrom(at: Gpa, target: Uint8Array): void {
    const from = this.#address(at, target.byteLength);
    target.set(this.#u8.subarray(from, from + target.byteLength));
  }
  copyTo(at: Gpa, source: Uint8Array): void {
    const to = this.#address(at, source.byteLength);
    this.#u8.set(source, to);
    this.#onWrite(to, source.byteLength);
  }
}
