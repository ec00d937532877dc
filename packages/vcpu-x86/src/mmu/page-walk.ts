// Page-table walks (SDM vol. 3A chapter 4): none, 32-bit with 4 MiB pages and PSE-36, PAE, and 4-level, with NX, WP, SMEP, SMAP,
// accessed and dirty bits, and reserved-bit checks. One reused result; no allocation.
// @hot
import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
} from '../state/register-bits.js';

/** Physical memory as the walker sees it: aligned words by guest-physical address; unbacked addresses read as all ones. */
export interface WalkMemory {
  readPhysical32(at: number): number;
  /** The low half of an aligned double word; `physicalHigh` is the high half then. */
  readPhysical64(at: number): number;
  readonly physicalHigh: number;
  writePhysical32(at: number, value: number): void;
}

const PAGE = 4096;
/** Bytes from the start of its page to a linear or physical address. A remainder by % is a call of C for numbers beyond 32 bits. */
export const pageOffset = (at: number): number => at - Math.floor(at / PAGE) * PAGE;

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;

export const PAGING_NONE = 0;
export const PAGING_32 = 1;
export const PAGING_PAE = 2;
export const PAGING_LONG = 3;

/** Physical-address width we advertise. */
export const PHYSICAL_BITS = 40;
/** High halves: PAE entries have nothing but NX above the address, those of IA-32e mode have bits 52–62 for software. */
const HIGH_RESERVED_PAE = ~((1 << (PHYSICAL_BITS - 32)) - 1) & 0x7fffffff;
const HIGH_RESERVED_LONG = HIGH_RESERVED_PAE & 0xfffff;
const TWO32 = 4294967296;

const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;

export class PageWalk {
  paging: number = PAGING_NONE;
  /** Physical address of the root table (CR3 without its low bits). */
  root = 0;
  /** PAE: the four page-directory-pointer entries, loaded with CR3 (low and high halves). */
  readonly pdpte: Int32Array = new Int32Array(8);
  writeProtect = false;
  pageSizeExtension = false;
  globalPages = false;
  noExecute = false;
  smep = false;
  smap = false;
  /** CR4.SMAP and EFLAGS.AC clear: supervisor data accesses may not touch user pages. */
  smapActive = false;

  // The result of a successful walk.
  /** Guest-physical address of the 4 KiB page. */
  page = 0;
  user = false;
  writable = false;
  dirty = false;
  global = false;
  /** The leaf's G bit, whether or not there are global pages. */
  isMarkedGlobal = false;
  /** Bytes of the page that maps the address: 4 KiB, 2 MiB, 4 MiB or 1 GiB. */
  size = 4096;
  /** Error code of a failed walk. */
  error = 0;

  private readonly memory: WalkMemory;
  private leafAt = 0;
  private leaf = 0;
  constructor(memory: WalkMemory) {
    this.memory = memory;
  }

  /** What follows from the control registers, of CR3 its halves. */
  setControl(cr0: number, cr4: number, efer: number, cr3: number, cr3High: number): void {
    const long = (efer & EFER_LMA) !== 0;
    this.paging =
      (cr0 & CR0_PG) === 0
        ? PAGING_NONE
        : long
          ? PAGING_LONG
          : (cr4 & CR4_PAE) !== 0
            ? PAGING_PAE
            : PAGING_32;
    this.root =
      this.paging === PAGING_LONG
        ? (cr3High & 0xff) * TWO32 + ((cr3 & 0xfffff000) >>> 0)
        : (cr3 & (this.paging === PAGING_PAE ? 0xffffffe0 : 0xfffff000)) >>> 0;
    this.writeProtect = (cr0 & CR0_WP) !== 0;
    this.pageSizeExtension = (cr4 & CR4_PSE) !== 0;
    this.globalPages = (cr4 & CR4_PGE) !== 0;
    this.noExecute = (efer & EFER_NXE) !== 0 && this.paging !== PAGING_32;
    this.smep = (cr4 & CR4_SMEP) !== 0;
    this.smap = (cr4 & CR4_SMAP) !== 0;
  }

