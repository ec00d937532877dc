// Decoded blocks, in the machine's memory, shared by every mode and address space: a block is known by the machine address of
// its first byte and the mode class it was decoded for. Frames that hold code are watched; a write into a block's bytes turns
// all its records stale at once, so even the block that is running leaves at its next instruction.
//
// Block layout: a header of words (see the constants), then records. `rec` always means the address of the first record. Everything that
// there is for every block stands in the machine's memory and in typed arrays: as objects, a boot's blocks take 15 MiB more.
import type { CodeWatch } from '../mmu/mmu.js';
import type { Tlb } from '../mmu/tlb.js';
import { RECORD } from '../semantics/binding.js';

export const HEADER_SIZE = 44;
/** Byte offsets in the header, from its start: executions until it is hot, handler of its hot region or 0, */
export const HEADER_HEAT = 16;
export const HEADER_HOT = 20;
/** and how often regions may leave for it before the hot tier is told. */
export const HEADER_LEFT = 40;
/** Words of the header: instructions, mode class, machine address of the second page's first byte or 0, bytes of code, */
const COUNT = 0;
const MODE_CLASS = 1;
const SECOND = 2;
const CODE_BYTES = 3;
const HEAT = HEADER_HEAT / 4;
const HOT = HEADER_HOT / 4;
const LEFT = HEADER_LEFT / 4;
/** machine address of the first byte, next block of its frame and of its second page's frame (0: none). */
const START = 6;
const NEXT = 7;
const NEXT_SECOND = 8;
/** how often it was offered to the hot tier. */
const OFFERS = 9;
const HASH_BITS = 18;
const HASH_SIZE = 1 << HASH_BITS;
/** Handler 0 leaves for the instruction at its own rIP: the end of a block without a jump, and every record of a dropped block. */
export const HANDLER_LEAVE = 0;

/** Stores into a frame, since code of it was last translated, after which it is taken for data; it doubles each time. */
const FIRST_PATIENCE = 8;
const LAST_PATIENCE = 0x8000;

/** Heat that no block reaches. */
const NEVER_HOT = 0x7fffffff;
/** Times that regions leave for a block before the hot tier is told: as long as their compilation takes. */
const LEFT_OFTEN = 4_000;

/** Whoever compiles hot regions learns what happened to the code they were made of. */
export interface RegionKeeper {
  /** A block went; a region may have been entered by it. */
  blockDropped(rec: number): void;
  /** Bytes of a frame that holds code were written. */
  written(from: number, length: number): void;
  /** Every block went. */
  cleared(): void;
}

/**
 * Why blocks go: a store of the guest, a device's or the microkernel's write, a frame that became something else, a block decoded anew
 * in its place, or no room for more.
 */
export type DropCause = 'store' | 'device' | 'microkernel' | 'retyped' | 'replaced' | 'room';

export class BlockCache implements CodeWatch {
  private readonly i32: Int32Array;
  private readonly u16: Uint16Array;
  private readonly codeFrames: Uint8Array;
  /** By frame: the first of the blocks that have bytes there (0: none), and how many regions have. */
  private readonly frameBlocks: Int32Array;
  private readonly framePins: Int32Array;
  /** By frame: stores of the guest since a block was last made there, and how many more than that it takes (0: not told yet). */
  private readonly frameStores: Uint16Array;
  private readonly framePatience: Uint16Array;
  /** A hash table of blocks by the machine address of their first byte: first record or 0. */
  private readonly hashRecs = new Int32Array(HASH_SIZE);
  private readonly start: number;
  private readonly end: number;
  private top: number;
  private readonly tlbs: Tlb[] = [];
  /** Bytes of a record by mode class and handler. */
  readonly recordSizes: Uint8Array[] = [];
  private readonly clearListeners: (() => void)[] = [];
  /** Executions before a block is offered to the hot tier. */
  heat = NEVER_HOT;
  regions: RegionKeeper | null = null;
  /** Blocks translated and dropped so far. */
  translated = 0;
  dropped = 0;
  readonly droppedBy: Record<DropCause, number> = {
    ...{ store: 0, device: 0, microkernel: 0, retyped: 0, replaced: 0, room: 0 },
  };

