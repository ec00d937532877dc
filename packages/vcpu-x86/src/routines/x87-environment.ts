// The x87 as a whole: availability, FNINIT, and the memory images of FNSTENV, FLDENV, FNSAVE and FRSTOR in their four formats
// (SDM vol. 1 §8.1.10, figures 8-9 to 8-12). The real-mode images hold linear pointers; they are loaded as offsets from selector 0.

import { type Core, CR0_NE, type Routine } from '../core.js';
import { CPU_FAULT, MF, NM, raise } from '../fault.js';
import { tagOf80 } from '../float/float80-compare.js';
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
  FPU_TRAP,
} from '../state/layout.js';
import type { VcpuState } from '../state/vcpu-state.js';
import {
  CONTROL_FIXED,
  CONTROL_WRITABLE,
  ENVIRONMENT_BYTES,
  ES_AND_BUSY,
  STATE_BYTES,
} from '../state/x87-bits.js';
import { registerAt } from './x87-stack.js';

/** All exceptions masked, 64 bits of precision, round to nearest. */
export const CONTROL_INITIAL = 0x37f;

const MASKS = 0x3f;
const EMPTY = 0xffff;
const TWO32 = 4294967296;

/** An unmasked exception is pending. With CR0.NE clear, FERR# is not connected: the instruction goes on. */
const x87Pending: Routine = (core) => {
  if ((core.cr0 & CR0_NE) !== 0) raise(core.state, MF);
  return 0;
};
/** The x87 is disabled, or an unmasked exception is pending. */
const x87Unavailable: Routine = (core) => {
  if ((core.state.get(FPU_TRAP) & 1) !== 0) raise(core.state, NM);
  return x87Pending(core);
};

/** Sets ES and B as status and control word say. */
export function summarise(state: VcpuState): void {
  const status = state.get(FPU_STATUS) & ~ES_AND_BUSY;
  const pending = (status & ~state.get(FPU_CONTROL) & MASKS) !== 0;
  state.set(FPU_STATUS, pending ? status | ES_AND_BUSY : status);
}

/** FNINIT. The registers keep their contents. */
export function initialize(state: VcpuState): void {
  state.set(FPU_CONTROL, CONTROL_INITIAL);
  state.set(FPU_STATUS, 0);
  state.set(FPU_TAG, EMPTY);
  state.set(FPU_OPCODE, 0);
  state.setHalves(FPU_IP, 0, 0);
  state.setHalves(FPU_DP, 0, 0);
  state.set(FPU_CS, 0);
  state.set(FPU_DS, 0);
}
const x87Initialize: Routine = ({ state }) => {
  initialize(state);
  return 0;
};

/** The tag word with the kinds of values: 0 valid, 1 zero, 2 special, 3 empty. */
export function tagWord(state: VcpuState): number {
  const tags = state.get(FPU_TAG);
  let word = 0;
  for (let i = 0; i < 8; i++) {
    const at = FPU_REGISTERS + i * 16;
    const empty = ((tags >> (i * 2)) & 3) === 3;
    const tag = empty ? 3 : tagOf80(state.getU16(at + 8), state.get(at + 4), state.get(at));
    word |= tag << (i * 2);
  }
  return word;
}

/** Seven words of an environment, by their order in memory. */
const image = new Int32Array(7);

function buildImage(core: Core, wide: boolean): void {
  const { state } = core;
  const filler = wide ? 0xffff0000 : 0;
  const ip = state.get(FPU_IP);
  const dp = state.get(FPU_DP);
  const cs = state.get(FPU_CS) & 0xffff;
  const ds = state.get(FPU_DS) & 0xffff;
  const opcode = state.get(FPU_OPCODE) & 0x7ff;
  image[0] = filler | state.get(FPU_CONTROL);
  image[1] = filler | state.get(FPU_STATUS);
  image[2] = filler | tagWord(state);
  if (core.protectedMode) {
    image[3] = ip;
    image[4] = wide ? cs | (opcode << 16) : cs;
    image[5] = dp;
    image[6] = filler | ds;
    return;
  }
  const linearIp = (cs << 4) + ip;
  const linearDp = (ds << 4) + dp;
  const above = wide ? 0x0ffff000 : 0xf000;
  image[3] = linearIp & 0xffff;
  image[4] = ((linearIp >>> 4) & above) | opcode;
  image[5] = linearDp & 0xffff;
  image[6] = (linearDp >>> 4) & above;
}
function takeImage(core: Core, wide: boolean): void {
  const { state } = core;
  state.set(FPU_CONTROL, (image[0] & CONTROL_WRITABLE) | CONTROL_FIXED);
  state.set(FPU_STATUS, image[1] & 0xffff);
  state.set(FPU_TAG, image[2] & 0xffff);
  summarise(state);
  if (core.protectedMode) {
    state.setHalves(FPU_IP, wide ? image[3] : image[3] & 0xffff, 0);
    state.set(FPU_CS, image[4] & 0xffff);
    if (wide) state.set(FPU_OPCODE, (image[4] >>> 16) & 0x7ff);
    state.setHalves(FPU_DP, wide ? image[5] : image[5] & 0xffff, 0);
    state.set(FPU_DS, image[6] & 0xffff);
    return;
  }
  const above = wide ? 0x0ffff000 : 0xf000;
  state.setHalves(FPU_IP, (image[3] & 0xffff) | ((image[4] & above) << 4), 0);
  state.set(FPU_OPCODE, image[4] & 0x7ff);
  state.setHalves(FPU_DP, (image[5] & 0xffff) | ((image[6] & above) << 4), 0);
  state.set(FPU_CS, 0);
  state.set(FPU_DS, 0);
}

