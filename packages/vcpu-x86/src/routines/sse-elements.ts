// Frames of the SSE routines: they take the elements of destination and source (offsets in the state page) through a function of
// float/, collect the exceptions, and write the destination only when none of them is unmasked.
// @hot
import type { Core, Routine } from '../core.js';
import { sse } from '../float/sse-format.js';
import { MXCSR } from '../state/layout.js';
import { signal } from './sse-exceptions.js';

export type Operation32 = (mxcsr: number, a: number, b: number) => void;
export type Operation64 = (
  mxcsr: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
) => void;
/** An element of one or two words, low word first; the result in sse. */
export type Conversion = (mxcsr: number, low: number, high: number) => void;

/** Results of the elements until none can fail. */
const results = new Int32Array(4);

const write = (core: Core, mxcsr: number, flags: number, at: number, words: number): number => {
  if (flags !== 0) signal(core, mxcsr, flags);
  const { i32 } = core.state;
  for (let i = 0; i < words; i++) i32[at + i] = results[i];
  return 0;
};

/** `count` elements: destination = operation(destination, source). */
export const binary32 =
  (count: 1 | 4, operation: Operation32): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const { i32 } = state;
    const d = (state.base + destination) >> 2;
    const s = (state.base + source) >> 2;
    const mxcsr = state.get(MXCSR);
    let flags = 0;
    for (let i = 0; i < count; i++) {
      operation(mxcsr, i32[d + i], i32[s + i]);
      results[i] = sse.lo;
      flags |= sse.flags;
    }
    return write(core, mxcsr, flags, d, count);
  };

export const binary64 =
  (count: 1 | 2, operation: Operation64): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const { i32 } = state;
    const d = (state.base + destination) >> 2;
    const s = (state.base + source) >> 2;
    const mxcsr = state.get(MXCSR);
    let flags = 0;
    for (let i = 0; i < count * 2; i += 2) {
      operation(mxcsr, i32[d + i + 1], i32[d + i], i32[s + i + 1], i32[s + i]);
      results[i] = sse.lo;
      results[i + 1] = sse.hi;
      flags |= sse.flags;
    }
    return write(core, mxcsr, flags, d, count * 2);
  };

/** Neighbours within each operand: the destination's pairs give the low half, the source's the high one. */
export const horizontal32 =
  (operation: Operation32): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const { i32 } = state;
    const d = (state.base + destination) >> 2;
    const s = (state.base + source) >> 2;
    const mxcsr = state.get(MXCSR);
    let flags = 0;
    for (let i = 0; i < 4; i++) {
      const at = (i < 2 ? d : s) + (i & 1) * 2;
      operation(mxcsr, i32[at], i32[at + 1]);
      results[i] = sse.lo;
      flags |= sse.flags;
    }
    return write(core, mxcsr, flags, d, 4);
  };

export const horizontal64 =
  (operation: Operation64): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const { i32 } = state;
    const d = (state.base + destination) >> 2;
    const s = (state.base + source) >> 2;
    const mxcsr = state.get(MXCSR);
    let flags = 0;
    for (let i = 0; i < 4; i += 2) {
      const at = i === 0 ? d : s;
      operation(mxcsr, i32[at + 1], i32[at], i32[at + 3], i32[at + 2]);
      results[i] = sse.lo;
      results[i + 1] = sse.hi;
      flags |= sse.flags;
    }
    return write(core, mxcsr, flags, d, 4);
  };

/**
 * `count` elements of `from` words to as many of `to` words; the destination's words up to `filled` become zero.
 */
export const convert =
  (count: number, from: 1 | 2, to: 1 | 2, filled: number, conversion: Conversion): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const { i32 } = state;
    const d = (state.base + destination) >> 2;
    const s = (state.base + source) >> 2;
    const mxcsr = state.get(MXCSR);
    let flags = 0;
    results[2] = results[3] = 0;
    for (let i = 0; i < count; i++) {
      const at = s + i * from;
      conversion(mxcsr, i32[at], i32[at + 1]);
      results[i * to] = sse.lo;
      if (to === 2) results[i * to + 1] = sse.hi;
      flags |= sse.flags;
    }
    return write(core, mxcsr, flags, d, filled);
  };