  constructor(memory: WebAssembly.Memory, start: number, end: number) {
    this.i32 = new Int32Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    const frames = Math.floor(memory.buffer.byteLength / 4096);
    this.codeFrames = new Uint8Array(frames);
    this.frameBlocks = new Int32Array(frames);
    this.framePins = new Int32Array(frames);
    this.frameStores = new Uint16Array(frames);
    this.framePatience = new Uint16Array(frames);
    this.start = start;
    this.end = end;
    this.top = start;
  }

  /** A TLB whose write tags must go from frames that become code. */
  attach(tlb: Tlb): void {
    this.tlbs.push(tlb);
  }

  /** Calls back when every block went: cached jumps lead nowhere. (To a single dropped block they may: its records are stale.) */
  onClear(listener: () => void): void {
    this.clearListeners.push(listener);
  }

  /** Undoes `attach` and `onClear`. */
  detach(tlb: Tlb, listener: () => void): void {
    remove(this.tlbs, tlb);
    remove(this.clearListeners, listener);
  }

  holdsCode(mfn: number): boolean {
    return this.codeFrames[mfn] !== 0;
  }

  private static hash(host: number, modeClass: number): number {
    return Math.imul(host ^ (modeClass << 27), 0x9e3779b1) >>> (32 - HASH_BITS);
  }
  private slot(host: number, modeClass: number): number {
    let h = BlockCache.hash(host, modeClass);
    for (let rec = this.hashRecs[h]; rec !== 0; rec = this.hashRecs[h]) {
      if (this.startOf(rec) === host && this.modeClassOf(rec) === modeClass) return h;
      h = (h + 1) & (HASH_SIZE - 1);
    }
    return h;
  }
  /** First record of the block at that machine address, or 0. */
  lookup(host: number, modeClass: number): number {
    return this.hashRecs[this.slot(host, modeClass)];
  }
  private header(rec: number): number {
    return (rec - HEADER_SIZE) >> 2;
  }
  /** Machine address of the second page that a block reaches into, 0 if it does not. */
  secondPage(rec: number): number {
    return this.i32[this.header(rec) + SECOND] >>> 0;
  }

  /** Length of a block's code in bytes. */
  codeBytes(rec: number): number {
    return this.i32[this.header(rec) + CODE_BYTES];
  }
  /** Writes the header of a block that stays out of the cache (its records are overwritten by the next one). */
  describe(rec: number, count: number, modeClass: number, codeBytes: number): void {
    this.writeHeader(rec, count, modeClass, codeBytes, 0, NEVER_HOT);
  }
  private writeHeader(
    rec: number,
    count: number,
    modeClass: number,
    codeBytes: number,
    second: number,
    heat: number,
  ): void {
    const h = this.header(rec);
    this.i32[h + COUNT] = count;
    this.i32[h + MODE_CLASS] = modeClass;
    this.i32[h + SECOND] = second;
    this.i32[h + CODE_BYTES] = codeBytes;
    this.i32[h + HEAT] = heat;
    this.i32[h + HOT] = 0;
    this.i32[h + OFFERS] = 0;
    this.i32[h + LEFT] = LEFT_OFTEN;
  }
  /** Machine address of a block's first byte, its mode class, and the setting of its hot region. */
  startOf(rec: number): number {
    return this.i32[this.header(rec) + START] >>> 0;
  }
  /** Has the block gone? Whoever is led to it leaves at once. */
  isDropped(rec: number): boolean {
    return this.u16[(rec + RECORD.handler) >> 1] === HANDLER_LEAVE;
  }
  modeClassOf(rec: number): number {
    return this.i32[this.header(rec) + MODE_CLASS];
  }
  setHot(rec: number, handler: number): void {
    this.i32[this.header(rec) + HOT] = handler;
  }
  /** Does a region run in the block's place? */
  isHot(rec: number): boolean {
    return this.i32[this.header(rec) + HOT] !== 0;
  }
  /** Counts that the block is offered to the hot tier; how often was it before? */
  countOffer(rec: number): number {
    return this.i32[this.header(rec) + OFFERS]++;
  }
  /** Has the block that starts there been executed so often since it was translated, or been offered? */
  wasExecuted(host: number, modeClass: number, times: number): boolean {
    const rec = this.lookup(host, modeClass);
    return rec !== 0 && this.isWarm(rec, times);
  }
  private isWarm(rec: number, times: number): boolean {
    const h = this.header(rec);
    return this.i32[h + OFFERS] !== 0 || this.heat - this.i32[h + HEAT] >= times;
  }
  /** Offsets in a frame where blocks start that {@link wasExecuted} says it of. */
  executedIn(mfn: number, modeClass: number, times: number): number[] {
    const offsets: number[] = [];
    for (let rec = this.frameBlocks[mfn]; rec !== 0; rec = this.i32[this.link(rec, mfn)]) {
      const start = this.startOf(rec);
      if (start >>> 12 === mfn && this.modeClassOf(rec) === modeClass && this.isWarm(rec, times))
        offsets.push(start & 0xfff);
    }
    return offsets;
  }
  /** How many executions from now the block is offered to the hot tier (again). */
  setHeat(rec: number, executions: number): void {
    this.i32[this.header(rec) + HEAT] = Math.min(executions, NEVER_HOT);
  }

