// The software TLB: direct-mapped sets in the machine's memory, probed inline by generated code. A tag is the linear page
// address; an access hits when ((address + size - 1) & ~0xfff) equals the tag, so page-crossing accesses miss by themselves. The tags
// for reading and for writing share their upper half, which stands between the lower ones: the tag for writing has its halves swapped.
// Sets: user, supervisor, supervisor while SMAP forbids user pages, and one that is always empty (alignment checks, data
// breakpoints: every access takes the slow path).
// @hot
import { CodePages } from './code-pages.js';
import { PageMarks } from './page-marks.js';
import { Victims } from './victims.js';

export const TLB_ENTRIES = 8192;
/** Words of an entry: tag for reading, low; both tags, high; tag for writing, low; host address minus linear address. */
const TLB_STRIDE = 16;
/** Where the tags stand (i64), the one for writing with its halves swapped, and the difference of addresses (i32). */
export const TLB_READ = 0;
export const TLB_WRITE = 4;
export const TLB_DELTA = 12;
/** Address bits that select an entry, already multiplied: (address >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK. */
export const TLB_INDEX_SHIFT = 8;
export const TLB_INDEX_MASK: number = (TLB_ENTRIES - 1) * TLB_STRIDE;
export const TLB_SET_SIZE: number = TLB_ENTRIES * TLB_STRIDE;

export const SET_USER = 0;
export const SET_SUPERVISOR = 1;
export const SET_SUPERVISOR_SMAP = 2;
export const SET_EMPTY = 3;
export const TLB_SETS = 4;

const FLAG_GLOBAL = 1;
const FLAG_LARGE = 2;
/** Never equal to a page address. */
const NO_TAG = 1;
const TWO32 = 4294967296;
const SEVERAL = -1;
/** More local entries than this and a flush looks at the whole TLB. */
const LOCAL_ROOM = 2048;

export class Tlb {
  private readonly i32: Int32Array;
  readonly base: number;
  /** By entry of all sets. */
  private readonly flags = new Uint8Array(TLB_ENTRIES * TLB_SETS);
  /** Where entries of large pages may lie; INVLPG there looks at every entry. */
  private readonly large = new PageMarks();
  /** Entries filled since the last flush that were not global, by set, as long as there is room to note them. */
  private readonly local = [0, 1, 2].map(() => new Int32Array(LOCAL_ROOM));
  private readonly localCount = new Int32Array(SET_EMPTY);
  /** By machine frame, two words of entries that reach it, 0 for none; SEVERAL in the first: there may be more. */
  private readonly reachedAt: Int32Array;
  /** The same of entries that it may be written through: a kernel has its pages at two places. */
  private readonly writableAt: Int32Array;

  /** Translations of code, for those who find blocks. */
  readonly code: CodePages;

  constructor(memory: WebAssembly.Memory, base: number) {
    this.code = new CodePages(memory.buffer.byteLength >>> 12);
    this.i32 = new Int32Array(memory.buffer);
    this.reachedAt = new Int32Array((memory.buffer.byteLength >>> 12) * 2);
    this.writableAt = new Int32Array((memory.buffer.byteLength >>> 12) * 2);
    this.base = base;
    this.flush(false);
  }

  setBase(set: number): number {
    return this.base + set * TLB_SET_SIZE;
  }

  private readonly victims = new Victims();

  private clear(w: number): void {
    this.i32[w] = NO_TAG;
    this.i32[w + 2] = NO_TAG;
    this.flags[this.numberOf(w)] = 0;
  }
  /** Of the entry at a word, among those of all sets. */
  private numberOf(w: number): number {
    return (w - (this.base >> 2)) >> 2;
  }

  /** Translations entered so far. */
  fills = 0;

