// Model-specific registers (SDM vol. 4): RDMSR and WRMSR. Unknown ones are #GP(0), as on hardware. The local APIC's belong to the platform.
import {
  type Core,
  CR0_PG,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  type Routine,
} from '../core.js';
import { GP, raise, UD } from '../fault.js';
import { PHYSICAL_BITS } from '../mmu/page-walk.js';
import {
  CR0,
  EFER,
  FS,
  GPR,
  GS,
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
  SCRATCH,
  SEGMENT_BASE,
  SEGMENT_STRIDE,
  SEGMENTS,
} from '../state/layout.js';
import {
  MSR_BIOS_SIGN_ID,
  MSR_MCG_STATUS,
  MSR_SPEC_CTRL,
  MTRR_DEF_TYPE,
  MTRR_FIXED,
  MTRR_VARIABLE,
  MTRR_VARIABLE_COUNT,
} from '../state/system-layout.js';
import { setTsc, tscToScratch } from './time-stamp.js';

const IA32_TIME_STAMP_COUNTER = 0x10;
const IA32_PLATFORM_ID = 0x17;
const IA32_APIC_BASE = 0x1b;
const IA32_FEATURE_CONTROL = 0x3a;
const IA32_TSC_ADJUST = 0x3b;
const IA32_SPEC_CTRL = 0x48;
const IA32_PRED_CMD = 0x49;
const IA32_BIOS_UPDT_TRIG = 0x79;
const IA32_BIOS_SIGN_ID = 0x8b;
const IA32_MTRRCAP = 0xfe;
const IA32_ARCH_CAPABILITIES = 0x10a;
const IA32_SYSENTER_CS = 0x174;
const IA32_MCG_CAP = 0x179;
const IA32_MCG_STATUS = 0x17a;
const IA32_MISC_ENABLE = 0x1a0;
const IA32_DEBUGCTL = 0x1d9;
const IA32_MTRR_PHYSBASE0 = 0x200;
const IA32_PAT = 0x277;
const IA32_MTRR_DEF_TYPE = 0x2ff;
const IA32_TSC_DEADLINE = 0x6e0;
/** Where hypervisors have their registers. */
const HYPERVISOR_MSRS = 0x40000000;
const IA32_EFER = 0xc0000080;
const IA32_FS_BASE = 0xc0000100;

/** MTRRs: 8 variable ranges, fixed ranges, write combining. */
const MTRR_CAPABILITY = 0x500 | MTRR_VARIABLE_COUNT;
const mtrrFixed = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
/**
 * What speculation cannot leak here, because there is none: RDCL_NO, IBRS_ALL, SKIP_L1DFL, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO,
 * TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO; high half: ITS_NO.
 */
const ARCH_CAPABILITIES_LOW = 0x0d10e17b;
const ARCH_CAPABILITIES_HIGH = 0x40000000;
const MICROCODE_REVISION = 1;
const HIGH_RESERVED = ~((1 << (PHYSICAL_BITS - 32)) - 1);

const outValue = new Uint32Array(2);

/** State-page slots of plain 64-bit registers; `canonical` ones refuse addresses that are not. */
interface Slot {
  readonly at: number;
  readonly canonical: boolean;
  readonly feature: string;
  /** Bits of the high half that may be set. */
  readonly high: number;
}
const slot = (at: number, feature: string, canonical = false, high = -1): Slot => ({
  at,
  feature,
  canonical,
  high,
});
const slots = new Map<number, Slot>([
  [IA32_SYSENTER_CS, slot(MSR_SYSENTER_CS, 'sep')],
  [IA32_SYSENTER_CS + 1, slot(MSR_SYSENTER_ESP, 'sep', true)],
  [IA32_SYSENTER_CS + 2, slot(MSR_SYSENTER_EIP, 'sep', true)],
  [IA32_TSC_ADJUST, slot(MSR_TSC_ADJUST, 'tsc')],
  [IA32_SPEC_CTRL, slot(MSR_SPEC_CTRL, 'specCtrl', false, 0)],
  [IA32_MISC_ENABLE, slot(MSR_MISC_ENABLE, '')],
  [IA32_MCG_STATUS, slot(MSR_MCG_STATUS, 'mce')],
  [0xc0000081, slot(MSR_STAR, 'syscall')],
  [0xc0000082, slot(MSR_LSTAR, 'syscall', true)],
  [0xc0000083, slot(MSR_CSTAR, 'syscall', true)],
  [0xc0000084, slot(MSR_SFMASK, 'syscall')],
  [IA32_FS_BASE, slot(SEGMENTS + FS * SEGMENT_STRIDE + SEGMENT_BASE, 'lm', true)],
  [IA32_FS_BASE + 1, slot(SEGMENTS + GS * SEGMENT_STRIDE + SEGMENT_BASE, 'lm', true)],
  [IA32_FS_BASE + 2, slot(MSR_KERNEL_GS_BASE, 'lm', true)],
  [IA32_FS_BASE + 3, slot(MSR_TSC_AUX, 'rdtscp', false, 0)],
]);

