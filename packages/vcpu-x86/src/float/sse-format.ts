// @hot
// MXCSR and the result record of the scalar SSE operations. SDM Vol. 1 §10.2.3, §11.5. Operands and results are raw bits:
// float64 as (hi, lo) int32s, float32 as one int32. A packed instruction calls these per element and ORs the flags.

/** MXCSR: denormals are zeros, flush to zero. Rounding control is bits 14..13, exception masks bits 12..7, flags 5..0. */
export const DAZ = 0x0040;
export const FTZ = 0x8000;

export interface SseResult {
  /** float64 and int64 results in hi:lo; float32, int32 and EFLAGS results in lo. */
  hi: number;
  lo: number;
  /**
   * Exceptions signalled (IE … PE). OR them into MXCSR; with any of them unmasked raise #XM and keep the destination.
   * PE may be left out when MXCSR already has it set and masked, since nothing would change.
   */
  flags: number;
}

/** The one result record. Read it before the next SSE call. */
export const sse: SseResult = { hi: 0, lo: 0, flags: 0 };

/** In `sse.flags` after a fast path that does not apply: ask the exact path. */
export const NEEDS_EXACT = -1;

/** Reinterprets bits: one float64 or two float32s; scratchBits[1] is the float64's high half. */
export const scratch64: Float64Array = new Float64Array(1);
export const scratchBits: Int32Array = new Int32Array(scratch64.buffer);
export const scratch32: Float32Array = new Float32Array(scratch64.buffer);

export function rounding(mxcsr: number): number {
  return (mxcsr >> 13) & 3;
}

/** Exception masks in the places of the flags. */
export function masks(mxcsr: number): number {
  return (mxcsr >> 7) & 0x3f;
}

/** True when an inexact result changes nothing: round to nearest, PE already set and masked. */
export function precisionIsMoot(mxcsr: number): boolean {
  return (mxcsr & 0x7020) === 0x1020;
}

/** QNaN floating-point indefinite. */
export const INDEFINITE64_HI: number = 0xfff80000 | 0;
export const INDEFINITE32: number = 0xffc00000 | 0;

export function set64(hi: number, lo: number): void {
  sse.hi = hi | 0;
  sse.lo = lo | 0;
}

export function isNaN64(hi: number, lo: number): boolean {
  const magnitude = hi & 0x7fffffff;
  return magnitude > 0x7ff00000 || (magnitude === 0x7ff00000 && (lo | 0) !== 0);
}

export function isSignalling64(hi: number, lo: number): boolean {
  return isNaN64(hi, lo) && (hi & 0x80000) === 0;
}

export function isNaN32(bits: number): boolean {
  return (bits & 0x7fffffff) > 0x7f800000;
}

export function isSignalling32(bits: number): boolean {
  return isNaN32(bits) && (bits & 0x400000) === 0;
}

export function isDenormal64(hi: number, lo: number): boolean {
  return (hi & 0x7ff00000) === 0 && ((hi & 0xfffff) | lo) !== 0;
}

export function isDenormal32(bits: number): boolean {
  return (bits & 0x7f800000) === 0 && (bits & 0x7fffff) !== 0;
}
