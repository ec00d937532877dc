// What the emulated CPU of the oracle finds in memory: page tables that map exactly the harness's regions for user code, and the
// descriptor tables as Linux lays them out (arch/x86: GDT_ENTRY_*), so that selectors, INT n and far transfers mean the same.
// Machine addresses are physical addresses; the kernel's tables sit on supervisor pages at KERNEL_ADDRESS.
import type { Core } from '../../../packages/vcpu-x86/src/core.js';
import {
  CODE_REGION_ADDRESS,
  CODE_REGION_BYTES,
  type LdtDescriptor,
  WINDOW_ADDRESS,
  WINDOW_BYTES,
  type WindowProtection,
} from './protocol.js';

const PAGE = 4096;
/** Linear address of the supervisor pages: GDT and LDT, IDT, TSS, stack. Nothing of the harness lives there. */
export const KERNEL_ADDRESS = 0xc000_0000;
const GDT_ADDRESS: number = KERNEL_ADDRESS;
const LDT_ADDRESS: number = KERNEL_ADDRESS + 0x800;
const IDT_ADDRESS: number = KERNEL_ADDRESS + PAGE;
const TSS_ADDRESS: number = KERNEL_ADDRESS + 2 * PAGE;
const KERNEL_STACK: number = KERNEL_ADDRESS + 4 * PAGE;
const KERNEL_PAGES = 4;
/** Where interrupt handlers would be: vector n enters at HANDLERS + n. */
export const HANDLERS: number = KERNEL_ADDRESS + 0x8000;

const PRESENT_USER = 0x25; // P, U/S, A
const PRESENT_KERNEL = 0x63; // P, R/W, A, D
const WRITABLE = 0x42; // R/W, D
const NO_EXECUTE = 0x8000_0000;
/** Beyond every physical address that there is (bit 51). */
const RESERVED = 0x8_0000;
/** A physical address where no memory is. */
const NOWHERE = 0xe000_0000;

/** Linux's GDT for user mode, entries 0–15; the TSS and the LDT take two entries in long mode. */
const GDT: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0xffff, 0x00cf_9b00], // 08 kernel code, 32-bit
  [0xffff, 0x00af_9b00], // 10 kernel code, 64-bit
  [0xffff, 0x00cf_9300], // 18 kernel data
  [0xffff, 0x00cf_fb00], // 23 user code, 32-bit
  [0xffff, 0x00cf_f300], // 2b user data
  [0xffff, 0x00af_fb00], // 33 user code, 64-bit
  [0, 0],
  [0, 0], // 40 TSS
  [0, 0],
  [0, 0], // 50 LDT
  [0, 0],
  [0, 0], // 60 thread-local storage
  [0, 0],
  [0, 0],
  [0, 0], // 78 the number of the CPU as a limit: differs
];
const GDT_LIMIT: number = GDT.length * 8 - 1;
/** Vectors that user code may raise by INT n. */
const USER_VECTORS: ReadonlySet<number> = new Set([3, 4, 0x80]);

/** Pages of code and window, in the order of {@link MemoryLayout.entries}. */
export const PAGES: number = (CODE_REGION_BYTES + WINDOW_BYTES) / PAGE;

/** How one page is mapped. */
export interface PageEntry {
  /** Index among the frames of code and window; above them: no memory is there. */
  readonly frame: number;
  /** P R/W U/S … A D, and NX in bit 63 if `noExecute`. */
  readonly flags: number;
  readonly noExecute: boolean;
  /** A reserved bit is set. */
  readonly reserved: boolean;
}

/** Where a case's pages lie, otherwise than for the harness. */
export interface MemoryLayout {
  /** Frames that hold the pages of code at the start; what `entries` map there may be something else. */
  readonly codeFrames: readonly number[];
  readonly entries: readonly PageEntry[];
}

/** Machine addresses of the frames, from `start` on. */
export class UserModeTables {
  readonly pml4: number;
  readonly pdpt: number;
  readonly codeFrames: number;
  readonly windowFrames: number;
  /** Frames of the pages at KERNEL_ADDRESS. */
  readonly kernelFrames: number;
  readonly end: number;
  readonly #core: Core;
  readonly #long: boolean;
  readonly #directory: number;
  readonly #windowTable: number;
  readonly #codeTable: number;
  #entries = 0;