const isOn = (core: Core, feature: string): boolean =>
  feature === '' || core.model.features.has(feature);
/** Addresses are canonical when bits 63–47 are equal. */
const isCanonical = (high: number): boolean => high >> 15 === high >> 31;

/** Slot of an MTRR, or -1. */
function mtrrSlot(index: number): number {
  if (index >= IA32_MTRR_PHYSBASE0 && index < IA32_MTRR_PHYSBASE0 + 2 * MTRR_VARIABLE_COUNT)
    return MTRR_VARIABLE + (index - IA32_MTRR_PHYSBASE0) * 8;
  const fixed = mtrrFixed.indexOf(index);
  if (fixed >= 0) return MTRR_FIXED + fixed * 8;
  return index === IA32_MTRR_DEF_TYPE ? MTRR_DEF_TYPE : -1;
}
const isMemoryType = (type: number): boolean =>
  type === 0 || type === 1 || (type >= 4 && type <= 6);
const areMemoryTypes = (half: number, alsoUncached: boolean): boolean => {
  for (let i = 0; i < 32; i += 8) {
    const type = (half >>> i) & 0xff;
    if (!isMemoryType(type) && !(alsoUncached && type === 7)) return false;
  }
  return true;
};

function isGoodMtrr(index: number, low: number, high: number): boolean {
  if (index === IA32_MTRR_DEF_TYPE)
    return high === 0 && (low & ~0xcff) === 0 && isMemoryType(low & 0xff);
  if (index >= 0x250) return areMemoryTypes(low, false) && areMemoryTypes(high, false);
  if ((high & HIGH_RESERVED) !== 0) return false;
  return (index & 1) === 0 ? (low & 0xf00) === 0 && isMemoryType(low & 0xff) : (low & 0x7ff) === 0;
}

/** Reads an MSR into SCRATCH; false: there is none. */
export function readMsrOf(core: Core, index: number): boolean {
  const { state } = core;
  const give = (low: number, high = 0): true => {
    state.setHalves(SCRATCH, low, high);
    return true;
  };
  const plain = slots.get(index);
  if (plain) return isOn(core, plain.feature) && give(state.get(plain.at), state.get(plain.at + 4));
  const mtrr = mtrrSlot(index);
  if (mtrr >= 0) return isOn(core, 'mtrr') && give(state.get(mtrr), state.get(mtrr + 4));
  switch (index) {
    case IA32_TIME_STAMP_COUNTER:
      tscToScratch(core);
      return true;
    case IA32_PLATFORM_ID:
    case IA32_DEBUGCTL:
      return give(0);
    case IA32_FEATURE_CONTROL:
      return give(1);
    case IA32_BIOS_SIGN_ID:
      return give(state.get(MSR_BIOS_SIGN_ID), state.get(MSR_BIOS_SIGN_ID + 4));
    case IA32_MTRRCAP:
      return isOn(core, 'mtrr') && give(MTRR_CAPABILITY);
    case IA32_ARCH_CAPABILITIES:
      return isOn(core, 'archCapabilities') && give(ARCH_CAPABILITIES_LOW, ARCH_CAPABILITIES_HIGH);
    case IA32_MCG_CAP:
      return isOn(core, 'mce') && give(0);
    case IA32_PAT:
      return isOn(core, 'pat') && give(state.get(MSR_PAT), state.get(MSR_PAT + 4));
    case IA32_EFER:
      return (
        (isOn(core, 'lm') || isOn(core, 'nx') || isOn(core, 'syscall')) && give(state.get(EFER))
      );
  }
  if (!isPlatform(index) || !core.platform.readMsr(index, outValue)) return false;
  return give(outValue[0] | 0, outValue[1] | 0);
}
const isPlatform = (index: number): boolean =>
  index === IA32_APIC_BASE ||
  index === IA32_TSC_DEADLINE ||
  (index >= 0x800 && index <= 0x8ff) ||
  (index >= HYPERVISOR_MSRS && index < HYPERVISOR_MSRS + 0x100);

