// The memory images of FXSAVE and XSAVE (SDM vol. 1 §10.5, §13.4–§13.8): x87 with MMX, and SSE; no other component exists. XMM8–15
// only in 64-bit mode. Arguments: linear address in two halves, 64-bit instruction and operand pointers, and for XSAVE the mask.

import type { Core, Routine } from '../core.js';
import { GP, raise } from '../fault.js';
import { pageOffset } from '../mmu/page-walk.js';
import {
  CPL,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  MXCSR,
  XCR0,
  XMM,
} from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { CONTROL_FIXED, CONTROL_WRITABLE } from '../state/x87-bits.js';
import { cachedHost } from './system-memory.js';
import { initialize, summarise } from './x87-environment.js';

const TWO32 = 4294967296;
const LEGACY_BYTES = 512;
const HEADER_BYTES = 64;
/** MXCSR bits that exist. */
const MXCSR_MASK = 0xffff;

const X87 = 1;
const SSE = 2;
/** Where the legacy region's parts begin. */
const AT_MXCSR = 24;
const AT_ST = 32;
const AT_XMM = 160;

/** One image on its way: the legacy region, then the XSAVE header. */
const image = new Uint8Array(LEGACY_BYTES + HEADER_BYTES);
const view = new DataView(image.buffer);
const words = new Int32Array(image.buffer);

const xmmEnd = (core: Core): number => AT_XMM + (core.mode64 ? 256 : 128);
/** The XMM registers that there are, in the state page. */
const xmmOf = ({ state, mode64 }: Core): Uint8Array => {
  const from = state.base + XMM;
  return state.u8.subarray(from, from + (mode64 ? 256 : 128));
};

function buildX87(state: VcpuState, wide: boolean): void {
  const status = state.get(FPU_STATUS);
  const tags = state.get(FPU_TAG);
  const top = (status >> 11) & 7;
  image.fill(0, 0, AT_MXCSR);
  view.setUint16(0, state.get(FPU_CONTROL), true);
  view.setUint16(2, status, true);
  view.setUint16(6, state.get(FPU_OPCODE) & 0x7ff, true);
  view.setInt32(8, state.get(FPU_IP), true);
  view.setInt32(16, state.get(FPU_DP), true);
  view.setInt32(12, wide ? state.get(FPU_IP + 4) : state.get(FPU_CS) & 0xffff, true);
  view.setInt32(20, wide ? state.get(FPU_DP + 4) : state.get(FPU_DS) & 0xffff, true);
  for (let i = 0; i < 8; i++) {
    const physical = (top + i) & 7;
    const from = (state.base + FPU_REGISTERS + physical * 16) >>> 2;
    const to = (AT_ST + i * 16) >> 2;
    words[to] = state.i32[from];
    words[to + 1] = state.i32[from + 1];
    words[to + 2] = state.i32[from + 2] & 0xffff;
    words[to + 3] = 0;
    if (((tags >> (physical * 2)) & 3) !== 3) image[4] |= 1 << physical;
  }
}
function buildMxcsr(state: VcpuState): void {
  view.setInt32(AT_MXCSR, state.get(MXCSR), true);
  view.setInt32(AT_MXCSR + 4, MXCSR_MASK, true);
}
function buildXmm(core: Core): void {
  image.set(xmmOf(core), AT_XMM);
}

function takeX87(state: VcpuState, wide: boolean): void {
  const status = view.getUint16(2, true);
  const top = (status >> 11) & 7;
  state.set(FPU_CONTROL, (view.getUint16(0, true) & CONTROL_WRITABLE) | CONTROL_FIXED);
  state.set(FPU_STATUS, status);
  state.set(FPU_OPCODE, view.getUint16(6, true) & 0x7ff);
  state.setHalves(FPU_IP, view.getInt32(8, true), wide ? view.getInt32(12, true) : 0);
  state.setHalves(FPU_DP, view.getInt32(16, true), wide ? view.getInt32(20, true) : 0);
  state.set(FPU_CS, wide ? 0 : view.getUint16(12, true));
  state.set(FPU_DS, wide ? 0 : view.getUint16(20, true));
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const physical = (top + i) & 7;
    const from = (AT_ST + i * 16) >> 2;
    const to = (state.base + FPU_REGISTERS + physical * 16) >>> 2;
    state.i32[to] = words[from];
    state.i32[to + 1] = words[from + 1];
    state.u16[(to + 2) * 2] = words[from + 2];
    if (((image[4] >> i) & 1) === 0) tags |= 3 << (i * 2);
  }
  state.set(FPU_TAG, tags);
  summarise(state);
}
function takeXmm(core: Core): void {
  xmmOf(core).set(image.subarray(AT_XMM, xmmEnd(core)));
}
/** Loads a whole FXSAVE image from outside, MXCSR cut to what there is; null: initial state. */
export function loadFxsaveImage(core: Core, bytes: Uint8Array | null): void {
  const { state } = core;
  if (bytes === null) {
    initialize(state);
    state.set(MXCSR, 0x1f80);
    for (let at = 0; at < 256; at += 4) state.set(XMM + at, 0);
    return;
  }
  image.set(bytes.subarray(0, LEGACY_BYTES));
  takeX87(state, core.longMode);
  state.set(MXCSR, view.getInt32(AT_MXCSR, true) & MXCSR_MASK);
  takeXmm(core);
}

