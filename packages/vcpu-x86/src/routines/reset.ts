// The state after RESET and INIT (SDM vol. 3A §9.1, table 9-1), and the start of an application processor.
import type { Core } from '../core.js';
import {
  BLOCK_RIP,
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CR8,
  CS,
  DR0,
  DR6,
  DR7,
  DS,
  EFER,
  ES,
  FAULT_ERROR,
  FAULT_VECTOR,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPT_SHADOW,
  LDTR,
  MSR_CSTAR,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_MISC_ENABLE,
  MSR_PAT,
  MSR_SFMASK,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_ADJUST,
  MSR_TSC_AUX,
  MXCSR,
  PENDING,
  SS,
  TR,
  XCR0,
  XMM,
  ZERO,
} from '../state/layout.js';
import { REAL_MODE_ATTRIBUTES, setSegment } from '../state/segments.js';
import {
  MSR_BIOS_SIGN_ID,
  MSR_MCG_STATUS,
  MSR_SPEC_CTRL,
  MTRR_DEF_TYPE,
  MTRR_FIXED,
  MTRR_FIXED_COUNT,
  MTRR_VARIABLE,
  MTRR_VARIABLE_COUNT,
  PDPTES,
} from '../state/system-layout.js';
import { identityOf } from './cpu-models.js';
import { DR6_FIXED, DR7_FIXED, updateDataWatch } from './debug-registers.js';

const CR0_RESET = 0x60000010;
const CR0_CACHE_BITS = 0x60000000;

const zero = (core: Core, from: number, count: number): void => {
  for (let i = 0; i < count; i++) core.state.setHalves(from + i * 8, 0, 0);
};

/** Model-specific registers and the floating-point state: what INIT keeps. */
function resetKept(core: Core): void {
  const { state } = core;
  for (const at of [
    EFER,
    MSR_STAR,
    MSR_LSTAR,
    MSR_CSTAR,
    MSR_SFMASK,
    MSR_KERNEL_GS_BASE,
    MSR_SYSENTER_CS,
    MSR_SYSENTER_ESP,
    MSR_SYSENTER_EIP,
    MSR_TSC_AUX,
    MSR_TSC_ADJUST,
    MSR_BIOS_SIGN_ID,
    MSR_MCG_STATUS,
    MSR_SPEC_CTRL,
    MTRR_DEF_TYPE,
  ])
    state.setHalves(at, 0, 0);
  state.setHalves(MSR_PAT, 0x00070406, 0x00070406);
  // Fast strings; no branch trace store, no precise event sampling.
  state.setHalves(MSR_MISC_ENABLE, 0x1801, 0);
  zero(core, MTRR_FIXED, MTRR_FIXED_COUNT);
  zero(core, MTRR_VARIABLE, MTRR_VARIABLE_COUNT * 2);
  state.setHalves(XCR0, 1, 0);
  state.set(FPU_CONTROL, 0x40);
  state.set(FPU_TAG, 0x5555);
  for (const at of [FPU_STATUS, FPU_OPCODE, FPU_CS, FPU_DS]) state.set(at, 0);
  state.setHalves(FPU_IP, 0, 0);
  state.setHalves(FPU_DP, 0, 0);
  zero(core, FPU_REGISTERS, 16);
  zero(core, XMM, 32);
  state.set(MXCSR, 0x1f80);
}

/** Brings a CPU to its state after power-on or RESET, or after INIT (which keeps floating point, MSRs, MTRRs and caches). */
export function resetCpu(core: Core, kind: 'reset' | 'init' = 'reset'): void {
  const { state } = core;
  const cache = state.get(CR0) & CR0_CACHE_BITS;
  zero(core, GPR, 17);
  state.setGpr32(2, identityOf(core.model).signature);
  state.setHalves(ZERO, 0, 0);
  state.rflags = 2;
  for (const segment of [ES, SS, DS, FS, GS])
    setSegment(state, segment, 0, 0, 0xffff, REAL_MODE_ATTRIBUTES);
  setSegment(state, CS, 0xf000, 0xffff0000, 0xffff, REAL_MODE_ATTRIBUTES);
  setSegment(state, LDTR, 0, 0, 0xffff, 0x8200);
  setSegment(state, TR, 0, 0, 0xffff, 0x8b00);
  state.rip = 0xfff0;
  state.set64(BLOCK_RIP, 0xfff0);
  state.set(CPL, 0);
  for (const [base, limit] of [
    [GDTR_BASE, GDTR_LIMIT],
    [IDTR_BASE, IDTR_LIMIT],
  ]) {
    state.setHalves(base, 0, 0);
    state.set(limit, 0xffff);
  }
  state.setHalves(CR0, kind === 'reset' ? CR0_RESET : 0x10 | cache, 0);
  for (const at of [CR2, CR3, CR4, CR8]) state.setHalves(at, 0, 0);
  if (kind === 'reset') resetKept(core);
  else state.setHalves(EFER, 0, 0);
  zero(core, DR0, 4);
  state.setHalves(DR6, DR6_FIXED, 0);
  state.setHalves(DR7, DR7_FIXED, 0);
  zero(core, PDPTES, 4);
  for (const at of [PENDING, INTERRUPT_SHADOW, FAULT_VECTOR, FAULT_ERROR]) state.set(at, 0);
  core.nmiBlocked = false;
  core.dataBreakpoints = 0;
  core.platform.writeTaskPriority(0);
  core.flushTlb(false);
  updateDataWatch(core);
}
