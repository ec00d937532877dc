// Decoded blocks, in the machine's memory, shared by every mode and address space: a block is known by the machine address of
// its first byte and the mode class it was decoded for. Frames that hold code are watched; a write into a block's bytes turns
// all its records stale at once, so even the block that is running leaves at its next instruction.
//
// Block layout: a 24-byte header (instruction count, mode class, machine address of the second page's first byte or 0, length of
// the code in bytes, executions until it is hot, handler of its hot region or 0), then records. `rec` always means the address of the first record.
import type { CodeWatch } from '../mmu/mmu.js';
import type { Tlb } from '../mmu/tlb.js';
import { RECORD } from '../semantics/binding.js';

export const HEADER_SIZE = 24;
/** Byte offsets in the header, from its start. */
export const HEADER_HEAT = 16;
export const HEADER_HOT = 20;
const HASH_BITS = 18;
const HASH_SIZE = 1 << HASH_BITS;
/** Handler 0 leaves for the instruction at its own rIP: the end of a block without a jump, and every record of a dropped block. */
export const HANDLER_LEAVE = 0;

/** Heat that no block reaches. */
const NEVER_HOT = 0x7fffffff;

/** Whoever compiles hot regions learns what happened to the code they were made of. */
export interface RegionKeeper {
  /** A block went; a region may have been entered by it. */
  blockDropped(rec: number): void;
  /** Bytes of a frame that holds code were written. */
  written(from: number, length: number): void;
  /** Every block went. */
  cleared(): void;
}

interface Frame {
  /** First records of the blocks that have bytes in this frame. */
  readonly blocks: Set<number>;
  /** Regions that have code in this frame. */
  pins: number;
}

export class BlockCache implements CodeWatch {
  private readonly i32: Int32Array;
  private readonly u16: Uint16Array;
  private readonly codeFrames: Uint8Array;
  private readonly frames = new Map<number, Frame>();
  /** Machine address of each block's first byte, by record address / 8. */
  private readonly hashKeys = new Int32Array(HASH_SIZE);
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