function checkMxcsr(state: VcpuState): void {
  if ((view.getInt32(AT_MXCSR, true) & ~MXCSR_MASK) !== 0) raise(state, GP, 0);
}

/** An image in memory: its machine address if it lies in one page that may be touched directly, else -1. */
interface Area {
  readonly linear: number;
  readonly host: number;
}

/** Machine address of the whole range, if it lies in one page of memory that may be touched directly; else -1. */
function hostOf(core: Core, linear: number, bytes: number, write: boolean, user: boolean): number {
  const offset = pageOffset(linear);
  return offset + bytes <= 4096 ? core.mmu.bulkHost(linear, write, user) : -1;
}
/**
 * The area of `bytes` at a linear address; all faults come before any change.
 * @param probed offsets in it, in the order in which their faults are reported
 */
function open(
  core: Core,
  linear: number,
  bytes: number,
  write: boolean,
  probed: readonly number[],
): Area {
  const user = core.state.get(CPL) === 3;
  let host = cachedHost(core, core.mmu.wrap(linear), bytes, write, user);
  if (host < 0) {
    for (const at of probed) core.mmu.probe(linear + at, 1, write, user);
    host = hostOf(core, linear, bytes, write, user);
  }
  return { linear, host };
}
/** Calls `part` for image bytes [from, end), or, if they are on two pages, for what is on either. */
function byPage(
  { linear }: Area,
  from: number,
  end: number,
  part: (f: number, e: number) => void,
): void {
  const second = from + 4096 - pageOffset(linear + from);
  part(from, Math.min(end, second));
  if (second < end) part(second, end);
}
/** Copies image bytes [from, end) to memory. Both are multiples of 4. */
function store(core: Core, area: Area, from: number, end: number): void {
  const { u8 } = core.state;
  if (area.host >= 0) u8.set(image.subarray(from, end), area.host + from);
  else byPage(area, from, end, (f, e) => storePart(core, area.linear + f, f, e));
}
function storePart(core: Core, linear: number, from: number, end: number): void {
  const { mmu, state } = core;
  const user = state.get(CPL) === 3;
  const host = hostOf(core, linear, end - from, true, user);
  if (host >= 0) state.u8.set(image.subarray(from, end), host);
  else
    for (let n = 0; n < end - from; n += 4)
      mmu.writeU32(linear + n, view.getUint32(from + n, true), user);
}
/** Reads memory into the image. */
function load(core: Core, area: Area, from: number, end: number): void {
  const { u8 } = core.state;
  const { host } = area;
  if (host >= 0) image.set(u8.subarray(host + from, host + end), from);
  else byPage(area, from, end, (f, e) => loadPart(core, area.linear + f, f, e));
}
function loadPart(core: Core, linear: number, from: number, end: number): void {
  const { mmu, state } = core;
  const user = state.get(CPL) === 3;
  const host = hostOf(core, linear, end - from, false, user);
  if (host >= 0) image.set(state.u8.subarray(host, host + end - from), from);
  else
    for (let n = 0; n < end - from; n += 4)
      view.setUint32(from + n, mmu.readU32(linear + n, user), true);
}
const linearOf = (low: number, high: number): number => high * TWO32 + (low >>> 0);
/** FXSAVE and FXRSTOR report the last byte's fault first, as AMD's CPUs do. */
const LEGACY_PROBED = [LEGACY_BYTES - 1, 0];
const SAVE_PROBED = [0, LEGACY_BYTES + HEADER_BYTES - 1];
const RESTORE_PROBED = [0];

