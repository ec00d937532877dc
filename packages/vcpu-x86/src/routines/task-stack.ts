// Stack pointers of inner privilege levels from the task-state segment (SDM vol. 3A §7.2.1, §7.7, §6.14.4), and the checks of a
// stack segment loaded with one.
// @hot
import type { Core } from '../core.js';
import { raise, SS_FAULT, TS } from '../fault.js';
import { TR } from '../state/layout.js';
import { type Descriptor, fetchDescriptor, markAccessed } from './descriptor.js';
import { readSystem16, readSystem32 } from './system-memory.js';

/** SS of {@link readInnerStack}. */
export const innerStack = { selector: 0, pointer: 0 };

/** Reads SS:eSP of privilege level `level` from a 16- or 32-bit TSS. */
export function readInnerStack(core: Core, level: number, ext: number): void {
  const { state } = core;
  const base = state.segmentBase(TR);
  const limit = state.segmentLimit(TR);
  const is32 = (state.segmentAttributes(TR) & 0x800) !== 0;
  const at = is32 ? 4 + level * 8 : 2 + level * 4;
  if (at + (is32 ? 5 : 3) > limit) raise(state, TS, (state.selector(TR) & 0xfffc) | ext);
  innerStack.pointer = is32 ? readSystem32(core, base + at) >>> 0 : readSystem16(core, base + at);
  innerStack.selector = readSystem16(core, base + at + (is32 ? 4 : 2));
}

/** RSP of an inner level (`slot` 0–2) or of the interrupt stack table (`slot` 4–10 for IST1–IST7) in a 64-bit TSS. */
export function readLongStack(core: Core, slot: number, ext: number): number {
  const { state } = core;
  const at = 4 + slot * 8;
  if (at + 7 > state.segmentLimit(TR)) raise(state, TS, (state.selector(TR) & 0xfffc) | ext);
  const base = state.segmentBase(TR);
  const low = readSystem32(core, base + at) >>> 0;
  return readSystem32(core, base + at + 4) * 4294967296 + low;
}

/** The checks of a new stack segment for privilege level `level`: #TS, or #SS if not present. Leaves it accessed. */
export function fetchInnerStackSegment(
  core: Core,
  selector: number,
  level: number,
  d: Descriptor,
  ext: number,
): void {
  const { state } = core;
  if ((selector & 0xfffc) === 0) raise(state, TS, ext);
  fetchDescriptor(core, selector, d, TS, ext);
  const error = (selector & 0xfffc) | ext;
  if ((selector & 3) !== level || d.dpl !== level || !d.isWritableData) raise(state, TS, error);
  if (!d.present) raise(state, SS_FAULT, error);
  markAccessed(core, d);
}
