// Stacks of far transfers and events: frames are collected, checked as a whole, then written, so that a fault leaves everything
// as it was. Values are kept as halves, exact for all 64 bits.
// @hot
import type { Core } from '../core.js';
import { raise } from '../fault.js';
import { GPR, SCRATCH, SS } from '../state/layout.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_CODE, ATTRIBUTE_EXPAND_DOWN } from '../state/segments.js';
import { cachedHost, readHalves, writeHalves } from './system-memory.js';

const RSP = 4 * 8 + GPR;
const CANONICAL = 2 ** 47;
const SS_FAULT = 12;
/** A call gate copies at most 31 parameters; with them go SS, eSP, CS and eIP. */
const CAPACITY = 48;

/** Where a stack is: its segment's hidden part and its pointer. */
export class StackPlace {
  base = 0;
  limit = 0;
  attributes = 0;
  /** Bits of the stack pointer that count: 0xffff or 0xffffffff; 0: all 64 (64-bit mode, no segment). */
  mask = 0;
  /** The pointer: unsigned 32 bits, or canonical. */
  pointer = 0;
  user = false;
  /** Error code of an overrun. */
  errorCode = 0;
  /** Machine address of the bytes at the pointer that {@link open} found readable, and how many. */
  private host = -1;
  private opened = 0;

  /** The current stack. */
  useCurrent(core: Core): void {
    const { state } = core;
    this.host = -1;
    this.opened = 0;
    this.user = state.cpl === 3;
    this.errorCode = 0;
    if (core.mode64) {
      this.useLong(state.get64(RSP));
      return;
    }
    this.useSegment(
      state.segmentBase(SS),
      state.segmentLimit(SS),
      state.segmentAttributes(SS),
      state.getU(RSP),
    );
  }
  useSegment(base: number, limit: number, attributes: number, pointer: number): void {
    this.base = base;
    this.limit = limit;
    this.attributes = attributes;
    this.mask = (attributes & ATTRIBUTE_BIG) !== 0 ? -1 : 0xffff;
    this.pointer = pointer;
  }
  useLong(pointer: number): void {
    this.base = 0;
    this.mask = 0;
    this.pointer = pointer;
  }

  /** Effective address `offset` bytes above the pointer. */
  effective(offset: number): number {
    return this.mask === 0 ? this.pointer + offset : ((this.pointer + offset) & this.mask) >>> 0;
  }
  /** Linear address for an access of `size` bytes at `offset`; overruns are #SS. */
  linear(core: Core, offset: number, size: number): number {
    const at = this.effective(offset);
    if (this.mask === 0) {
      if (at < -CANONICAL || at + size > CANONICAL) raise(core.state, SS_FAULT, this.errorCode);
      return at;
    }
    const last = at + size - 1;
    const expandDown =
      (this.attributes & (ATTRIBUTE_CODE | ATTRIBUTE_EXPAND_DOWN)) === ATTRIBUTE_EXPAND_DOWN;
    const bad = expandDown
      ? at <= this.limit || last > (this.mask === -1 ? 0xffffffff : 0xffff)
      : last > this.limit && this.limit !== 0xffffffff;
    if (bad) raise(core.state, SS_FAULT, this.errorCode);
    return core.mmu.wrap(this.base + at);
  }
  /** Looks up `bytes` at the pointer once for the reads to come, if they lie on one page in the TLB. Never faults. */
  open(core: Core, bytes: number): void {
    const { pointer } = this;
    if (this.mask === 0) {
      if (pointer < -CANONICAL || pointer + bytes > CANONICAL) return;
      this.host = cachedHost(core, pointer, bytes, false, this.user);
    } else {
      // Only plain stacks that neither wrap nor end here.
      if (this.mask !== -1 || this.limit !== 0xffffffff || this.base !== 0) return;
      if ((this.attributes & ATTRIBUTE_EXPAND_DOWN) !== 0 || pointer + bytes > 0xffffffff) return;
      this.host = cachedHost(core, pointer, bytes, false, this.user);
    }
    this.opened = this.host >= 0 && (this.host & 3) === 0 ? bytes : 0;
  }
  /** Reads `size` bytes at `offset`: the low half is returned (signed), both are in SCRATCH. */
  read(core: Core, offset: number, size: number): number {
    if (offset + size <= this.opened && size >= 4) {
      const { state } = core;
      const w = (this.host + offset) >>> 2;
      const low = state.i32[w];
      state.setHalves(SCRATCH, low, size === 8 ? state.i32[w + 1] : 0);
      return low;
    }
    return readHalves(core, this.linear(core, offset, size), size, this.user);
  }
  /** Moves the stack pointer register of the current stack to `offset` bytes above the pointer. */
  commit(core: Core, offset: number): void {
    const { state } = core;
    if (this.mask === 0) state.set64(RSP, this.pointer + offset);
    else if (this.mask === -1) state.setHalves(RSP, (this.pointer + offset) | 0, 0);
    else state.setU16(RSP, (this.pointer + offset) & 0xffff);
  }
}

/** Values to push, first to last. */
export class StackFrame {
  private readonly low = new Int32Array(CAPACITY);
  private readonly high = new Int32Array(CAPACITY);
  private count = 0;
  /** Machine address of the checked frame's lowest byte, if its page is in the TLB; -1: write it the long way. */
  private host = -1;

  clear(): void {
    this.count = 0;
  }
  push(low: number, high: number = 0): void {
    this.low[this.count] = low;
    this.high[this.count++] = high;
  }
  push64(value: number): void {
    const high = Math.floor(value / 4294967296);
    this.push((value - high * 4294967296) | 0, high);
  }
  /** Bytes that the frame takes. */
  bytes(size: number): number {
    return this.count * size;
  }

  /** Checks that the whole frame can be written below the stack's pointer. */
  check(core: Core, stack: StackPlace, size: number): void {
    const total = this.count * size;
    this.host = -1;
    // One check when the frame neither wraps nor crosses a page.
    const low = stack.effective(-total);
    if (low + total === stack.pointer) {
      const linear = stack.linear(core, -total, total);
      const host = cachedHost(core, linear, total, true, stack.user);
      if (host >= 0) {
        if (size >= 4 && (host & 3) === 0) this.host = host;
        return;
      }
    }
    // In the order of the pushes: a fault names the first that failed.
    for (let i = 1; i <= this.count; i++)
      core.mmu.probe(stack.linear(core, -i * size, size), size, true, stack.user);
  }
  /** Writes a checked frame. The stack pointer register is the caller's. */
  write(core: Core, stack: StackPlace, size: number): void {
    if (this.host >= 0) {
      const { i32 } = core.state;
      let w = (this.host + this.count * size) >>> 2;
      for (let i = 0; i < this.count; i++) {
        w -= size >> 2;
        i32[w] = this.low[i];
        if (size === 8) i32[w + 1] = this.high[i];
      }
      return;
    }
    for (let i = 0; i < this.count; i++) {
      const linear = stack.linear(core, -(i + 1) * size, size);
      writeHalves(core, linear, size, this.low[i], this.high[i], stack.user);
    }
  }
}

/** The one frame and stack in use; routines do not nest. */
export const frame: StackFrame = new StackFrame();
export const stack: StackPlace = new StackPlace();
