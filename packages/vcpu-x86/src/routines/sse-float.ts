// Floating-point arithmetic and comparison of SSE to SSE4.1: the routines that semantics/sse-float.ts calls, by mnemonic. Arguments:
// offsets of destination and source in the state page, then the immediate. Scalar double precision, the common case, is written out.
// @hot
import type { Core, Routine } from '../core.js';
import { add32, divide32, multiply32, sqrt32, subtract32 } from '../float/sse-arithmetic32.js';
import { add64, divide64, multiply64, sqrt64, subtract64 } from '../float/sse-arithmetic64.js';
import {
  compare32,
  compare64,
  compareToEflags32,
  compareToEflags64,
  max32,
  max64,
  min32,
  min64,
} from '../float/sse-compare.js';
import { round32, round64 } from '../float/sse-convert.js';
import { NEEDS_EXACT, sse } from '../float/sse-format.js';
import {
  addNumber64,
  divideNumber64,
  multiplyNumber64,
  sqrtNumber64,
} from '../float/sse-number64.js';
import { reciprocal32, reciprocalSqrt32 } from '../float/sse-reciprocal.js';
import { MXCSR } from '../state/layout.js';
import { binary32, binary64, convert, horizontal32, horizontal64 } from './sse-elements.js';
import { signal } from './sse-exceptions.js';

/** Writes a double, or what the exact path left in sse. */
function finish64(core: Core, mxcsr: number, at: number, value: number, exact: boolean): number {
  if (sse.flags !== 0) signal(core, mxcsr, sse.flags);
  const { state } = core;
  if (exact) {
    state.i32[at >> 2] = sse.lo;
    state.i32[(at >> 2) + 1] = sse.hi;
  } else state.f64[at >> 3] = value;
  return 0;
}

const addsd: Routine = (core, destination, source) => {
  const { state } = core;
  const d = state.base + destination;
  const s = state.base + source;
  const mxcsr = state.get(MXCSR);
  const value = addNumber64(mxcsr, state.f64[d >> 3], state.f64[s >> 3]);
  const exact = sse.flags === NEEDS_EXACT;
  const { i32 } = state;
  if (exact) add64(mxcsr, i32[(d >> 2) + 1], i32[d >> 2], i32[(s >> 2) + 1], i32[s >> 2]);
  return finish64(core, mxcsr, d, value, exact);
};
const subsd: Routine = (core, destination, source) => {
  const { state } = core;
  const d = state.base + destination;
  const s = state.base + source;
  const mxcsr = state.get(MXCSR);
  const value = addNumber64(mxcsr, state.f64[d >> 3], -state.f64[s >> 3]);
  const exact = sse.flags === NEEDS_EXACT;
  const { i32 } = state;
  if (exact) subtract64(mxcsr, i32[(d >> 2) + 1], i32[d >> 2], i32[(s >> 2) + 1], i32[s >> 2]);
  return finish64(core, mxcsr, d, value, exact);
};
const mulsd: Routine = (core, destination, source) => {
  const { state } = core;
  const d = state.base + destination;
  const s = state.base + source;
  const mxcsr = state.get(MXCSR);
  const value = multiplyNumber64(mxcsr, state.f64[d >> 3], state.f64[s >> 3]);
  const exact = sse.flags === NEEDS_EXACT;
  const { i32 } = state;
  if (exact) multiply64(mxcsr, i32[(d >> 2) + 1], i32[d >> 2], i32[(s >> 2) + 1], i32[s >> 2]);
  return finish64(core, mxcsr, d, value, exact);
};
const divsd: Routine = (core, destination, source) => {
  const { state } = core;
  const d = state.base + destination;
  const s = state.base + source;
  const mxcsr = state.get(MXCSR);
  const value = divideNumber64(mxcsr, state.f64[d >> 3], state.f64[s >> 3]);
  const exact = sse.flags === NEEDS_EXACT;
  const { i32 } = state;
  if (exact) divide64(mxcsr, i32[(d >> 2) + 1], i32[d >> 2], i32[(s >> 2) + 1], i32[s >> 2]);
  return finish64(core, mxcsr, d, value, exact);
};
const sqrtsd: Routine = (core, destination, source) => {
  const { state } = core;
  const d = state.base + destination;
  const s = state.base + source;
  const mxcsr = state.get(MXCSR);
  const value = sqrtNumber64(mxcsr, state.f64[s >> 3]);
  const exact = sse.flags === NEEDS_EXACT;
  if (exact) sqrt64(mxcsr, state.i32[(s >> 2) + 1], state.i32[s >> 2]);
  return finish64(core, mxcsr, d, value, exact);
};