  constructor(memory: WebAssembly.Memory, start: number, end: number) {
    this.i32 = new Int32Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.codeFrames = new Uint8Array(memory.buffer.byteLength >>> 12);
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

  holdsCode(mfn: number): boolean {
    return this.codeFrames[mfn] !== 0;
  }

  private static hash(host: number, modeClass: number): number {
    return Math.imul(host ^ (modeClass << 27), 0x9e3779b1) >>> (32 - HASH_BITS);
  }
  private slot(host: number, modeClass: number): number {
    let h = BlockCache.hash(host, modeClass);
    while (this.hashRecs[h] !== 0) {
      if (
        this.hashKeys[h] === (host | 0) &&
        this.i32[((this.hashRecs[h] - HEADER_SIZE) >> 2) + 1] === modeClass
      )
        return h;
      h = (h + 1) & (HASH_SIZE - 1);
    }
    return h;
  }
  /** First record of the block at that machine address, or 0. */
  lookup(host: number, modeClass: number): number {
    return this.hashRecs[this.slot(host, modeClass)];
  }
  /** Machine address of the second page that a block reaches into, 0 if it does not. */
  secondPage(rec: number): number {
    return this.i32[((rec - HEADER_SIZE) >> 2) + 2];
  }

  /** Length of a block's code in bytes. */
  codeBytes(rec: number): number {
    return this.i32[((rec - HEADER_SIZE) >> 2) + 3];
  }
  /** Writes the header of a block that stays out of the cache (its records are overwritten by the next one). */
  describe(rec: number, count: number, modeClass: number, codeBytes: number): void {
    const h = (rec - HEADER_SIZE) >> 2;
    this.i32[h] = count;
    this.i32[h + 1] = modeClass;
    this.i32[h + 2] = 0;
    this.i32[h + 3] = codeBytes;
    this.i32[h + 4] = NEVER_HOT;
    this.i32[h + 5] = 0;
  }
  /** Machine address of a block's first byte, its mode class, and the setting of its hot region. */
  startOf(rec: number): number {
    return this.starts.get(rec) as number;
  }
  modeClassOf(rec: number): number {
    return this.i32[((rec - HEADER_SIZE) >> 2) + 1];
  }
  setHot(rec: number, handler: number): void {
    this.i32[((rec - HEADER_SIZE) >> 2) + 5] = handler;
  }
  /** How many executions from now the block is offered to the hot tier (again). */
  setHeat(rec: number, executions: number): void {
    this.i32[((rec - HEADER_SIZE) >> 2) + 4] = Math.min(executions, NEVER_HOT);
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
    const h = (rec - HEADER_SIZE) >> 2;
    this.i32[h] = count;
    this.i32[h + 1] = modeClass;
    this.i32[h + 2] = second;
    this.i32[h + 3] = codeBytes;
    this.i32[h + 4] = this.heat;
    this.i32[h + 5] = 0;
    this.top = (rec + recordBytes + 7) & ~7;
    const old = this.lookup(host, modeClass);
    if (old !== 0) this.drop(old);
    const slot = this.slot(host, modeClass);
    this.hashKeys[slot] = host;
    this.hashRecs[slot] = rec;
    this.starts.set(rec, host);
    this.translated++;
    this.join(host >>> 12, rec);
    if (second !== 0) this.join(second >>> 12, rec);
  }
  private readonly starts = new Map<number, number>();

  private frameOf(mfn: number): Frame {
    let frame = this.frames.get(mfn);
    if (!frame) {
      frame = { blocks: new Set(), pins: 0 };
      this.frames.set(mfn, frame);
      this.codeFrames[mfn] = 1;
      for (const tlb of this.tlbs) tlb.protectFrame(mfn * 4096);
    }
    return frame;
  }
  private release(mfn: number, frame: Frame): void {
    if (frame.blocks.size > 0 || frame.pins > 0) return;
    this.frames.delete(mfn);
    this.codeFrames[mfn] = 0;
  }
  private join(mfn: number, rec: number): void {
    this.frameOf(mfn).blocks.add(rec);
  }
  private part(mfn: number, rec: number): void {
    const frame = this.frames.get(mfn);
    if (!frame) return;
    frame.blocks.delete(rec);
    this.release(mfn, frame);
  }
  /** Watches a frame for a region with code in it. */
  pin(mfn: number): void {
    this.frameOf(mfn).pins++;
  }
  unpin(mfn: number): void {
    const frame = this.frames.get(mfn);
    if (!frame) return;
    frame.pins--;
    this.release(mfn, frame);
  }

  /** Drops the blocks with bytes in [from, from + length) of machine memory. */
  written(from: number, length: number): void {
    const last = (from + length - 1) >>> 12;
    let code = false;
    for (let mfn = from >>> 12; mfn <= last; mfn++) {
      const frame = this.frames.get(mfn);
      if (!frame) continue;
      code = true;
      for (const rec of frame.blocks) if (this.touches(rec, from, length)) this.drop(rec);
    }
    if (code) this.regions?.written(from, length);
  }
  private touches(rec: number, from: number, length: number): boolean {
    const start = this.starts.get(rec) as number;
    const h = (rec - HEADER_SIZE) >> 2;
    const bytes = this.i32[h + 3];
    const second = this.i32[h + 2];
    if (second === 0) return from < start + bytes && start < from + length;
    const first = 4096 - (start & 0xfff);
    return (
      (from < start + first && start < from + length) ||
      (from < second + bytes - first && second < from + length)
    );
  }

  private drop(rec: number): void {
    const h = (rec - HEADER_SIZE) >> 2;
    const modeClass = this.i32[h + 1];
    const host = this.starts.get(rec) as number;
    this.unhash(this.slot(host, modeClass));
    this.part(host >>> 12, rec);
    if (this.i32[h + 2] !== 0) this.part(this.i32[h + 2] >>> 12, rec);
    this.starts.delete(rec);
    this.regions?.blockDropped(rec);
    this.dropped++;
    const sizes = this.recordSizes[modeClass];
    let at = rec;
    for (let i = this.i32[h]; i >= 0; i--) {
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
      const home = BlockCache.hash(
        this.hashKeys[i],
        this.i32[((this.hashRecs[i] - HEADER_SIZE) >> 2) + 1],
      );
      if (((i - home) & (HASH_SIZE - 1)) >= ((i - hole) & (HASH_SIZE - 1))) {
        this.hashKeys[hole] = this.hashKeys[i];
        this.hashRecs[hole] = this.hashRecs[i];
        this.hashRecs[i] = 0;
        hole = i;
      }
    }
  }

  /** Forgets every block. Only between blocks: the records of a running one are overwritten by the next insert. */
  private clear(): void {
    this.hashRecs.fill(0);
    this.starts.clear();
    this.frames.clear();
    this.codeFrames.fill(0);
    this.dropped = this.translated;
    this.top = this.start;
    this.regions?.cleared();
    for (const listener of this.clearListeners) listener();
  }
}
