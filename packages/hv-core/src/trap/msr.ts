// RDMSR and WRMSR of a page-table guest's kernel: the few registers Xen lets such a guest have or pretends to; #GP for all others. The
// entry points of system calls are not among them: those are callbacks. SDM vol. 4; Xen's guest_rdmsr and its PV additions.
import { PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { hypercallPage } from '../hypercall/hypercall-page.js';
import { isCanonical } from './canonical.js';
import type { PvTraps } from './pv-traps.js';
import { CpuRegister, type TrapCpu } from './trap-cpu.js';

const TSC = 0x10;
const PLATFORM_ID = 0x17;
const APIC_BASE = 0x1b;
const SPEC_CTRL = 0x48;
const PRED_CMD = 0x49;
const UCODE_REV = 0x8b;
const MCG_CAP = 0x179;
const MCG_CTL = 0x17b;
const ARCH_CAPABILITIES = 0x10a;
const MISC_FEATURES_ENABLES = 0x140;
const PERF_CTL = 0x199;
const MISC_ENABLE = 0x1a0;
const MC0_CTL2 = 0x280;
const MC31_CTL2 = 0x29f;
const MC0_CTL = 0x400;
const MC31_MISC = 0x47f;
const HYPERCALL_PAGE = 0x4000_0000;
const EFER = 0xc000_0080;
const FS_BASE = 0xc000_0100;
const GS_BASE = 0xc000_0101;
const KERNEL_GS_BASE = 0xc000_0102;
const TSC_AUX = 0xc000_0103;
const HWCR = 0xc001_0015;
const NB_CFG = 0xc001_001f;

/** SCE, LME, LMA, NXE. */
const EFER_VALUE = 0xd01;
/** Without SCE, LME and LMA. */
const EFER_NARROW = 0x800;
/** What a guest sees of it: no counters, no MONITOR; no BTS, no PEBS, no xTPR messages. */
const MISC_ENABLE_HIDDEN = (1 << 7) | (1 << 18);
const MISC_ENABLE_SHOWN = (1 << 11) | (1 << 12) | (1 << 23);
const APIC_BASE_VALUE = 0xfee0_0800;
const APIC_BASE_BOOT_CPU = 0x100;
/** Two banks, threshold status, recovery. */
const MCG_CAP_VALUE = 0x0100_0802;
const GENUINE_INTEL_EBX = 0x756e_6547;
const AUTHENTIC_AMD_EBX = 0x6874_7541;
const RDTSCP = 1 << 27;
/** CPUID leaf 7 EDX: IBRS and IBPB; ARCH_CAPABILITIES. */
const SPECULATION = 1 << 26;
const CAPABILITIES = 1 << 29;
const VECTOR_GP = 13;

/** Registers that read as constants: index, low, high. */
const ofAll: readonly (readonly [number, number, number])[] = [
  [0xce, 0, 0], // PLATFORM_INFO: no CPUID faulting
  [MISC_FEATURES_ENABLES, 0, 0],
  [0x277, 0x0007_0406, 0x0000_0501], // PAT, as Xen sets it
  [0x345, 0, 0], // PERF_CAPABILITIES
  [HYPERCALL_PAGE, 0, 0],
  [NB_CFG, 0, 0],
];
const ofIntel: readonly (readonly [number, number, number])[] = [
  [0x3a, 1, 0], // FEATURE_CONTROL: locked
  [0x198, 0, 0], // PERF_STATUS
  [PERF_CTL, 0, 0],
  [0x19c, 0, 0], // THERM_STATUS
];
const ofAmd: readonly (readonly [number, number, number])[] = [
  [HWCR, 0, 0],
  [0xc001_0041, 0, 0], // FID_VID_CTL
  [0xc001_0042, 0, 0],
  ...Array.from({ length: 11 }, (_, i) => [0xc001_0061 + i, 0, 0] as const), // P-states
  [0xc001_1029, 2, 0], // DE_CFG: LFENCE serializes
];

const intelConstants = new Map([...ofAll, ...ofIntel].map((row) => [row[0], row]));
const amdConstants = new Map([...ofAll, ...ofAmd].map((row) => [row[0], row]));
const otherConstants = new Map(ofAll.map((row) => [row[0], row]));
/** Registers whose writes are lost. */
const ignoredOfIntel: ReadonlySet<number> = new Set([
  0xe7, // MPERF, APERF
  0xe8,
  0x19a, // THERM_CONTROL
  0x1b0, // ENERGY_PERF_BIAS
  PERF_CTL,
  MISC_ENABLE,
  NB_CFG,
]);
const ignoredOfAmd: ReadonlySet<number> = new Set([
  0xe7,
  0xe8,
  NB_CFG,
  ...ofAmd.map((row) => row[0]).filter((index) => index !== 0xc001_1029),
]);
const ignoredOfOthers: ReadonlySet<number> = new Set([NB_CFG]);

const scratch = new Uint32Array(4);

function vendorOf(cpu: TrapCpu): number {
  cpu.cpuid(0, 0, scratch);
  return scratch[1] as number;
}

function hasTimeStampAux(cpu: TrapCpu): boolean {
  cpu.cpuid(0x8000_0001, 0, scratch);
  return ((scratch[3] as number) & RDTSCP) !== 0;
}

function hasFeature7(cpu: TrapCpu, feature: number): boolean {
  cpu.cpuid(7, 0, scratch);
  return ((scratch[3] as number) & feature) !== 0;
}

/** Registers of the processor that guests see, as they are or nearly so. */
function readOwn(cpu: TrapCpu, index: number, vendor: number, out: Uint32Array): boolean {
  switch (index) {
    case UCODE_REV:
      return cpu.readMsr(index, out);
    case ARCH_CAPABILITIES:
      return hasFeature7(cpu, CAPABILITIES) && cpu.readMsr(index, out);
    case PLATFORM_ID:
      return vendor === GENUINE_INTEL_EBX && cpu.readMsr(index, out);
    case MISC_ENABLE:
      if (!cpu.readMsr(index, out)) return false;
      out[0] = (((out[0] as number) & ~MISC_ENABLE_HIDDEN) | MISC_ENABLE_SHOWN) >>> 0;
      return true;
    default:
      return false;
  }
}

function isMachineCheck(index: number): boolean {
  return (
    (index >= MCG_CAP && index <= MCG_CTL) ||
    (index >= MC0_CTL2 && index <= MC31_CTL2) ||
    (index >= MC0_CTL && index <= MC31_MISC)
  );
}

/** The base registers of segments, which the CPU has. */
function baseRegister(index: number): CpuRegister {
  return index === FS_BASE ? CpuRegister.fsBase : CpuRegister.gsBase;
}

function efer(traps: PvTraps): number {
  return traps.vcpu.domain.word === 64 ? EFER_VALUE : EFER_NARROW;
}

/** RDMSR: halves into `out`; false: #GP. */
export function readMsr(traps: PvTraps, cpu: TrapCpu, index: number, out: Uint32Array): boolean {
  const { pv, vcpu } = traps;
  out[0] = 0;
  out[1] = 0;
  switch (index) {
    case TSC:
      cpu.readTimeStamp(out);
      return true;
    case APIC_BASE:
      out[0] = (APIC_BASE_VALUE | (vcpu.id === 0 ? APIC_BASE_BOOT_CPU : 0)) >>> 0;
      return true;
    case EFER:
      out[0] = efer(traps);
      return true;
    case FS_BASE:
    case GS_BASE:
      out[0] = cpu.readLow(baseRegister(index));
      out[1] = cpu.readHigh(baseRegister(index));
      return true;
    case KERNEL_GS_BASE: // user mode's, since it is the kernel that asks
      out[0] = pv.inactiveGsLow;
      out[1] = pv.inactiveGsHigh;
      return true;
    case TSC_AUX:
      out[0] = pv.timeStampAux;
      return hasTimeStampAux(cpu);
    case SPEC_CTRL:
      out[0] = pv.speculationControl;
      return hasFeature7(cpu, SPECULATION);
  }
  if (isMachineCheck(index)) {
    if (index === MCG_CAP) out[0] = MCG_CAP_VALUE;
    else if (index >= MC0_CTL && index % 4 === 0) out.fill(0xffff_ffff, 0, 2);
    return true;
  }
  const vendor = vendorOf(cpu);
  let constants = otherConstants;
  if (vendor === GENUINE_INTEL_EBX) constants = intelConstants;
  else if (vendor === AUTHENTIC_AMD_EBX) constants = amdConstants;
  const row = constants.get(index);
  if (row) {
    out[0] = row[1];
    out[1] = row[2];
    return true;
  }
  if (readOwn(cpu, index, vendor, out)) return true;
  // A kernel too young to have a handler reads 0 of what exists, rather than crash.
  if (!pv.traps.at(VECTOR_GP).isNull(vcpu.domain.word) || !cpu.readMsr(index, out)) return false;
  out.fill(0, 0, 2);
  return true;
}

/** WRMSR; false: #GP, and nothing changed. */
export function writeMsr(
  traps: PvTraps,
  cpu: TrapCpu,
  index: number,
  low: number,
  high: number,
): boolean {
  const { pv } = traps;
  switch (index) {
    case FS_BASE:
    case GS_BASE:
      if (!isCanonical(high)) return false;
      cpu.write(baseRegister(index), low, high);
      return true;
    case KERNEL_GS_BASE:
      if (!isCanonical(high)) return false;
      pv.inactiveGsLow = low;
      pv.inactiveGsHigh = high;
      return true;
    case EFER:
      return low === efer(traps) && high === 0; // Linux writes back what it has read
    case TSC_AUX:
      if (high !== 0 || !hasTimeStampAux(cpu)) return false;
      pv.timeStampAux = low;
      cpu.setTimeStampAux(low);
      return true;
    case SPEC_CTRL:
      if ((low & ~3) !== 0 || high !== 0 || !hasFeature7(cpu, SPECULATION)) return false;
      pv.speculationControl = low;
      return true;
    case PRED_CMD:
      return (low & ~1) === 0 && high === 0 && hasFeature7(cpu, SPECULATION);
    case MISC_FEATURES_ENABLES:
      return low === 0 && high === 0;
    case HYPERCALL_PAGE:
      return writeHypercallPage(traps.vcpu.domain, low, high);
  }
  if (isMachineCheck(index)) {
    const isStored = index >= MC0_CTL && index % 4 !== 0;
    return !isStored || (low === 0 && high === 0);
  }
  const vendor = vendorOf(cpu);
  if (vendor === GENUINE_INTEL_EBX) {
    if (index === UCODE_REV) return low === 0 && high === 0;
    return ignoredOfIntel.has(index);
  }
  return (vendor === AUTHENTIC_AMD_EBX ? ignoredOfAmd : ignoredOfOthers).has(index);
}

/** The MSR that CPUID leaf 0x40000002 names: fills the frame whose address is written. */
function writeHypercallPage(domain: Domain, low: number, high: number): boolean {
  if (low % PAGE_SIZE !== 0) return false;
  const mfn = domain.findOwnFrame(high * 2 ** 20 + Math.floor(low / PAGE_SIZE));
  if (mfn === -1 || !domain.canBeWritable(mfn)) return false;
  const { memory } = domain.hypervisor;
  memory.frame(mfn).set(hypercallPage(domain.word === 64 ? 'syscall' : 'int82'));
  memory.onWrite?.(mfn);
  return true;
}
