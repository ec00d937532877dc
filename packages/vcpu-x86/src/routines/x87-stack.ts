// The x87 register stack in the state page, and how instructions end (SDM vol. 1 §8.1): read and write ST(i), push, pop, stack
// faults, status word. A tag says empty (3) or not: the kind of a value is found out when FNSTENV or FNSAVE stores the tag word.
// Every function that ends an instruction returns 1 when it left an unmasked exception pending, else 0.
// @hot

import { C0, C1, C2, C3, f80, IE, INDEFINITE_HI, INDEFINITE_SE } from '../float/float80-format.js';
import { FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG } from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { ES_AND_BUSY, TOP_FIELD } from '../state/x87-bits.js';

/** Stack fault flag of the status word; exception summary with its copy, the busy flag; the top-of-stack field. */
export const SF = 0x40;
/** All condition codes. */
export const CODES: number = C0 | C1 | C2 | C3;

const EXCEPTIONS = 0x3f;

/** Layout offset of ST(i). */
export function registerAt(state: VcpuState, i: number): number {
  return FPU_REGISTERS + (((state.get(FPU_STATUS) >> 11) + i) & 7) * 16;
}
export function isEmpty(state: VcpuState, i: number): boolean {
  const physical = ((state.get(FPU_STATUS) >> 11) + i) & 7;
  return ((state.get(FPU_TAG) >> (physical * 2)) & 3) === 3;
}

/** Writes ST(i) and marks it full. */
export function put(state: VcpuState, i: number, se: number, hi: number, lo: number): void {
  const physical = ((state.get(FPU_STATUS) >> 11) + i) & 7;
  const at = FPU_REGISTERS + physical * 16;
  state.set(at, lo);
  state.set(at + 4, hi);
  state.setU16(at + 8, se);
  state.set(FPU_TAG, state.get(FPU_TAG) & ~(3 << (physical * 2)));
}
export function free(state: VcpuState, i: number): void {
  const physical = ((state.get(FPU_STATUS) >> 11) + i) & 7;
  state.set(FPU_TAG, state.get(FPU_TAG) | (3 << (physical * 2)));
}
/** Moves TOP: +1 towards higher registers. */
export function rotate(state: VcpuState, by: number): void {
  const status = state.get(FPU_STATUS);
  state.set(FPU_STATUS, (status & ~TOP_FIELD) | ((status + by * 0x800) & TOP_FIELD));
}
export function pop(state: VcpuState, count: number): void {
  for (let n = 0; n < count; n++) {
    free(state, 0);
    rotate(state, 1);
  }
}
export function push(state: VcpuState, se: number, hi: number, lo: number): void {
  rotate(state, -1);
  put(state, 0, se, hi, lo);
}

/** Clears the condition codes `clear`, then sets `bits`; a newly raised unmasked exception sets ES. */
export function signal(state: VcpuState, clear: number, bits: number): number {
  const status = (state.get(FPU_STATUS) & ~clear) | bits;
  const unmasked = (bits & ~state.get(FPU_CONTROL) & EXCEPTIONS) !== 0;
  state.set(FPU_STATUS, unmasked ? status | ES_AND_BUSY : status);
  return unmasked ? 1 : 0;
}
/** Is the response to an invalid operation masked? */
export function masksInvalid(state: VcpuState): boolean {
  return (state.get(FPU_CONTROL) & IE) !== 0;
}

/** An operand was empty: real indefinite to ST(i), then pops. */
export function underflow(state: VcpuState, i: number, pops: number, clear: number): number {
  if (masksInvalid(state)) {
    put(state, i, INDEFINITE_SE, INDEFINITE_HI, 0);
    pop(state, pops);
  }
  return signal(state, clear, IE | SF);
}
/** The register to push into was not empty: real indefinite over it. */
export function overflow(state: VcpuState, clear: number = 0): number {
  if (masksInvalid(state)) push(state, INDEFINITE_SE, INDEFINITE_HI, 0);
  return signal(state, clear, IE | SF | C1);
}

/** The result record to ST(i), then pops; unless an unmasked exception forbids. */
export function deliver(state: VcpuState, i: number, pops: number, clear: number): number {
  if (f80.stored !== 0) {
    put(state, i, f80.se, f80.hi, f80.lo);
    pop(state, pops);
  }
  return signal(state, clear, f80.status);
}
/** The result record to the stack. */
export function deliverPush(state: VcpuState): number {
  if (!isEmpty(state, 7)) return overflow(state);
  if (f80.stored !== 0) push(state, f80.se, f80.hi, f80.lo);
  return signal(state, C1, f80.status);
}