  /** Bytes of the page that maps the code at `linear`, of the smallest kind if none does. */
  codePageSize(linear: number, user: boolean): number {
    return this.walk(linear, ACCESS_EXECUTE, user) ? this.size : 4096;
  }

  /** Walks for `linear` (32-bit unsigned or canonical signed). True: result fields hold; false: `error` is #PF's error code. */
  walk(linear: number, access: number, user: boolean): boolean {
    if (this.paging === PAGING_NONE) {
      this.page = linear - pageOffset(linear);
      this.user = this.writable = this.dirty = true;
      this.global = false;
      this.size = 4096;
      return true;
    }
    this.size = 4096;
    const ok =
      this.paging === PAGING_32
        ? this.walk32(linear, access, user)
        : this.walk64(linear, access, user);
    return ok;
  }

  private fail(present: number, access: number, user: boolean, reserved: number): boolean {
    const fetch = access === ACCESS_EXECUTE && (this.noExecute || this.smep) ? 16 : 0;
    this.error = present | (access === ACCESS_WRITE ? 2 : 0) | (user ? 4 : 0) | reserved | fetch;
    return false;
  }

  private walk32(linear: number, access: number, user: boolean): boolean {
    const m = this.memory;
    const va = linear | 0;
    const pdeAt = this.root + ((va >>> 22) << 2);
    const pde = m.readPhysical32(pdeAt);
    if ((pde & P) === 0) return this.fail(0, access, user, 0);
    let rights = pde;
    if ((pde & PS) !== 0 && this.pageSizeExtension) {
      if ((pde & 0x200000) !== 0) return this.fail(1, access, user, 8);
      const high = (pde >>> 13) & 0xff;
      this.page = high * TWO32 + ((pde & 0xffc00000) >>> 0) + (va & 0x3ff000);
      this.size = 0x400000;
      this.leafAt = pdeAt;
      this.leaf = pde;
    } else {
      const pteAt = ((pde & 0xfffff000) >>> 0) + ((va >>> 10) & 0xffc);
      const pte = m.readPhysical32(pteAt);
      if ((pte & P) === 0) return this.fail(0, access, user, 0);
      rights &= pte;
      if ((pde & A) === 0) m.writePhysical32(pdeAt, pde | A);
      this.page = (pte & 0xfffff000) >>> 0;
      this.leafAt = pteAt;
      this.leaf = pte;
    }
    return this.finish(rights, 0, access, user);
  }