/** ADDSUBPS, ADDSUBPD: even elements are subtracted, odd ones added. */
let odd = 0;
const addsub32 = (mxcsr: number, a: number, b: number): void => {
  if (odd !== 0) add32(mxcsr, a, b);
  else subtract32(mxcsr, a, b);
  odd ^= 1;
};
const addsub64 = (mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void => {
  if (odd !== 0) add64(mxcsr, aHi, aLo, bHi, bLo);
  else subtract64(mxcsr, aHi, aLo, bHi, bLo);
  odd ^= 1;
};
const fromEven =
  (routine: Routine): Routine =>
  (core, destination, source) => {
    odd = 0;
    return routine(core, destination, source);
  };

/** The immediate of the running instruction, for operations that have one. */
let immediate = 0;
const withImmediate =
  (routine: Routine): Routine =>
  (core, destination, source, imm) => {
    immediate = imm;
    return routine(core, destination, source);
  };
const cmp32 = (mxcsr: number, a: number, b: number): void => compare32(mxcsr, immediate & 7, a, b);
const cmp64 = (mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void =>
  compare64(mxcsr, immediate & 7, aHi, aLo, bHi, bLo);

/** Flags of a comparison: ZF, PF, CF in their EFLAGS places. */
const comis32 =
  (quiet: 0 | 1): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const mxcsr = state.get(MXCSR);
    compareToEflags32(mxcsr, quiet, state.get(destination), state.get(source));
    if (sse.flags !== 0) signal(core, mxcsr, sse.flags);
    return sse.lo;
  };
const comis64 =
  (quiet: 0 | 1): Routine =>
  (core, destination, source) => {
    const { state } = core;
    const mxcsr = state.get(MXCSR);
    compareToEflags64(
      mxcsr,
      quiet,
      state.get(destination + 4),
      state.get(destination),
      state.get(source + 4),
      state.get(source),
    );
    if (sse.flags !== 0) signal(core, mxcsr, sse.flags);
    return sse.lo;
  };

const products = new Int32Array(4);
/** a + b, exceptions added to what MXCSR has; the result stays in sse. */
function addStep(core: Core, a: number, b: number): number {
  const mxcsr = core.state.get(MXCSR);
  add32(mxcsr, a, b);
  if (sse.flags !== 0) signal(core, mxcsr, sse.flags);
  return sse.lo;
}
/** DPPS: masked products, added as (0 + 1) + (2 + 3); each step may end the instruction. */
const dpps: Routine = (core, destination, source, imm) => {
  const { state } = core;
  const { i32 } = state;
  const d = (state.base + destination) >> 2;
  const s = (state.base + source) >> 2;
  const mxcsr = state.get(MXCSR);
  let flags = 0;
  for (let i = 0; i < 4; i++) {
    products[i] = 0;
    if (((imm >> (4 + i)) & 1) === 0) continue;
    multiply32(mxcsr, i32[d + i], i32[s + i]);
    products[i] = sse.lo;
    flags |= sse.flags;
  }
  if (flags !== 0) signal(core, mxcsr, flags);
  const low = addStep(core, products[0], products[1]);
  const high = addStep(core, products[2], products[3]);
  const sum = addStep(core, low, high);
  for (let i = 0; i < 4; i++) i32[d + i] = ((imm >> i) & 1) !== 0 ? sum : 0;
  return 0;
};
const dppd: Routine = (core, destination, source, imm) => {
  const { state } = core;
  const { i32 } = state;
  const d = (state.base + destination) >> 2;
  const s = (state.base + source) >> 2;
  let mxcsr = state.get(MXCSR);
  let flags = 0;
  for (let i = 0; i < 4; i += 2) {
    products[i] = products[i + 1] = 0;
    if (((imm >> (4 + (i >> 1))) & 1) === 0) continue;
    multiply64(mxcsr, i32[d + i + 1], i32[d + i], i32[s + i + 1], i32[s + i]);
    products[i] = sse.lo;
    products[i + 1] = sse.hi;
    flags |= sse.flags;
  }
  if (flags !== 0) signal(core, mxcsr, flags);
  mxcsr = state.get(MXCSR);
  add64(mxcsr, products[1], products[0], products[3], products[2]);
  if (sse.flags !== 0) signal(core, mxcsr, sse.flags);
  for (let i = 0; i < 4; i += 2) {
    const kept = ((imm >> (i >> 1)) & 1) !== 0;
    i32[d + i] = kept ? sse.lo : 0;
    i32[d + i + 1] = kept ? sse.hi : 0;
  }
  return 0;
};

const sqrtOf32 = (mxcsr: number, low: number): void => sqrt32(mxcsr, low);
const sqrtOf64 = (mxcsr: number, low: number, high: number): void => sqrt64(mxcsr, high, low);
const rcpOf = (_mxcsr: number, low: number): void => reciprocal32(low);
const rsqrtOf = (_mxcsr: number, low: number): void => reciprocalSqrt32(low);
const roundOf32 = (mxcsr: number, low: number): void => round32(mxcsr, immediate, low);
const roundOf64 = (mxcsr: number, low: number, high: number): void =>
  round64(mxcsr, immediate, high, low);

export const sseFloatRoutines = {
  ADDPS: binary32(4, add32),
  ADDPD: binary64(2, add64),
  ADDSS: binary32(1, add32),
  ADDSD: addsd,
  SUBPS: binary32(4, subtract32),
  SUBPD: binary64(2, subtract64),
  SUBSS: binary32(1, subtract32),
  SUBSD: subsd,
  MULPS: binary32(4, multiply32),
  MULPD: binary64(2, multiply64),
  MULSS: binary32(1, multiply32),
  MULSD: mulsd,
  DIVPS: binary32(4, divide32),
  DIVPD: binary64(2, divide64),
  DIVSS: binary32(1, divide32),
  DIVSD: divsd,
  MINPS: binary32(4, min32),
  MINPD: binary64(2, min64),
  MINSS: binary32(1, min32),
  MINSD: binary64(1, min64),
  MAXPS: binary32(4, max32),
  MAXPD: binary64(2, max64),
  MAXSS: binary32(1, max32),
  MAXSD: binary64(1, max64),
  SQRTPS: convert(4, 1, 1, 4, sqrtOf32),
  SQRTPD: convert(2, 2, 2, 4, sqrtOf64),
  SQRTSS: convert(1, 1, 1, 1, sqrtOf32),
  SQRTSD: sqrtsd,
  RCPPS: convert(4, 1, 1, 4, rcpOf),
  RCPSS: convert(1, 1, 1, 1, rcpOf),
  RSQRTPS: convert(4, 1, 1, 4, rsqrtOf),
  RSQRTSS: convert(1, 1, 1, 1, rsqrtOf),
  UCOMISS: comis32(1),
  UCOMISD: comis64(1),
  COMISS: comis32(0),
  COMISD: comis64(0),
  CMPPS: withImmediate(binary32(4, cmp32)),
  CMPPD: withImmediate(binary64(2, cmp64)),
  CMPSS: withImmediate(binary32(1, cmp32)),
  CMPSD: withImmediate(binary64(1, cmp64)),
  HADDPS: horizontal32(add32),
  HADDPD: horizontal64(add64),
  HSUBPS: horizontal32(subtract32),
  HSUBPD: horizontal64(subtract64),
  ADDSUBPS: fromEven(binary32(4, addsub32)),
  ADDSUBPD: fromEven(binary64(2, addsub64)),
  ROUNDPS: withImmediate(convert(4, 1, 1, 4, roundOf32)),
  ROUNDPD: withImmediate(convert(2, 2, 2, 4, roundOf64)),
  ROUNDSS: withImmediate(convert(1, 1, 1, 1, roundOf32)),
  ROUNDSD: withImmediate(convert(1, 2, 2, 2, roundOf64)),
  DPPS: dpps,
  DPPD: dppd,
} as const satisfies Record<string, Routine>;
