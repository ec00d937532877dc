// How TypeScript routines abandon an instruction: they record the fault in the vCPU state and throw this one preallocated
// value, which the routine table's wrapper turns into the -1 that generated code checks. It never leaves the CPU package.
import type { VcpuState } from './state/vcpu-state.js';

/** Thrown by {@link raise}; carries nothing, costs no stack trace. */
export const CPU_FAULT: unique symbol = Symbol('x86 fault');

export const DE = 0;
export const DB = 1;
export const BP = 3;
export const OF_TRAP = 4;
export const BR = 5;
export const UD = 6;
export const NM = 7;
export const DF = 8;
export const TS = 10;
export const NP = 11;
export const SS_FAULT = 12;
export const GP = 13;
export const PF = 14;
export const MF = 16;
export const XM = 19;

/** Abandons the instruction with a fault; `errorCode` only for vectors that push one. */
export function raise(state: VcpuState, vector: number, errorCode: number = -1): never {
  state.fault(vector, errorCode);
  throw CPU_FAULT;
}