  private walk64(linear: number, access: number, user: boolean): boolean {
    const m = this.memory;
    const low = (linear - Math.floor(linear / TWO32) * TWO32) | 0;
    let noExecute = 0;
    let rights = RW | US;
    let tableLow: number;
    let tableHigh: number;
    const reserved = this.paging === PAGING_PAE ? HIGH_RESERVED_PAE : HIGH_RESERVED_LONG;
    const reservedHigh = this.noExecute ? reserved : reserved | (0x80000000 | 0);
    let table: number;
    if (this.paging === PAGING_PAE) {
      const i = (low >>> 30) << 1;
      tableLow = this.pdpte[i];
      tableHigh = this.pdpte[i + 1];
      if ((tableLow & P) === 0) return this.fail(0, access, user, 0);
      table = (tableHigh & 0xff) * TWO32 + ((tableLow & 0xfffff000) >>> 0);
    } else {
      const high = Math.floor(linear / TWO32) & 0xffff;
      const at4 = this.root + ((high >>> 7) << 3);
      const e4 = m.readPhysical64(at4);
      const h4 = m.physicalHigh;
      if ((e4 & P) === 0) return this.fail(0, access, user, 0);
      if ((h4 & reservedHigh) !== 0 || (e4 & PS) !== 0) return this.fail(1, access, user, 8);
      rights &= e4;
      noExecute |= h4;
      if ((e4 & A) === 0) m.writePhysical32(at4, e4 | A);
      const at3 =
        (h4 & 0xff) * TWO32 +
        ((e4 & 0xfffff000) >>> 0) +
        ((((high & 0x7f) << 2) | (low >>> 30)) << 3);
      const e3 = m.readPhysical64(at3);
      const h3 = m.physicalHigh;
      if ((e3 & P) === 0) return this.fail(0, access, user, 0);
      if ((h3 & reservedHigh) !== 0) return this.fail(1, access, user, 8);
      rights &= e3;
      noExecute |= h3;
      if ((e3 & PS) !== 0) {
        if ((e3 & 0x3fffe000) !== 0) return this.fail(1, access, user, 8);
        this.page = (h3 & 0xff) * TWO32 + ((e3 & 0xc0000000) >>> 0) + (low & 0x3ffff000);
        this.size = 0x40000000;
        this.leafAt = at3;
        this.leaf = e3;
        return this.finish(rights, noExecute, access, user);
      }
      if ((e3 & A) === 0) m.writePhysical32(at3, e3 | A);
      table = (h3 & 0xff) * TWO32 + ((e3 & 0xfffff000) >>> 0);
    }
    const at2 = table + (((low >>> 21) & 0x1ff) << 3);
    const e2 = m.readPhysical64(at2);
    const h2 = m.physicalHigh;
    if ((e2 & P) === 0) return this.fail(0, access, user, 0);
    if ((h2 & reservedHigh) !== 0) return this.fail(1, access, user, 8);
    rights &= e2;
    noExecute |= h2;
    if ((e2 & PS) !== 0) {
      if ((e2 & 0x1fe000) !== 0) return this.fail(1, access, user, 8);
      this.page = (h2 & 0xff) * TWO32 + ((e2 & 0xffe00000) >>> 0) + (low & 0x1ff000);
      this.size = 0x200000;
      this.leafAt = at2;
      this.leaf = e2;
    } else {
      const at1 = (h2 & 0xff) * TWO32 + ((e2 & 0xfffff000) >>> 0) + (((low >>> 12) & 0x1ff) << 3);
      const e1 = m.readPhysical64(at1);
      const h1 = m.physicalHigh;
      if ((e1 & P) === 0) return this.fail(0, access, user, 0);
      if ((h1 & reservedHigh) !== 0) return this.fail(1, access, user, 8);
      if ((e2 & A) === 0) m.writePhysical32(at2, e2 | A);
      rights &= e1;
      noExecute |= h1;
      this.page = (h1 & 0xff) * TWO32 + ((e1 & 0xfffff000) >>> 0);
      this.leafAt = at1;
      this.leaf = e1;
    }
    return this.finish(rights, noExecute, access, user);
  }

  /** Rights, then accessed and dirty bits of the leaf. */
  private finish(rights: number, noExecute: number, access: number, user: boolean): boolean {
    const userPage = (rights & US) !== 0;
    const writablePage = (rights & RW) !== 0;
    if (user && !userPage) return this.fail(1, access, user, 0);
    if (access === ACCESS_EXECUTE) {
      if (this.noExecute && noExecute < 0) return this.fail(1, access, user, 0);
      if (this.smep && !user && userPage) return this.fail(1, access, user, 0);
    } else {
      if (!user && userPage && this.smapActive) return this.fail(1, access, user, 0);
      if (access === ACCESS_WRITE && !writablePage && (user || this.writeProtect))
        return this.fail(1, access, user, 0);
    }
    const marked = this.leaf | A | (access === ACCESS_WRITE ? D : 0);
    if (marked !== this.leaf) this.memory.writePhysical32(this.leafAt, marked);
    this.user = userPage;
    this.writable = writablePage || (!user && !this.writeProtect);
    this.dirty = (marked & D) !== 0;
    this.isMarkedGlobal = (marked & G) !== 0;
    this.global = this.globalPages && this.isMarkedGlobal;
    return true;
  }
}
