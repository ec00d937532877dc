// PageTablePlan: which page tables the first address space of a PV guest needs, level by level from the root down, as Xen's builder
// orders them: tables of a mapping lie in one run of frames, the root first, those of level 1 last. Addresses are counted without
// their sign extension here: 48 bits in 64-bit guests, 32 in PAE guests.
import { PAGE_SIZE } from '@proxeny/memory';

/** A page table; its entries cover 512 × 512^(level − 1) pages from `index` times that on. */
export interface PlannedTable {
  readonly level: number;
  readonly index: number;
  readonly pfn: number;
}

/** Frames `pfn` on, seen at `address` on. */
export interface Mapping {
  readonly address: number;
  readonly pages: number;
  readonly pfn: number;
}

/** The table of the last gigabyte must be there in PAE guests: Xen shares it. */
const PAE_LAST_GIGABYTE = 0xc000_0000;
const ENTRIES = 512;

/** Bytes that one table of `level` covers. */
function coverage(level: number): number {
  return PAGE_SIZE * ENTRIES ** level;
}

export class PageTablePlan {
  /** 4, or 3 with PAE; the root's level. */
  readonly levels: 3 | 4;
  readonly #tables: Map<string, PlannedTable> = new Map();
  readonly #mappings: Mapping[] = [];

  constructor(word: 32 | 64) {
    this.levels = word === 64 ? 4 : 3;
  }

  get tables(): Iterable<PlannedTable> {
    return this.#tables.values();
  }

  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** An address without its sign extension. */
  static plain(linear: number): number {
    return linear < 0 ? linear + 2 ** 48 : linear;
  }

  /** How many tables mapping `pages` pages at `address` would add. */
  countFor(address: number, pages: number): number {
    return this.#missing(address, pages).length;
  }

  /** Adds a mapping with its tables in frames from `firstTable` on; how many those are. */
  add(mapping: Mapping, firstTable: number): number {
    const missing = this.#missing(mapping.address, mapping.pages);
    for (const [i, { level, index }] of missing.entries()) {
      this.#tables.set(`${level}/${index}`, { level, index, pfn: firstTable + i });
    }
    this.#mappings.push(mapping);
    return missing.length;
  }

  /** The table of `level` whose entries cover `address`, if it is planned. */
  tableAt(level: number, address: number): PlannedTable | undefined {
    return this.#tables.get(`${level}/${Math.floor(address / coverage(level))}`);
  }

  #missing(address: number, pages: number): { level: number; index: number }[] {
    const last = address + pages * PAGE_SIZE - 1;
    const missing: { level: number; index: number }[] = [];
    for (let level = this.levels; level >= 1; level--) {
      const to = this.#needsLastGigabyte(level, last) ? PAE_LAST_GIGABYTE : last;
      const lastIndex = Math.floor(to / coverage(level));
      for (let index = Math.floor(address / coverage(level)); index <= lastIndex; index++) {
        if (!this.#tables.has(`${level}/${index}`)) missing.push({ level, index });
      }
    }
    return missing;
  }

  /** For the first mapping, all tables of level 2 from it to the end are made. */
  #needsLastGigabyte(level: number, last: number): boolean {
    return (
      this.levels === 3 && level === 2 && this.#mappings.length === 0 && last < PAE_LAST_GIGABYTE
    );
  }
}
