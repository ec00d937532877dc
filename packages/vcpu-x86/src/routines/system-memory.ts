// Memory as the processor itself uses it: descriptor tables, task state, the stacks of event delivery. A probe of the software
// TLB first, because an interrupt makes a dozen of these accesses; everything else goes the Mmu's way and may throw CPU_FAULT.
// @hot
import type { Core } from '../core.js';
import {
  SET_SUPERVISOR,
  SET_SUPERVISOR_SMAP,
  TLB_DELTA,
  TLB_INDEX_MASK,
  TLB_INDEX_SHIFT,
  TLB_READ,
  TLB_WRITE,
} from '../mmu/tlb.js';
import { SCRATCH } from '../state/layout.js';

const TWO32 = 4294967296;

/** Machine address of [linear, linear + size) if the TLB knows its page for that access; else -1. `linear` is wrapped already. */
export function cachedHost(
  core: Core,
  linear: number,
  size: number,
  write: boolean,
  user: boolean,
): number {
  const { mmu } = core;
  if (mmu.watch !== null || mmu.alignmentCheck) return -1;
  const high = Math.floor(linear / TWO32);
  const low = (linear - high * TWO32) | 0;
  if ((low & 4095) + size > 4096) return -1;
  const set = user ? mmu.userSet : mmu.smapActive ? SET_SUPERVISOR_SMAP : SET_SUPERVISOR;
  const entry = (core.tlb.setBase(set) + ((low >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)) >> 2;
  const { i32 } = core.state;
  // The tag for writing has its halves swapped.
  const tag = entry + (write ? (TLB_WRITE + 4) >> 2 : TLB_READ >> 2);
  if (i32[tag] !== (low & -4096) || i32[entry + (TLB_WRITE >> 2)] !== high) return -1;
  return (i32[entry + (TLB_DELTA >> 2)] + low) >>> 0;
}

/** Reads 32 bits (signed) as the supervisor. */
export function readSystem32(core: Core, linear: number): number {
  const at = core.mmu.wrap(linear);
  const host = cachedHost(core, at, 4, false, false);
  if (host >= 0 && (host & 3) === 0) return core.state.i32[host >>> 2];
  return core.mmu.readU32(at, false) | 0;
}
/** Reads 16 bits as the supervisor. */
export function readSystem16(core: Core, linear: number): number {
  const at = core.mmu.wrap(linear);
  const host = cachedHost(core, at, 2, false, false);
  if (host >= 0 && (host & 1) === 0) return core.state.u16[host >>> 1];
  return core.mmu.readU16(at, false);
}

/** Reads 2, 4 or 8 bytes at the current privilege; the value's halves go to SCRATCH, the low one is returned (signed). */
export function readHalves(core: Core, linear: number, size: number, user: boolean): number {
  const { state, mmu } = core;
  const at = mmu.wrap(linear);
  const host = cachedHost(core, at, size, false, user);
  if (host >= 0 && (host & 3) === 0) {
    const w = host >>> 2;
    const low = size === 2 ? state.i32[w] & 0xffff : state.i32[w];
    state.setHalves(SCRATCH, low, size === 8 ? state.i32[w + 1] : 0);
    return low;
  }
  if (size === 8) {
    mmu.read64(at, user);
    return state.get(SCRATCH);
  }
  const value = size === 4 ? mmu.readU32(at, user) | 0 : mmu.readU16(at, user);
  state.setHalves(SCRATCH, value, 0);
  return value;
}

/** Writes 2, 4 or 8 bytes. */
export function writeHalves(
  core: Core,
  linear: number,
  size: number,
  low: number,
  high: number,
  user: boolean,
): void {
  const { state, mmu } = core;
  const at = mmu.wrap(linear);
  const host = cachedHost(core, at, size, true, user);
  if (host >= 0 && (host & 3) === 0 && size >= 4) {
    const w = host >>> 2;
    state.i32[w] = low;
    if (size === 8) state.i32[w + 1] = high;
    return;
  }
  if (size === 8) mmu.write64Halves(at, low, high, user);
  else if (size === 4) mmu.writeU32(at, low, user);
  else mmu.writeU16(at, low & 0xffff, user);
}