function writeEfer(core: Core, low: number, high: number): boolean {
  const { state } = core;
  let allowed = 0;
  if (isOn(core, 'syscall')) allowed |= EFER_SCE;
  if (isOn(core, 'lm')) allowed |= EFER_LME | EFER_LMA;
  if (isOn(core, 'nx')) allowed |= EFER_NXE;
  if (allowed === 0 || high !== 0 || (low & ~allowed) !== 0) return false;
  const old = state.get(EFER);
  const changed = low ^ old;
  if ((changed & EFER_LME) !== 0 && (state.get(CR0) & CR0_PG) !== 0) return false;
  // LMA is the processor's.
  state.set(EFER, (low & ~EFER_LMA) | (old & EFER_LMA));
  if ((changed & EFER_NXE) !== 0) core.flushTlb(false);
  return true;
}

/** Writes an MSR; false: there is none, or not with that value. */
function write(core: Core, index: number, low: number, high: number): boolean {
  const { state } = core;
  const put = (at: number): true => {
    state.setHalves(at, low, high);
    return true;
  };
  const plain = slots.get(index);
  if (plain) {
    if (
      !isOn(core, plain.feature) ||
      (plain.canonical && !isCanonical(high)) ||
      (high & ~plain.high) !== 0
    )
      return false;
    return put(plain.at);
  }
  const mtrr = mtrrSlot(index);
  if (mtrr >= 0) return isOn(core, 'mtrr') && isGoodMtrr(index, low, high) && put(mtrr);
  switch (index) {
    case IA32_TIME_STAMP_COUNTER:
      setTsc(core, low, high);
      return true;
    case IA32_DEBUGCTL:
      return low === 0 && high === 0;
    case IA32_PRED_CMD:
      return isOn(core, 'specCtrl') && (low & ~1) === 0 && high === 0;
    case IA32_BIOS_UPDT_TRIG:
      return true;
    case IA32_BIOS_SIGN_ID:
      return put(MSR_BIOS_SIGN_ID);
    case IA32_PAT:
      return (
        isOn(core, 'pat') && areMemoryTypes(low, true) && areMemoryTypes(high, true) && put(MSR_PAT)
      );
    case IA32_EFER:
      return writeEfer(core, low, high);
  }
  return isPlatform(index) && core.platform.writeMsr(index, low >>> 0, high >>> 0);
}

/** RDMSR: the value of MSR eCX goes to SCRATCH. */
const readMsr: Routine = (core) => {
  const { state } = core;
  if (!isOn(core, 'msr')) raise(state, UD);
  if (!readMsrOf(core, state.getU(GPR + 8))) raise(state, GP, 0);
  return 0;
};
/** WRMSR, a transfer: EFER changes the mode. */
const writeMsr: Routine = (core) => {
  const { state } = core;
  if (!isOn(core, 'msr')) raise(state, UD);
  if (!write(core, state.getU(GPR + 8), state.get(GPR), state.get(GPR + 16))) raise(state, GP, 0);
  core.updateMode();
  core.noticeInterrupt();
  return 0;
};

/** What CPUID does to IA32_BIOS_SIGN_ID: the way software asks for the microcode revision. */
export function reportMicrocode(core: Core): void {
  core.state.setHalves(MSR_BIOS_SIGN_ID, 0, MICROCODE_REVISION);
}

export const msrRoutines = { readMsr, writeMsr } as const satisfies Record<string, Routine>;