  /** Counts anew how often regions leave for the block. */
  countLeft(rec: number): void {
    this.i32[this.header(rec) + LEFT] = LEFT_OFTEN;
  }

  /** Room for a block of `bytes` of records; its first record's address. Everything is forgotten when the arena is full. */
  reserve(bytes: number): number {
    if (
      this.top + HEADER_SIZE + bytes > this.end ||
      this.translated - this.dropped > HASH_SIZE * 0.7
    )
      this.clear();
    return this.top + HEADER_SIZE;
  }

  /** Takes a block whose records were written at `rec` (from {@link reserve}). */
  insert(
    host: number,
    modeClass: number,
    rec: number,
    recordBytes: number,
    count: number,
    codeBytes: number,
    second: number,
  ): void {
    this.writeHeader(rec, count, modeClass, codeBytes, second, this.heat);
    this.i32[this.header(rec) + START] = host;
    this.top = (rec + recordBytes + 7) & ~7;
    const old = this.lookup(host, modeClass);
    if (old !== 0) this.drop(old, 'replaced');
    const slot = this.slot(host, modeClass);
    this.hashRecs[slot] = rec;
    this.translated++;
    this.join(host >>> 12, rec, NEXT);
    if (second !== 0 && second >>> 12 !== host >>> 12) this.join(second >>> 12, rec, NEXT_SECOND);
  }

  private watch(mfn: number): void {
    if (this.codeFrames[mfn] !== 0) return;
    this.codeFrames[mfn] = 1;
    for (const tlb of this.tlbs) tlb.protectFrame(mfn * 4096);
  }
  private release(mfn: number): void {
    if (this.frameBlocks[mfn] === 0 && this.framePins[mfn] === 0) this.codeFrames[mfn] = 0;
  }
  /** Word of a block's header that links it to the next one of a frame. */
  private link(rec: number, mfn: number): number {
    const h = this.header(rec);
    return h + (this.i32[h + START] >>> 12 === mfn ? NEXT : NEXT_SECOND);
  }
  private join(mfn: number, rec: number, link: number): void {
    this.watch(mfn);
    this.frameStores[mfn] = 0;
    this.i32[this.header(rec) + link] = this.frameBlocks[mfn];
    this.frameBlocks[mfn] = rec;
  }
  private part(mfn: number, rec: number): void {
    const next = this.i32[this.link(rec, mfn)];
    const first = this.frameBlocks[mfn];
    if (first === rec) this.frameBlocks[mfn] = next;
    else {
      let before = this.link(first, mfn);
      while (this.i32[before] !== rec) before = this.link(this.i32[before], mfn);
      this.i32[before] = next;
    }
    this.release(mfn);
  }
  /** Watches a frame for a region with code in it. */
  pin(mfn: number): void {
    this.watch(mfn);
    this.framePins[mfn]++;
  }
  unpin(mfn: number): void {
    if (this.framePins[mfn] === 0) return;
    this.framePins[mfn]--;
    this.release(mfn);
  }

