// Segment registers' hidden parts. Attributes are bits 8–23 of a descriptor's second dword (type, S, DPL, P, AVL, L, D/B, G),
// zero for an unusable (null) segment. SDM vol. 3A §3.4.5.
// @hot
import {
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_READ_LIMIT,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
  SELECTOR_DESCRIPTOR,
  SELECTORS,
} from './layout.js';
import type { VcpuState } from './vcpu-state.js';

export const ATTRIBUTE_MASK = 0x00f0ff00;
export const ATTRIBUTE_PRESENT = 0x8000;
/** S: a code or data segment. */
export const ATTRIBUTE_CODE_OR_DATA = 0x1000;
export const ATTRIBUTE_CODE = 0x0800;
/** Expand down (data) or conforming (code). */
export const ATTRIBUTE_EXPAND_DOWN = 0x0400;
/** Writable (data) or readable (code). */
export const ATTRIBUTE_WRITABLE = 0x0200;
export const ATTRIBUTE_ACCESSED = 0x0100;
export const ATTRIBUTE_LONG = 0x200000;
/** D/B: 32-bit. */
export const ATTRIBUTE_BIG = 0x400000;
export const ATTRIBUTE_GRANULAR = 0x800000;
/** Accessed segments of 4 GiB from 0 on, of level 0: readable code of 64 and of 32 bits, writable data. */
export const FLAT_CODE64 = 0xa09b00;
export const FLAT_CODE32 = 0xc09b00;
export const FLAT_DATA = 0xc09300;
/** DPL 3. */
export const ATTRIBUTE_USER = 0x6000;
/** What real and virtual-8086 mode load: present, writable, accessed data. */
export const REAL_MODE_ATTRIBUTES = 0x9300;

/** Loads a segment register: selector, base (a double), limit in bytes, attributes. */
export function setSegment(
  state: VcpuState,
  segment: number,
  selector: number,
  base: number,
  limit: number,
  attributes: number,
): void {
  const at = SEGMENTS + segment * SEGMENT_STRIDE;
  state.set64(at + SEGMENT_BASE, base);
  state.set(at + SEGMENT_LIMIT, limit | 0);
  state.set(at + SEGMENT_ATTRIBUTES, attributes);
  state.set(SELECTORS + segment * SEGMENT_STRIDE, selector);
  state.setHalves(SELECTORS + SELECTOR_DESCRIPTOR + segment * SEGMENT_STRIDE, 0, 0);
  updateLimits(state, segment);
}

/** The same with base 0 and a limit of 4 GiB, of a present, readable and, if it is data, writable segment: what SYSCALL and SYSENTER load. */
export function setFlatSegment(
  state: VcpuState,
  segment: number,
  selector: number,
  attributes: number,
): void {
  const at = SEGMENTS + segment * SEGMENT_STRIDE;
  state.setHalves(at + SEGMENT_BASE, 0, 0);
  state.set(at + SEGMENT_LIMIT, -1);
  state.set(at + SEGMENT_ATTRIBUTES, attributes);
  state.set(SELECTORS + segment * SEGMENT_STRIDE, selector);
  state.setHalves(SELECTORS + SELECTOR_DESCRIPTOR + segment * SEGMENT_STRIDE, 0, 0);
  state.setHalves(at + SEGMENT_READ_LIMIT, -1, 0);
  state.setHalves(at + SEGMENT_WRITE_LIMIT, -1, (attributes & ATTRIBUTE_CODE) === 0 ? 0 : -1);
}

/** Derives the fast-path limits from the limit and the attributes. */
export function updateLimits(state: VcpuState, segment: number): void {
  const at = SEGMENTS + segment * SEGMENT_STRIDE;
  const attributes = state.getU(at + SEGMENT_ATTRIBUTES);
  const limit = state.get(at + SEGMENT_LIMIT);
  const code = (attributes & ATTRIBUTE_CODE) !== 0;
  const usable =
    (attributes & (ATTRIBUTE_PRESENT | ATTRIBUTE_CODE_OR_DATA)) ===
    (ATTRIBUTE_PRESENT | ATTRIBUTE_CODE_OR_DATA);
  const expandDown = !code && (attributes & ATTRIBUTE_EXPAND_DOWN) !== 0;
  const wr = (attributes & ATTRIBUTE_WRITABLE) !== 0;
  const plain = usable && !expandDown;
  setLimit(state, at + SEGMENT_READ_LIMIT, plain && (!code || wr), limit);
  setLimit(state, at + SEGMENT_WRITE_LIMIT, plain && !code && wr, limit);
}
function setLimit(state: VcpuState, at: number, unchecked: boolean, limit: number): void {
  if (unchecked) state.setHalves(at, limit, 0);
  else state.setHalves(at, -1, -1);
}

/** Base 0 and nothing to check below 4 GiB, for reading (code) or for writing too (data). */
export function isFlat(state: VcpuState, segment: number, write: boolean): boolean {
  const at = SEGMENTS + segment * SEGMENT_STRIDE;
  const limit = at + (write ? SEGMENT_WRITE_LIMIT : SEGMENT_READ_LIMIT);
  return (
    (state.get(at + SEGMENT_BASE) | state.get(at + SEGMENT_BASE + 4)) === 0 &&
    state.get(limit) === -1 &&
    state.get(limit + 4) === 0
  );
}

/** The checks behind the fast-path limits: 0 if [effective, effective + size) may be accessed, -1 with #GP or #SS recorded. */
export function checkSegment(
  state: VcpuState,
  segment: number,
  effective: number,
  size: number,
  write: boolean,
): number {
  const at = SEGMENTS + segment * SEGMENT_STRIDE;
  const attributes = state.getU(at + SEGMENT_ATTRIBUTES);
  const limit = state.getU(at + SEGMENT_LIMIT);
  const code = (attributes & ATTRIBUTE_CODE) !== 0;
  const wr = (attributes & ATTRIBUTE_WRITABLE) !== 0;
  const present =
    (attributes & (ATTRIBUTE_PRESENT | ATTRIBUTE_CODE_OR_DATA)) ===
    (ATTRIBUTE_PRESENT | ATTRIBUTE_CODE_OR_DATA);
  let ok = present && (write ? !code && wr : !code || wr);
  const last = effective + size - 1;
  if (ok && !code && (attributes & ATTRIBUTE_EXPAND_DOWN) !== 0) {
    const top = (attributes & ATTRIBUTE_BIG) !== 0 ? 0xffffffff : 0xffff;
    ok = effective > limit && last <= top;
  } else if (ok) {
    // A 4 GiB segment wraps around; smaller ones end at their limit.
    ok = last <= limit || limit === 0xffffffff;
  }
  return ok ? 0 : state.fault(segment === 2 ? 12 : 13, 0);
}