  constructor(core: Core, long: boolean, start: number) {
    this.#core = core;
    this.#long = long;
    this.pml4 = start;
    this.pdpt = start + PAGE;
    this.#directory = start + 2 * PAGE;
    this.#windowTable = start + 4 * PAGE;
    this.#codeTable = start + 5 * PAGE;
    this.kernelFrames = start + 8 * PAGE;
    this.codeFrames = this.kernelFrames + KERNEL_PAGES * PAGE;
    this.windowFrames = this.codeFrames + CODE_REGION_BYTES;
    this.end = this.windowFrames + WINDOW_BYTES;
    this.#buildPages(start);
    this.#buildDescriptors();
  }

  /** Bytes that the tables and frames take. */
  static readonly size: number = (8 + KERNEL_PAGES) * PAGE + CODE_REGION_BYTES + WINDOW_BYTES;

  #put(at: number, low: number, high = 0): void {
    const { u32 } = this.#core.state;
    u32[at >>> 2] = low;
    u32[(at >>> 2) + 1] = high;
  }

  #buildPages(start: number): void {
    const long = this.#long;
    const directory = this.#directory;
    const kernelDirectory = start + 3 * PAGE;
    const kernelTable = start + 6 * PAGE;
    const indexOf = (linear: number, shift: number): number => (linear >>> shift) & 511;
    const user = PRESENT_USER | WRITABLE;
    this.#put(this.pml4, this.pdpt | user);
    this.#put(this.pdpt, long ? directory | user : directory | 1);
    this.#put(this.pdpt + 3 * 8, long ? kernelDirectory | user : kernelDirectory | 1);
    this.#put(directory + indexOf(CODE_REGION_ADDRESS, 21) * 8, this.#codeTable | user);
    this.#put(directory + indexOf(WINDOW_ADDRESS, 21) * 8, this.#windowTable | user);
    this.#put(kernelDirectory + indexOf(KERNEL_ADDRESS, 21) * 8, kernelTable | user);
    for (let i = 0; i < CODE_REGION_BYTES / PAGE; i++) {
      this.#put(this.#entryOf(i), (this.codeFrames + i * PAGE) | PRESENT_USER);
    }
    for (let i = 0; i < KERNEL_PAGES; i++)
      this.#put(kernelTable + i * 8, (this.kernelFrames + i * PAGE) | PRESENT_KERNEL);
    const { pdpte } = this.#core.mmu.walk;
    pdpte.fill(0);
    pdpte[0] = directory | 1;
    pdpte[6] = kernelDirectory | 1;
    this.protect('read-write');
  }

  /** Maps the data window: its first page always readable and writable, the second as told. */
  protect(protection: WindowProtection): void {
    for (let i = 0; i < WINDOW_BYTES / PAGE; i++) {
      const at = this.#entryOf(CODE_REGION_BYTES / PAGE + i);
      const rights = i === 0 || protection === 'read-write' ? WRITABLE : 0;
      if (i > 0 && protection === 'none') this.#put(at, 0);
      else this.#put(at, (this.windowFrames + i * PAGE) | PRESENT_USER | rights, NO_EXECUTE);
    }
  }

  /** Maps code and window as a layout says. */
  arrange(entries: readonly PageEntry[]): void {
    entries.forEach(({ frame, flags, noExecute, reserved }, page) => {
      const at = frame < PAGES ? this.codeFrames + frame * PAGE : NOWHERE;
      const high = (noExecute ? NO_EXECUTE : 0) | (reserved ? RESERVED : 0);
      this.#put(this.#entryOf(page), at | flags, high);
    });
  }

  /** The page-table entries of code and window as they are now: words, low and high. */
  entries(): Uint32Array {
    const { u32 } = this.#core.state;
    return Uint32Array.from({ length: PAGES * 2 }, (_, i) => {
      return u32[(this.#entryOf(i >> 1) >>> 2) + (i & 1)];
    });
  }

  #entryOf(page: number): number {
    const code = CODE_REGION_BYTES / PAGE;
    if (page < code) return this.#codeTable + ((CODE_REGION_ADDRESS >>> 12) & 511) * 8 + page * 8;
    return this.#windowTable + (((WINDOW_ADDRESS >>> 12) & 511) + page - code) * 8;
  }

  #kernel(linear: number): number {
    return this.kernelFrames + linear - KERNEL_ADDRESS;
  }

  #buildDescriptors(): void {
    GDT.forEach(([low, high], i) => {
      this.#put(this.#kernel(GDT_ADDRESS) + i * 8, low, high);
    });
    const long = this.#long;
    const selector = long ? 0x10 : 0x08;
    for (let vector = 0; vector < 256; vector++) {
      const at = this.#kernel(IDT_ADDRESS) + vector * (long ? 16 : 8);
      const handler = HANDLERS + vector;
      const type = USER_VECTORS.has(vector) ? 0xee00 : 0x8e00;
      this.#put(at, (selector << 16) | (handler & 0xffff), (handler & 0xffff_0000) | type);
      if (long) this.#put(at + 8, 0);
    }
    const tss = this.#kernel(TSS_ADDRESS);
    this.#put(tss + 4, KERNEL_STACK, long ? 0 : 0x18);
    // The I/O permission map begins behind the limit: no port is allowed.
    this.#put(tss + 0x60, 0, 0x68 << 16);
  }

  /** Installs an LDT entry as Linux's modify_ldt does. */
  setDescriptor(index: number, d: LdtDescriptor): void {
    const contents = (d.code ? 2 : 0) | (d.expandDown || d.conforming ? 1 : 0);
    const type = 0x71 | ((d.restricted ? 0 : 1) << 1) | (contents << 2);
    const high =
      (d.base & 0xff00_0000) |
      ((d.base >>> 16) & 0xff) |
      (type << 8) |
      (d.notPresent ? 0 : 0x8000) |
      (d.limit & 0xf0000) |
      0x10_0000 |
      (d.big ? 0x40_0000 : 0) |
      (d.pageGranular ? 0x80_0000 : 0);
    const low = (d.base << 16) | (d.limit & 0xffff);
    this.#put(this.#kernel(LDT_ADDRESS) + index * 8, low, high);
    this.#entries = Math.max(this.#entries, index + 1);
  }

  /** Where a selector's descriptor is, as a machine address; -1 for null selectors and beyond the tables. */
  descriptorOf(selector: number): number {
    const isLocal = (selector & 4) !== 0;
    const at = selector & 0xfff8;
    if (isLocal ? at >= this.#entries * 8 : at === 0 || at > GDT_LIMIT) return -1;
    return this.#kernel(isLocal ? LDT_ADDRESS : GDT_ADDRESS) + at;
  }

  /** GDTR, IDTR, LDTR and TR for the state page: base and limit of each; an empty LDT is a null one. */
  registers(): Record<'gdt' | 'idt' | 'ldt' | 'tss', readonly [base: number, limit: number]> {
    return {
      gdt: [GDT_ADDRESS, GDT_LIMIT],
      idt: [IDT_ADDRESS, this.#long ? 0xfff : 0x7ff],
      ldt: [LDT_ADDRESS, this.#entries * 8 - 1],
      tss: [TSS_ADDRESS, 0x67],
    };
  }

  /** The stack frame of a delivered event: rIP, CS, flags, rSP, SS as they were pushed, each as words [low, high]. */
  eventFrame(): Uint32Array {
    const { u32 } = this.#core.state;
    const width = this.#long ? 8 : 4;
    const at = (this.#kernel(KERNEL_STACK) - 5 * width) >>> 2;
    const frame = new Uint32Array(10);
    for (let i = 0; i < 5; i++) {
      frame[i * 2] = u32[at + (i * width) / 4];
      if (this.#long) frame[i * 2 + 1] = u32[at + i * 2 + 1];
    }
    return frame;
  }
}