  /** Fills the entry of a 4 KiB page. `page`: linear address; `host`: its machine address; `size`: of the page that maps it. */
  fill(
    set: number,
    page: number,
    host: number,
    writable: boolean,
    global: boolean,
    size: number,
  ): void {
    const high = Math.floor(page / TWO32);
    const low = (page - high * TWO32) | 0;
    const flags = (global ? FLAG_GLOBAL : 0) | (size > 4096 ? FLAG_LARGE : 0);
    if (size > 4096) this.large.mark(page, size);
    this.enter(set, low, high, (host - low) | 0, writable, flags);
  }
  /**
   * Fills it again if it was lost to another page lately; its machine address, -1 if it is not known, or not as writable. To be asked
   * before the page tables are.
   */
  recall(set: number, page: number, isWrite: boolean): number {
    const { victims } = this;
    const high = Math.floor(page / TWO32);
    const low = (page - high * TWO32) | 0;
    const n = victims.take(set, low, high);
    if (n < 0 || (isWrite && victims.writable[n] === 0)) return -1;
    const delta = victims.deltas[n];
    this.enter(set, low, high, delta, victims.writable[n] !== 0, victims.flags[n]);
    return (low + delta) >>> 0;
  }
  private enter(
    set: number,
    low: number,
    high: number,
    delta: number,
    writable: boolean,
    flags: number,
  ): void {
    this.fills++;
    const { i32 } = this;
    const w = (this.setBase(set) + ((low >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)) >> 2;
    const number = this.numberOf(w);
    const old = i32[w];
    if (old !== NO_TAG && (old !== low || i32[w + 1] !== high))
      this.victims.add(set, old, i32[w + 1], i32[w + 3], i32[w + 2] === old, this.flags[number]);
    const host = (low + delta) >>> 0;
    i32[w] = low;
    i32[w + 1] = high;
    i32[w + 2] = writable ? low : NO_TAG;
    i32[w + 3] = delta;
    this.flags[number] = flags;
    this.noteReached(w, host);
    if (writable) this.noteWritable(w, host);
    if ((flags & FLAG_GLOBAL) === 0) {
      const n = this.localCount[set]++;
      if (n < LOCAL_ROOM) this.local[set][n] = w;
    }
  }

  private reaches(w: number, host: number): boolean {
    const { i32 } = this;
    return i32[w] !== NO_TAG && ((i32[w + 3] + i32[w]) | 0) === (host | 0);
  }
  private noteReached(w: number, host: number): void {
    const { reachedAt } = this;
    const n = (host >>> 12) * 2;
    const first = reachedAt[n];
    if (first === SEVERAL || first === w || reachedAt[n + 1] === w) return;
    if (first === 0 || !this.reaches(first, host)) reachedAt[n] = w;
    else if (reachedAt[n + 1] === 0 || !this.reaches(reachedAt[n + 1], host)) reachedAt[n + 1] = w;
    else reachedAt[n] = SEVERAL;
  }

  private writes(w: number, host: number): boolean {
    const { i32 } = this;
    return i32[w + 2] !== NO_TAG && ((i32[w + 3] + i32[w + 2]) | 0) === (host | 0);
  }
  private noteWritable(w: number, host: number): void {
    const { writableAt } = this;
    const n = (host >>> 12) * 2;
    const first = writableAt[n];
    if (first === SEVERAL || first === w || writableAt[n + 1] === w) return;
    if (first === 0 || !this.writes(first, host)) writableAt[n] = w;
    else if (writableAt[n + 1] === 0 || !this.writes(writableAt[n + 1], host))
      writableAt[n + 1] = w;
    else writableAt[n] = SEVERAL;
  }

  /** What the set at a machine address holds: linear pages, where they are, and whether they may be written through it. */
  *entriesAt(base: number): Generator<{ page: number; host: number; isWritable: boolean }> {
    const { i32 } = this;
    const end = (base + TLB_SET_SIZE) >> 2;
    for (let w = base >> 2; w < end; w += TLB_STRIDE >> 2) {
      if (i32[w] === NO_TAG) continue;
      const page = i32[w + 1] * TWO32 + (i32[w] >>> 0);
      yield { page, host: (i32[w] + i32[w + 3]) >>> 0, isWritable: i32[w + 2] === i32[w] };
    }
  }

  /** Forgets everything, or (`keepGlobal`) all but global pages. */
  flush(keepGlobal: boolean): void {
    const { i32 } = this;
    this.victims.clear();
    if (keepGlobal) {
      for (let set = 0; set < SET_EMPTY; set++) this.flushSet(set);
      return;
    }
    const end = (this.base + TLB_SET_SIZE * TLB_SETS) >> 2;
    for (let w = this.base >> 2; w < end; w += TLB_STRIDE >> 2) {
      i32[w] = NO_TAG;
      i32[w + 2] = NO_TAG;
    }
    this.flags.fill(0);
    this.localCount.fill(0);
    this.large.clear();
    this.code.forgetSystem();
    this.code.forgetUser();
  }
  /** Forgets what is not global of one set, or (`keepGlobal` false) all of it. */
  flushSet(set: number, keepGlobal = true): void {
    const count = this.localCount[set];
    this.victims.clear();
    this.localCount[set] = 0;
    if (!keepGlobal) {
      const end = this.setBase(set + 1) >> 2;
      for (let w = this.setBase(set) >> 2; w < end; w += TLB_STRIDE >> 2) this.clear(w);
      return;
    }
    if (count > LOCAL_ROOM) {
      const end = this.setBase(set + 1) >> 2;
      for (let w = this.setBase(set) >> 2; w < end; w += TLB_STRIDE >> 2)
        if ((this.flags[this.numberOf(w)] & FLAG_GLOBAL) === 0) this.clear(w);
      return;
    }
    const local = this.local[set];
    for (let i = 0; i < count; i++)
      if ((this.flags[this.numberOf(local[i])] & FLAG_GLOBAL) === 0) this.clear(local[i]);
  }
  /** Forgets one page, and every entry of a large page that may contain it. */
  flushPage(linear: number): void {
    this.victims.clear();
    const low = (linear - Math.floor(linear / TWO32) * TWO32) | 0;
    for (let set = 0; set < SET_EMPTY; set++)
      this.clear((this.setBase(set) + ((low >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)) >> 2);
    if (!this.large.coversLarge(linear)) return;
    const from = this.base >> 2;
    const to = from + ((TLB_SET_SIZE * SET_EMPTY) >> 2);
    for (let w = from; w < to; w += TLB_STRIDE >> 2)
      if ((this.flags[this.numberOf(w)] & FLAG_LARGE) !== 0) this.clear(w);
  }

  /** Forgets every entry that reaches the machine frame at `host`: it is somebody else's now. */
  forgetFrame(host: number): void {
    this.code.forgetFrame(host);
    this.victims.clear();
    const { reachedAt } = this;
    const n = (host >>> 12) * 2;
    const first = reachedAt[n];
    const second = reachedAt[n + 1];
    reachedAt[n] = reachedAt[n + 1] = this.writableAt[n] = this.writableAt[n + 1] = 0;
    if (first === SEVERAL) {
      const from = this.base >> 2;
      const to = from + ((TLB_SET_SIZE * SET_EMPTY) >> 2);
      for (let w = from; w < to; w += TLB_STRIDE >> 2) if (this.reaches(w, host)) this.clear(w);
      return;
    }
    if (first !== 0 && this.reaches(first, host)) this.clear(first);
    if (second !== 0 && this.reaches(second, host)) this.clear(second);
  }

  /** Takes the write tags from every entry that reaches the machine frame at `host`: it holds code (or must be watched) now. */
  protectFrame(host: number): void {
    const { i32, writableAt } = this;
    this.victims.clear();
    const n = (host >>> 12) * 2;
    const first = writableAt[n];
    const second = writableAt[n + 1];
    writableAt[n] = writableAt[n + 1] = 0;
    if (first !== SEVERAL) {
      if (first !== 0 && this.writes(first, host)) i32[first + 2] = NO_TAG;
      if (second !== 0 && this.writes(second, host)) i32[second + 2] = NO_TAG;
      return;
    }
    const from = this.base >> 2;
    const to = from + ((TLB_SET_SIZE * SET_EMPTY) >> 2);
    for (let w = from; w < to; w += TLB_STRIDE >> 2) if (this.writes(w, host)) i32[w + 2] = NO_TAG;
  }
}
