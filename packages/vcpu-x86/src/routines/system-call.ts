// SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2B, vol. 3A §5.8.7, §5.8.8): flat segments without descriptors. Intel's variant of
// SYSCALL: 64-bit mode only.
// @hot
import {
  type Core,
  EFER_SCE,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  type Routine,
  SYSRET_FLAGS,
} from '../core.js';
import { GP, raise, UD } from '../fault.js';
import {
  CPL,
  CS,
  EFER,
  FLAGS_OTHER,
  GPR,
  MSR_LSTAR,
  MSR_SFMASK,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  RIP,
  SS,
} from '../state/layout.js';
import {
  ATTRIBUTE_USER,
  FLAT_CODE32,
  FLAT_CODE64,
  FLAT_DATA,
  setFlatSegment,
} from '../state/segments.js';

const RCX = GPR + 8;
const RDX = GPR + 16;
const RSP = GPR + 32;
const R11 = GPR + 88;
const CANONICAL = 2 ** 47;

const isCanonical = (v: number): boolean => v >= -CANONICAL && v < CANONICAL;

/** SYSCALL as the architecture has it; 0, or -1 with #UD recorded. */
export function systemCall(core: Core): number {
  const { state } = core;
  if (!core.mode64 || (state.get(EFER) & EFER_SCE) === 0) return state.fault(UD, -1);
  const flags = state.rflags;
  state.setHalves(RCX, state.get(RIP), state.get(RIP + 4));
  state.setHalves(R11, flags & ~FLAG_RF, 0);
  state.rflags = flags & ~(state.get(MSR_SFMASK) | FLAG_RF);
  if ((state.get(MSR_SFMASK) & FLAG_TF) !== 0) core.noStepTrap = true;
  state.set64(RIP, state.get64(MSR_LSTAR));
  const selector = state.getU(MSR_STAR + 4) & 0xfffc;
  state.set(CPL, 0);
  setFlatSegment(state, CS, selector, FLAT_CODE64);
  setFlatSegment(state, SS, selector + 8, FLAT_DATA);
  core.updateMode();
  return 0;
}

/** SYSRET with an operand size of `bits`: 64 returns to 64-bit code. */
const systemReturn: Routine = (core, bits) => {
  const { state } = core;
  if (!core.mode64 || (state.get(EFER) & EFER_SCE) === 0) raise(state, UD);
  if (state.cpl !== 0) raise(state, GP, 0);
  if (bits === 64) {
    if (!isCanonical(state.get64(RCX))) raise(state, GP, 0);
    state.setHalves(RIP, state.get(RCX), state.get(RCX + 4));
  } else state.setHalves(RIP, state.get(RCX), 0);
  state.rflags = (state.get(R11) & SYSRET_FLAGS) | 2;
  const base = state.getU(MSR_STAR + 4) >>> 16;
  state.set(CPL, 3);
  const code = ((bits === 64 ? base + 16 : base) | 3) & 0xffff;
  setFlatSegment(state, CS, code, (bits === 64 ? FLAT_CODE64 : FLAT_CODE32) | ATTRIBUTE_USER);
  setFlatSegment(state, SS, ((base + 8) | 3) & 0xffff, FLAT_DATA | ATTRIBUTE_USER);
  core.updateMode();
  core.noticeInterrupt();
  return 0;
};

/** SYSENTER as the architecture has it; 0, or -1 with #GP recorded. */
export function systemEnter(core: Core): number {
  const { state } = core;
  const selector = state.get(MSR_SYSENTER_CS) & 0xfffc;
  if (selector === 0) return state.fault(GP, 0);
  const long = core.longMode;
  state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~(FLAG_VM | FLAG_IF | FLAG_RF));
  state.set(CPL, 0);
  setFlatSegment(state, CS, selector, long ? FLAT_CODE64 : FLAT_CODE32);
  setFlatSegment(state, SS, selector + 8, FLAT_DATA);
  state.setHalves(RSP, state.get(MSR_SYSENTER_ESP), long ? state.get(MSR_SYSENTER_ESP + 4) : 0);
  state.setHalves(RIP, state.get(MSR_SYSENTER_EIP), long ? state.get(MSR_SYSENTER_EIP + 4) : 0);
  core.updateMode();
  return 0;
}

const systemExit: Routine = (core, bits) => {
  const { state } = core;
  const selector = state.get(MSR_SYSENTER_CS) & 0xffff;
  if ((selector & 0xfffc) === 0 || state.cpl !== 0) raise(state, GP, 0);
  if (bits === 64) {
    if (!isCanonical(state.get64(RCX)) || !isCanonical(state.get64(RDX))) raise(state, GP, 0);
    state.setHalves(RSP, state.get(RCX), state.get(RCX + 4));
    state.setHalves(RIP, state.get(RDX), state.get(RDX + 4));
    setFlatSegment(state, CS, ((selector + 32) | 3) & 0xffff, FLAT_CODE64 | ATTRIBUTE_USER);
    setFlatSegment(state, SS, ((selector + 40) | 3) & 0xffff, FLAT_DATA | ATTRIBUTE_USER);
  } else {
    state.setHalves(RSP, state.get(RCX), 0);
    state.setHalves(RIP, state.get(RDX), 0);
    setFlatSegment(state, CS, ((selector + 16) | 3) & 0xffff, FLAT_CODE32 | ATTRIBUTE_USER);
    setFlatSegment(state, SS, ((selector + 24) | 3) & 0xffff, FLAT_DATA | ATTRIBUTE_USER);
  }
  state.set(CPL, 3);
  core.updateMode();
  core.noticeInterrupt();
  return 0;
};

export const systemCallRoutines = {
  systemCall: (core) => core.traps.systemCall(),
  systemReturn,
  systemEnter: (core) => core.traps.systemEnter(),
  hypervisorCall: (core) => core.traps.hypervisorCall(),
  systemExit,
} as const satisfies Record<string, Routine>;