const fxsave: Routine = (core, low, high, wide) => {
  const { state } = core;
  const area = open(core, linearOf(low, high), LEGACY_BYTES, true, LEGACY_PROBED);
  buildX87(state, wide !== 0);
  buildMxcsr(state);
  buildXmm(core);
  store(core, area, 0, xmmEnd(core));
  return 0;
};
const fxrstor: Routine = (core, low, high, wide) => {
  const { state } = core;
  const area = open(core, linearOf(low, high), LEGACY_BYTES, false, LEGACY_PROBED);
  load(core, area, 0, LEGACY_BYTES);
  checkMxcsr(state);
  takeX87(state, wide !== 0);
  state.set(MXCSR, view.getInt32(AT_MXCSR, true));
  takeXmm(core);
  return 0;
};

/** Components that differ from their initial configuration (SDM vol. 1 §13.6). */
function inUse(core: Core): number {
  const { state } = core;
  let x87 = state.get(FPU_CONTROL) ^ 0x37f;
  x87 |= state.get(FPU_STATUS) | (state.get(FPU_TAG) ^ 0xffff) | state.get(FPU_OPCODE);
  x87 |= state.get(FPU_IP) | state.get(FPU_IP + 4) | state.get(FPU_DP) | state.get(FPU_DP + 4);
  x87 |= state.get(FPU_CS) | state.get(FPU_DS);
  const isX87 = x87 !== 0 || isAnySet(state, FPU_REGISTERS, 128);
  return (isX87 ? X87 : 0) | (isAnySet(state, XMM, xmmEnd(core) - AT_XMM) ? SSE : 0);
}
function isAnySet({ base, i32 }: VcpuState, at: number, bytes: number): boolean {
  const end = (base + at + bytes) >>> 2;
  for (let w = (base + at) >>> 2; w < end; w++) if (i32[w] !== 0) return true;
  return false;
}

/** XSAVE, and XSAVEOPT with `optimise`: components in their initial configuration are not written then. */
function save(
  core: Core,
  low: number,
  high: number,
  wide: number,
  mask: number,
  optimise: boolean,
): number {
  const { state } = core;
  const area = open(core, linearOf(low, high), LEGACY_BYTES + HEADER_BYTES, true, SAVE_PROBED);
  const requested = mask & state.get(XCR0);
  const used = inUse(core);
  const written = optimise ? requested & used : requested;
  load(core, area, LEGACY_BYTES, LEGACY_BYTES + 8);
  if ((written & X87) !== 0) {
    buildX87(state, wide !== 0);
    store(core, area, 0, AT_MXCSR);
    store(core, area, AT_ST, AT_XMM);
  }
  if ((requested & SSE) !== 0) {
    buildMxcsr(state);
    store(core, area, AT_MXCSR, AT_ST);
  }
  if ((written & SSE) !== 0) {
    buildXmm(core);
    store(core, area, AT_XMM, xmmEnd(core));
  }
  const old = view.getInt32(LEGACY_BYTES, true);
  view.setInt32(LEGACY_BYTES, (old & ~requested) | (requested & used), true);
  store(core, area, LEGACY_BYTES, LEGACY_BYTES + 8);
  return 0;
}
const xsave: Routine = (core, low, high, wide, mask) => save(core, low, high, wide, mask, false);
const xsaveopt: Routine = (core, low, high, wide, mask) => save(core, low, high, wide, mask, true);

/** The standard form; a component that the header says is not there gets its initial configuration. */
const xrstor: Routine = (core, low, high, wide, mask) => {
  const { state } = core;
  const area = open(core, linearOf(low, high), LEGACY_BYTES + HEADER_BYTES, false, RESTORE_PROBED);
  const enabled = state.get(XCR0);
  const requested = mask & enabled;
  load(core, area, LEGACY_BYTES, LEGACY_BYTES + HEADER_BYTES);
  const present = view.getInt32(LEGACY_BYTES, true);
  let bad = (present & ~enabled) | view.getInt32(LEGACY_BYTES + 4, true);
  for (let at = 8; at < 24; at += 4) bad |= view.getInt32(LEGACY_BYTES + at, true);
  if (bad !== 0) raise(state, GP, 0);
  load(core, area, 0, LEGACY_BYTES);
  if ((requested & SSE) !== 0) checkMxcsr(state);
  if ((requested & X87) !== 0) {
    if ((present & X87) !== 0) takeX87(state, wide !== 0);
    else {
      initialize(state);
      for (let i = 0; i < 128; i += 4) state.set(FPU_REGISTERS + i, 0);
    }
  }
  if ((requested & SSE) !== 0) {
    state.set(MXCSR, view.getInt32(AT_MXCSR, true));
    if ((present & SSE) === 0) image.fill(0, AT_XMM, xmmEnd(core));
    takeXmm(core);
  }
  return 0;
};

export const fxsaveRoutines = {
  fxsave,
  fxrstor,
  xsave,
  xsaveopt,
  xrstor,
} as const satisfies Record<string, Routine>;
