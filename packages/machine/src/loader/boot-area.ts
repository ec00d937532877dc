// BootArea: the stretch of low RAM where loaders leave what an image reads once at its start (zero page, command line,
// multiboot or PVH tables, GDT, page tables). Handed out from the bottom up; a fresh guest has nothing else there.
import type { Gpa, GuestMemory } from '@proxeny/memory';
import type { AddressRange } from './e820.js';
import type { BootTable } from './entry.js';
import { ImageError, mebibytes } from './load-error.js';

/** Behind the interrupt vectors and the BIOS data area. */
export const BOOT_AREA_START = 0x1000;
/** Leaves the last pages of low RAM to the guest's own trampolines. */
export const BOOT_AREA_END = 0x90000;

/** Segment selectors of {@link BootArea.writeGdt}: Linux' __BOOT_CS and __BOOT_DS. */
export const BOOT_CS = 0x10;
export const BOOT_DS = 0x18;

export class BootArea {
  readonly memory: GuestMemory;
  #next: number;
  readonly #end: number;

  constructor(memory: GuestMemory, start: number = BOOT_AREA_START, end: number = BOOT_AREA_END) {
    this.memory = memory;
    this.#next = start;
    this.#end = end;
  }

  /** The largest stretch below `end` that an image linked into low memory leaves free. */
  static beside(
    memory: GuestMemory,
    placed: readonly AddressRange[],
    end: number = BOOT_AREA_END,
  ): BootArea {
    let best = { start: BOOT_AREA_START, end: BOOT_AREA_START };
    let start = BOOT_AREA_START;
    const sorted = [...placed, { start: end, end }].sort((a, b) => a.start - b.start);
    for (const range of sorted) {
      const gapEnd = Math.min(range.start, end);
      if (gapEnd - start > best.end - best.start) best = { start, end: gapEnd };
      start = Math.max(start, range.end);
    }
    return new BootArea(memory, best.start, best.end);
  }

  /** Zeroed room for `what` (for the message); its address, a multiple of `alignment`. */
  allocate(byteLength: number, alignment: number, what: string): number {
    const start = Math.ceil(this.#next / alignment) * alignment;
    if (start + byteLength > this.#end) {
      throw new ImageError(
        what === 'the command line' ? 'command-line-too-long' : 'unsupported',
        `no room in low memory for ${what} (${mebibytes(byteLength)}, ${this.#end - this.#next} bytes left); make it smaller`,
      );
    }
    this.#next = start + byteLength;
    this.memory.copyTo(start as Gpa, new Uint8Array(byteLength));
    return start;
  }

  /** Writes `text` with a terminating NUL; returns its address. */
  writeText(text: string, what: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.allocate(bytes.length + 1, 16, what);
    this.memory.copyTo(at as Gpa, bytes);
    return at;
  }

  /** A u64 below 2^53. */
  writeU64(at: number, value: number): void {
    this.memory.writeU32(at as Gpa, value >>> 0);
    this.memory.writeU32((at + 4) as Gpa, Math.floor(value / 0x1_0000_0000));
  }

  /** A GDT with flat code at {@link BOOT_CS} (32-bit, or 64-bit with `long`) and flat data at {@link BOOT_DS}. SDM 3A §3.4.5 */
  writeGdt(long: boolean): BootTable {
    const base = this.allocate(0x20, 16, 'the descriptor table');
    // Limit 0xfffff pages, present, DPL 0; accessed bits set as after a load.
    const code = long ? 0x00af_9b00 : 0x00cf_9b00;
    this.memory.writeU32((base + BOOT_CS) as Gpa, 0x0000_ffff);
    this.memory.writeU32((base + BOOT_CS + 4) as Gpa, code);
    this.memory.writeU32((base + BOOT_DS) as Gpa, 0x0000_ffff);
    this.memory.writeU32((base + BOOT_DS + 4) as Gpa, 0x00cf_9300);
    return { base, limit: 0x1f };
  }

  /** Four-level page tables that map the first 4 GiB to themselves with 2 MiB pages; returns CR3. SDM 3A §4.5 */
  writeIdentityMap(): number {
    const pml4 = this.allocate(6 * 4096, 4096, 'page tables');
    const pdpt = pml4 + 4096;
    const directories = pdpt + 4096;
    const present = 0x3; // present, writable
    this.writeU64(pml4, pdpt + present);
    for (let i = 0; i < 4; i++) this.writeU64(pdpt + i * 8, directories + i * 4096 + present);
    const pageSize = 0x80;
    for (let i = 0; i < 2048; i++) {
      this.writeU64(directories + i * 8, i * 0x200000 + pageSize + present);
    }
    return pml4;
  }
}