  /** Drops the blocks with bytes in [from, from + length) of machine memory. */
  written(from: number, length: number, cause: DropCause = 'store'): void {
    const last = (from + length - 1) >>> 12;
    let code = false;
    for (let mfn = from >>> 12; mfn <= last; mfn++) {
      if (this.codeFrames[mfn] === 0) continue;
      code = true;
      let next = 0;
      for (let rec = this.frameBlocks[mfn]; rec !== 0; rec = next) {
        next = this.i32[this.link(rec, mfn)];
        if (this.touches(rec, from, length)) this.drop(rec, cause);
      }
      if (cause === 'store') this.countStore(mfn);
    }
    if (code) this.regions?.written(from, length);
  }
  /**
   * A frame that is stored into again and again, and no more code made of, was code once: its blocks go, and stores are no longer
   * watched. Where code and data share a frame that comes ever more rarely, and never while a region is there.
   */
  private countStore(mfn: number): void {
    if (this.framePins[mfn] !== 0 || this.frameBlocks[mfn] === 0) return;
    const patience = this.framePatience[mfn] || FIRST_PATIENCE;
    if (++this.frameStores[mfn] < patience) return;
    this.framePatience[mfn] = Math.min(2 * patience, LAST_PATIENCE);
    for (let rec = this.frameBlocks[mfn]; rec !== 0; rec = this.frameBlocks[mfn])
      this.drop(rec, 'store');
  }
  private touches(rec: number, from: number, length: number): boolean {
    const start = this.startOf(rec);
    const bytes = this.codeBytes(rec);
    const second = this.secondPage(rec);
    if (second === 0) return from < start + bytes && start < from + length;
    const first = 4096 - (start & 0xfff);
    return (
      (from < start + first && start < from + length) ||
      (from < second + bytes - first && second < from + length)
    );
  }

  private drop(rec: number, cause: DropCause): void {
    const modeClass = this.modeClassOf(rec);
    const host = this.startOf(rec);
    const second = this.secondPage(rec);
    this.unhash(this.slot(host, modeClass));
    this.part(host >>> 12, rec);
    if (second !== 0 && second >>> 12 !== host >>> 12) this.part(second >>> 12, rec);
    this.regions?.blockDropped(rec);
    this.dropped++;
    this.droppedBy[cause]++;
    const sizes = this.recordSizes[modeClass];
    let at = rec;
    for (let i = this.i32[this.header(rec) + COUNT]; i >= 0; i--) {
      const handler = this.u16[(at + RECORD.handler) >> 1];
      this.u16[(at + RECORD.handler) >> 1] = HANDLER_LEAVE;
      at += sizes[handler];
    }
  }
  /** Linear probing without tombstones: later entries of the run move up. */
  private unhash(slot: number): void {
    let hole = slot;
    this.hashRecs[hole] = 0;
    for (
      let i = (hole + 1) & (HASH_SIZE - 1);
      this.hashRecs[i] !== 0;
      i = (i + 1) & (HASH_SIZE - 1)
    ) {
      const rec = this.hashRecs[i];
      const home = BlockCache.hash(this.startOf(rec), this.modeClassOf(rec));
      if (((i - home) & (HASH_SIZE - 1)) >= ((i - hole) & (HASH_SIZE - 1))) {
        this.hashRecs[hole] = rec;
        this.hashRecs[i] = 0;
        hole = i;
      }
    }
  }

  /** Forgets every block. Only between blocks: the records of a running one are overwritten by the next insert. */
  private clear(): void {
    this.hashRecs.fill(0);
    this.frameBlocks.fill(0);
    this.framePins.fill(0);
    this.codeFrames.fill(0);
    this.droppedBy.room += this.translated - this.dropped;
    this.dropped = this.translated;
    this.top = this.start;
    this.regions?.cleared();
    for (const listener of this.clearListeners) listener();
  }
}

function remove<Item>(list: Item[], item: Item): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}
