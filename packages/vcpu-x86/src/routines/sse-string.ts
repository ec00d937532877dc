// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 1 §12.11.2; vol. 2B §4.1). Arguments: offsets of both operands in the state
// page, immediate. Explicit lengths (rAX, rDX) come as int64 in SCRATCH + 16 and + 24; index or mask goes to SCRATCH.
// The result is the EFLAGS image.
// @hot
import type { Core, Routine } from '../core.js';
import { SCRATCH } from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';

const CF = 1;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;

const first = new Int32Array(16);
const second = new Int32Array(16);

function unpack(state: VcpuState, offset: number, imm: number, into: Int32Array): void {
  const isWord = (imm & 1) !== 0;
  const isSigned = (imm & 2) !== 0;
  for (let i = 0; i < (isWord ? 8 : 16); i++) {
    const v = isWord ? state.getU16(offset + i * 2) : state.getU8(offset + i);
    const top = isWord ? 16 : 24;
    into[i] = isSigned ? (v << top) >> top : v;
  }
}
const implicitLength = (elements: Int32Array, count: number): number => {
  let n = 0;
  while (n < count && elements[n] !== 0) n++;
  return n;
};
const explicitLength = (state: VcpuState, at: number, count: number): number =>
  Math.min(Math.abs(state.get64(at)), count);

/** One bit of IntRes1 for element `j` of the second operand; elements behind a string's end compare as the manual's table says. */
function matches(
  kind: number,
  j: number,
  count: number,
  length1: number,
  length2: number,
): boolean {
  const isValid = j < length2;
  switch (kind) {
    case 0:
      for (let i = 0; i < length1; i++) if (isValid && first[i] === second[j]) return true;
      return false;
    case 1:
      for (let i = 0; i + 1 < length1; i += 2)
        if (isValid && second[j] >= first[i] && second[j] <= first[i + 1]) return true;
      return false;
    case 2:
      return isValid && j < length1 ? first[j] === second[j] : isValid === j < length1;
    default:
      for (let i = 0; i < length1 && i + j < count; i++)
        if (i + j >= length2 || first[i] !== second[i + j]) return false;
      return true;
  }
}

function compare(
  core: Core,
  a: number,
  b: number,
  imm: number,
  explicit: boolean,
  mask: boolean,
): number {
  const { state } = core;
  const count = (imm & 1) !== 0 ? 8 : 16;
  unpack(state, a, imm, first);
  unpack(state, b, imm, second);
  const length1 = explicit
    ? explicitLength(state, SCRATCH + 16, count)
    : implicitLength(first, count);
  const length2 = explicit
    ? explicitLength(state, SCRATCH + 24, count)
    : implicitLength(second, count);
  let bits = 0;
  for (let j = 0; j < count; j++)
    if (matches((imm >> 2) & 3, j, count, length1, length2)) bits |= 1 << j;
  const all = (1 << count) - 1;
  if ((imm & 0x10) !== 0) bits ^= (imm & 0x20) !== 0 ? (1 << length2) - 1 : all;
  if (mask) writeMask(state, bits, imm, count);
  else state.set(SCRATCH, indexOf(bits, imm, count));
  return (
    (bits !== 0 ? CF : 0) |
    (length2 < count ? ZF : 0) |
    (length1 < count ? SF : 0) |
    ((bits & 1) !== 0 ? OF : 0)
  );
}
function indexOf(bits: number, imm: number, count: number): number {
  if (bits === 0) return count;
  return (imm & 0x40) !== 0 ? 31 - Math.clz32(bits) : 31 - Math.clz32(bits & -bits);
}
function writeMask(state: VcpuState, bits: number, imm: number, count: number): void {
  const isExpanded = (imm & 0x40) !== 0;
  const step = 16 / count;
  for (let i = 0; i < 16; i++) {
    const v = isExpanded ? -((bits >> Math.floor(i / step)) & 1) : i < 2 ? bits >> (i * 8) : 0;
    state.setU8(SCRATCH + i, v & 0xff);
  }
}

export const sseStringRoutines = {
  PCMPESTRI: (core, a, b, imm) => compare(core, a, b, imm, true, false),
  PCMPESTRM: (core, a, b, imm) => compare(core, a, b, imm, true, true),
  PCMPISTRI: (core, a, b, imm) => compare(core, a, b, imm, false, false),
  PCMPISTRM: (core, a, b, imm) => compare(core, a, b, imm, false, true),
} as const satisfies Record<string, Routine>;