/** All faults before any change; the first word's, then the last byte's, as AMD's CPUs report them. */
function probe(core: Core, linear: number, bytes: number, write: boolean, user: boolean): void {
  core.mmu.probe(linear, bytes % 4 === 0 ? 4 : 2, write, user);
  core.mmu.probe(linear + bytes - 1, 1, write, user);
}
function writeImage(core: Core, linear: number, wide: boolean, bytes: number): void {
  const { mmu, state } = core;
  const user = state.get(CPL) === 3;
  probe(core, linear, bytes, true, user);
  buildImage(core, wide);
  for (let i = 0; i < 7; i++) {
    if (wide) mmu.writeU32(linear + i * 4, image[i], user);
    else mmu.writeU16(linear + i * 2, image[i] & 0xffff, user);
  }
}
function readImage(core: Core, linear: number, wide: boolean, bytes: number): void {
  const { mmu, state } = core;
  const user = state.get(CPL) === 3;
  probe(core, linear, bytes, false, user);
  for (let i = 0; i < 7; i++)
    image[i] = wide ? mmu.readU32(linear + i * 4, user) : mmu.readU16(linear + i * 2, user);
}
const linearOf = (low: number, high: number): number => high * TWO32 + (low >>> 0);

/** FNSTENV masks all exceptions once the image is stored. */
const x87StoreEnvironment: Routine = (core, low, high, bits) => {
  const wide = bits !== 16;
  writeImage(core, linearOf(low, high), wide, ENVIRONMENT_BYTES[wide ? 32 : 16]);
  const { state } = core;
  state.set(FPU_CONTROL, state.get(FPU_CONTROL) | MASKS);
  summarise(state);
  return 0;
};
const x87LoadEnvironment: Routine = (core, low, high, bits) => {
  const wide = bits !== 16;
  readImage(core, linearOf(low, high), wide, ENVIRONMENT_BYTES[wide ? 32 : 16]);
  takeImage(core, wide);
  return 0;
};
const x87Save: Routine = (core, low, high, bits) => {
  const { mmu, state } = core;
  const size = bits === 16 ? 16 : 32;
  const linear = linearOf(low, high);
  const user = state.get(CPL) === 3;
  writeImage(core, linear, size === 32, STATE_BYTES[size]);
  for (let i = 0; i < 8; i++) {
    const at = registerAt(state, i);
    const to = linear + ENVIRONMENT_BYTES[size] + i * 10;
    // The image's registers are aligned to two bytes only: words, so that #AC does not come between.
    for (let n = 0; n < 10; n += 2) mmu.writeU16(to + n, state.getU16(at + n), user);
  }
  initialize(state);
  return 0;
};
const x87Restore: Routine = (core, low, high, bits) => {
  const { mmu, state } = core;
  const size = bits === 16 ? 16 : 32;
  const linear = linearOf(low, high);
  const user = state.get(CPL) === 3;
  readImage(core, linear, size === 32, STATE_BYTES[size]);
  takeImage(core, size === 32);
  for (let i = 0; i < 8; i++) {
    const at = registerAt(state, i);
    const from = linear + ENVIRONMENT_BYTES[size] + i * 10;
    for (let n = 0; n < 10; n += 2) state.setU16(at + n, mmu.readU16(from + n, user));
  }
  return 0;
};

const isPrefix = (byte: number, long: boolean): boolean =>
  (byte & 0xe7) === 0x26 ||
  (byte & 0xfc) === 0x64 ||
  byte === 0xf0 ||
  (byte & 0xfe) === 0xf2 ||
  (long && (byte & 0xf0) === 0x40);

/** After an unmasked exception: the low bits of the escape byte and the ModRM byte behind it, read from the code at FPU_IP. */
const x87RecordOpcode: Routine = (core) => {
  const { state, mmu } = core;
  const user = state.get(CPL) === 3;
  let at = core.codeLinear(state.get64(FPU_IP));
  try {
    let byte = mmu.readU8(at, user);
    while (isPrefix(byte, core.mode64)) byte = mmu.readU8(++at, user);
    state.set(FPU_OPCODE, ((byte & 7) << 8) | mmu.readU8(at + 1, user));
  } catch (e) {
    // The page went since the fetch: the instruction is done, so no fault may come of it.
    if (e !== CPU_FAULT) throw e;
    state.set(FPU_OPCODE, 0);
  }
  return 0;
};

export const x87EnvironmentRoutines = {
  x87Pending,
  x87Unavailable,
  x87Initialize,
  x87StoreEnvironment,
  x87LoadEnvironment,
  x87Save,
  x87Restore,
  x87RecordOpcode,
} as const satisfies Record<string, Routine>;
