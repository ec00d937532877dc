// REP MOVS and REP STOS in bulk: as many whole elements as the TLB's pages allow, moved with the host's own block operations.
// 0 is always a right answer; the semantics' loop then does one element the exact way. Forward direction only.
// @hot

import type { Core, Routine } from '../core.js';
import { pageOffset } from '../mmu/page-walk.js';
import { BUDGET, ES, FLAGS_OTHER, GPR } from '../state/layout.js';
import { cachedHost } from './system-memory.js';

const RCX = 1;
const RSI = 6;
const RDI = 7;
const DF = 0x400;
/** A call moves about as much as this, at most: the slice may be over. */
const BULK_BYTES = 65536;

/** An index register at the address size, as a non-negative double (or a canonical signed one). */
function register(core: Core, number: number, addressBits: number): number {
  const { state } = core;
  return addressBits === 64
    ? state.gpr64(number)
    : addressBits === 32
      ? state.gpr32(number)
      : state.getU16(GPR + number * 8);
}
function setRegister(core: Core, number: number, addressBits: number, value: number): void {
  const { state } = core;
  if (addressBits === 64) state.setGpr64(number, value);
  else if (addressBits === 32) state.setGpr32(number, value);
  else state.setU16(GPR + number * 8, value);
}
/** RCX less `n`, which is at most 32 bits; of 64 bits it need not be exact as a double. */
function countDown(core: Core, addressBits: number, count: number, n: number): void {
  if (addressBits !== 64) return setRegister(core, RCX, addressBits, count - n);
  const { state } = core;
  const at = GPR + RCX * 8;
  const low = state.getU(at);
  state.set(at, (low - n) | 0);
  if (low < n) state.set(at + 4, state.get(at + 4) - 1);
}
const pageRest = (linear: number): number => 4096 - pageOffset(linear);

/** Linear address of [effective, effective + bytes) in a segment, or NaN when its limit needs the exact way. */
function linearOf(
  core: Core,
  segment: number,
  effective: number,
  bytes: number,
  addressBits: number,
): number {
  const { state } = core;
  if (core.mode64) return segment >= 4 ? state.segmentBase(segment) + effective : effective;
  const top = addressBits === 16 ? 0x10000 : 0x100000000;
  if (effective + bytes > top || effective + bytes - 1 > state.segmentLimit(segment))
    return Number.NaN;
  // Expand-down, unwritable or null segments: leave it to the checks of the single element.
  if ((state.segmentAttributes(segment) & 0x9e00) !== 0x9200) return Number.NaN;
  return core.mmu.wrap(state.segmentBase(segment) + effective);
}

/** Machine address for a step inside one page: as the TLB knows it, else by a walk (`mayWalk`); -1: another way. */
function hostOf(
  core: Core,
  linear: number,
  write: boolean,
  user: boolean,
  mayWalk: boolean,
): number {
  const host = cachedHost(core, linear, 1, write, user);
  return host >= 0 || !mayWalk ? host : core.mmu.bulkHost(linear, write, user);
}

/** A bulk step costs the slice one instruction per 16 bytes, so that huge counts end slices too. */
function charge(core: Core, bytes: number): void {
  core.state.set(BUDGET, core.state.get(BUDGET) - (bytes >> 4));
}

/** Bytes of [effective, effective + bytes) to begin with: all of them if the segment's limit allows that, else those of the first page. */
function reachable(
  core: Core,
  segment: number,
  effective: number,
  bytes: number,
  addressBits: number,
): number {
  if (!Number.isNaN(linearOf(core, segment, effective, bytes, addressBits))) return bytes;
  const linear = linearOf(core, segment, effective, 1, addressBits);
  const first = Number.isNaN(linear) ? 0 : Math.min(bytes, pageRest(linear));
  return Number.isNaN(linearOf(core, segment, effective, first, addressBits)) ? 0 : first;
}

/** Moves elements from linear address `from` to `to`, within one page of either side; how many. */
function moveInPages(
  core: Core,
  size: number,
  from: number,
  to: number,
  count: number,
  user: boolean,
  isFirst: boolean,
): number {
  const rest = Math.min(pageRest(from), pageRest(to));
  let bytes = count * size;
  if (bytes > rest) bytes = rest - (rest % size);
  if (bytes === 0) return 0;
  // A fault is the first step's: nothing was moved yet.
  const hostFrom = hostOf(core, from, false, user, isFirst);
  const hostTo = hostFrom < 0 ? -1 : hostOf(core, to, true, user, isFirst);
  if (hostTo < 0) return 0;
  // An overlap in which the target follows its source repeats what was just written, element by element.
  const distance = hostTo - hostFrom;
  if (distance > 0 && distance < bytes) {
    if (distance < size) return 0;
    bytes = distance - (distance % size);
  }
  core.state.moveBytes(hostTo, hostFrom, bytes);
  return bytes / size;
}

/** Elements of `size` bytes that can go at once, a page after the other. */
const bulkMove: Routine = (core, size, addressBits, segment) => {
  if ((core.state.get(FLAGS_OTHER) & DF) !== 0) return 0;
  const count = register(core, RCX, addressBits);
  const source = register(core, RSI, addressBits);
  const target = register(core, RDI, addressBits);
  if (count < 1) return 0;
  let bytes = Math.min(count * size, BULK_BYTES);
  bytes = reachable(core, segment, source, bytes, addressBits);
  if (bytes !== 0) bytes = reachable(core, ES, target, bytes, addressBits);
  const limit = Math.floor(bytes / size);
  if (limit === 0) return 0;
  const from = linearOf(core, segment, source, size, addressBits);
  const to = linearOf(core, ES, target, size, addressBits);
  const user = core.cpl === 3;
  const { mmu } = core;
  let moved = 0;
  while (moved < limit) {
    const done = moved * size;
    const n = moveInPages(
      core,
      size,
      mmu.wrap(from + done),
      mmu.wrap(to + done),
      limit - moved,
      user,
      moved === 0,
    );
    if (n === 0) break;
    moved += n;
  }
  if (moved === 0) return 0;
  setRegister(core, RSI, addressBits, source + moved * size);
  setRegister(core, RDI, addressBits, target + moved * size);
  countDown(core, addressBits, count, moved);
  charge(core, moved * size);
  return moved;
};

/** Fills with elements of `size` bytes, the low bytes of rAX. */
function fill(core: Core, host: number, size: number, n: number): void {
  const { state } = core;
  const { u8 } = state;
  const value = state.base + GPR;
  if (size === 1) u8.fill(u8[value], host, host + n);
  else if (size === 2 && (host & 1) === 0)
    state.u16.fill(state.u16[value >> 1], host >>> 1, (host >>> 1) + n);
  else if (size === 4 && (host & 3) === 0)
    state.u32.fill(state.u32[value >> 2], host >>> 2, (host >>> 2) + n);
  else {
    for (let i = 0; i < size; i++) u8[host + i] = u8[value + i];
    // Doubling copies: what is written so far is the pattern.
    for (let done = size; done < n * size; ) {
      const step = Math.min(done, n * size - done);
      u8.copyWithin(host + done, host, host + step);
      done += step;
    }
  }
}

const bulkStore: Routine = (core, size, addressBits) => {
  if ((core.state.get(FLAGS_OTHER) & DF) !== 0) return 0;
  const count = register(core, RCX, addressBits);
  const target = register(core, RDI, addressBits);
  const user = core.cpl === 3;
  let stored = 0;
  while (stored < count && stored * size < BULK_BYTES) {
    const at = target + stored * size;
    const to = linearOf(core, ES, at, size, addressBits);
    if (Number.isNaN(to)) break;
    const n = Math.min(count - stored, Math.floor(pageRest(to) / size));
    if (n < 1 || Number.isNaN(linearOf(core, ES, at, n * size, addressBits))) break;
    const host = hostOf(core, to, true, user, stored === 0);
    if (host < 0) break;
    fill(core, host, size, n);
    stored += n;
  }
  if (stored === 0) return 0;
  setRegister(core, RDI, addressBits, target + stored * size);
  countDown(core, addressBits, count, stored);
  charge(core, stored * size);
  return stored;
};

export const bulkRoutines = { bulkMove, bulkStore } as const satisfies Record<string, Routine>;
