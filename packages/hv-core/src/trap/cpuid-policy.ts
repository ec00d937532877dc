// CPUID as page-table guests see it: of the processor's features those that work at CPL 3 under the hypervisor, leaves up to 0xD and
// 0x80000008, the hypervisor bit, and Xen's own leaves from 0x40000000 on. Which features those are is Xen's list for PV guests
// (arch-x86/cpufeatureset.h, letters A). arch-x86/cpuid.h.
import {
  XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD,
  XEN_CPUID_FIRST_LEAF,
  XEN_CPUID_MAX_NUM_LEAVES,
  XEN_CPUID_SIGNATURE_EBX,
  XEN_CPUID_SIGNATURE_ECX,
  XEN_CPUID_SIGNATURE_EDX,
} from '@proxeny/abi';
import { XEN_MAJOR, XEN_MINOR } from '../hypercall/version.js';
import { pvclockScale } from '../time/pvclock.js';
import { CR4_DE, CR4_FSGSBASE, CR4_OSXSAVE, CR4_TSD } from './pv-state.js';
import type { PvTraps } from './pv-traps.js';
import type { TrapCpu } from './trap-cpu.js';

const MAX_BASIC = 0xd;
const MAX_EXTENDED = 0x8000_0008;

const bits = (...numbers: readonly number[]): number =>
  numbers.reduce((word, bit) => word | (1 << bit), 0) >>> 0;
const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** FPU DE TSC MSR PAE MCE CX8 APIC SEP MCA CMOV PAT CLFLUSH ACPI MMX FXSR SSE SSE2 SS HTT; not VME, PSE, MTRR, PGE, PSE36. */
const leaf1Edx = bits(0, 2, ...range(4, 9), 11, 14, 15, 16, 19, ...range(22, 28));
/** SSE3 PCLMUL SSSE3 FMA CX16 SSE4 MOVBE POPCNT AES XSAVE AVX F16C RDRAND; not VMX, PCID, x2APIC, TSC deadline. */
const leaf1Ecx = bits(0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 28, 29, 30);
const HYPERVISOR = bits(31);
const OSXSAVE = bits(27);
const XSAVE = bits(26);
const FSGSBASE = bits(0);
/** FSGSBASE BMI AVX2 BMI2 ERMS AVX-512 RDSEED ADX CLFLUSHOPT CLWB SHA; not SMEP, SMAP, INVPCID, TSC_ADJUST. */
const leaf7Ebx = bits(0, 3, 5, 8, 9, ...range(16, 19), 21, 23, 24, ...range(26, 31));
/** Without UMIP, PKU. */
const leaf7Ecx = bits(0, 1, 6, ...range(8, 12), 14, 22, 25);
const leaf7Edx = bits(2, 3, 4, 10, 14, 23, 26, 27, 29, 31);
const leaf7sub1Eax = bits(4, 5, 10, 11, 12);
const stateEax = bits(0, 1, 2);
const extendedEdx = bits(11, 20, 22, 25, 27, 29, 30, 31);
const RDTSCP = bits(27);
/** What AMD's processors repeat there of leaf 1. */
const commonEdx = bits(...range(0, 9), ...range(12, 17), 23, 24);
const extendedEcx = bits(0, 1, 5, 6, 7, 8, 11, 16, 21, 26);
const leaf80000008Ebx = bits(0, 2, 12, 26, 29, 30);

/** What a mask leaves of EAX, EBX, ECX, EDX. */
function mask(out: Uint32Array, eax: number, ebx: number, ecx: number, edx: number): void {
  out[0] = ((out[0] as number) & eax) >>> 0;
  out[1] = ((out[1] as number) & ebx) >>> 0;
  out[2] = ((out[2] as number) & ecx) >>> 0;
  out[3] = ((out[3] as number) & edx) >>> 0;
}

/** Fills `out` with leaf `leaf`, sub-leaf `subleaf`. @param isForced asked for by the prefix, not by a CPUID on its own. */
export function guestCpuid(
  traps: PvTraps,
  cpu: TrapCpu,
  leaf: number,
  subleaf: number,
  isForced: boolean,
  out: Uint32Array,
): void {
  out.fill(0);
  if (leaf >= XEN_CPUID_FIRST_LEAF && leaf < XEN_CPUID_FIRST_LEAF + 0x200)
    return xenLeaf(traps, cpu, leaf - XEN_CPUID_FIRST_LEAF, subleaf, out);
  const isExtended = leaf >= 0x8000_0000;
  cpu.cpuid(isExtended ? 0x8000_0000 : 0, 0, out);
  const last = Math.min(out[0] as number, isExtended ? MAX_EXTENDED : MAX_BASIC);
  if (leaf === 0 || leaf === 0x8000_0000) {
    out[0] = last;
    return;
  }
  out.fill(0);
  if (leaf > last) return;
  cpu.cpuid(leaf, subleaf, out);
  restrict(traps, leaf, subleaf, isForced, out);
}

const ALL = 0xffff_ffff;

function restrict(
  traps: PvTraps,
  leaf: number,
  subleaf: number,
  isForced: boolean,
  out: Uint32Array,
): void {
  switch (leaf) {
    case 1: {
      mask(out, ALL, 0x00ff_ffff, leaf1Ecx, leaf1Edx);
      const hasState = ((out[2] as number) & XSAVE) !== 0;
      // Kernels that ask for emulation see OSXSAVE before they have set it: older ones rely on it.
      const isEnabled = (traps.pv.cr4 & CR4_OSXSAVE) !== 0 || (isForced && traps.isKernelMode);
      out[2] = ((out[2] as number) | HYPERVISOR | (hasState && isEnabled ? OSXSAVE : 0)) >>> 0;
      return;
    }
    case 3: // serial numbers, MONITOR, power, performance counters, topology of an x2APIC: not for these guests
    case 5:
    case 6:
    case 9:
    case 0xa:
    case 0xb:
      out.fill(0);
      return;
    case 7:
      if (subleaf === 0) mask(out, ALL, leaf7Ebx, leaf7Ecx, leaf7Edx);
      else if (subleaf === 1) mask(out, leaf7sub1Eax, 0, 0, 0);
      else out.fill(0);
      return;
    case 0xd:
      if (subleaf === 1) mask(out, stateEax, ALL, 0, 0);
      return;
    case 0x8000_0001:
      mask(out, ALL, ALL, extendedEcx, (extendedEdx | (commonEdx & leaf1Edx)) >>> 0);
      if (traps.vcpu.domain.word === 32) mask(out, ALL, ALL, ~1 >>> 0, ~bits(29) >>> 0);
      return;
    case 0x8000_0007:
      out.fill(0);
      return;
    case 0x8000_0008:
      mask(out, ALL, leaf80000008Ebx, ALL, 0);
      return;
  }
}

/** Xen's own leaves. */
function xenLeaf(
  traps: PvTraps,
  cpu: TrapCpu,
  leaf: number,
  subleaf: number,
  out: Uint32Array,
): void {
  const { hypervisor } = traps.vcpu.domain;
  const kHz = Math.round(hypervisor.clock.tscHz / 1000);
  switch (leaf) {
    case 0:
      out[0] = XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES;
      out[1] = XEN_CPUID_SIGNATURE_EBX;
      out[2] = XEN_CPUID_SIGNATURE_ECX;
      out[3] = XEN_CPUID_SIGNATURE_EDX;
      return;
    case 1:
      out[0] = (XEN_MAJOR << 16) | XEN_MINOR;
      return;
    case 2:
      out[0] = 1; // pages of hypercalls
      out[1] = XEN_CPUID_FIRST_LEAF; // the MSR that places one
      out[2] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
      return;
    case 3:
      if (subleaf === 0) {
        cpu.cpuid(0x8000_0001, 0, out);
        const hasTscp = ((out[3] as number) & RDTSCP) !== 0;
        out.fill(0);
        out[0] = hasTscp ? 4 : 0;
        out[2] = kHz;
      } else if (subleaf === 1) {
        const { mul, shift } = pvclockScale(hypervisor.clock.tscHz);
        out[2] = mul;
        out[3] = shift >>> 0;
      } else if (subleaf === 2) out[0] = kHz;
      return;
    case 5:
      if (subleaf === 0) out[1] = 12 + Math.ceil(Math.log2(hypervisor.frames.frameCount));
      return;
  }
}

/** Bits of CR4 a guest may set, by what its processor has. */
export function controlsOf(traps: PvTraps, cpu: TrapCpu): number {
  const out = new Uint32Array(4);
  guestCpuid(traps, cpu, 1, 0, false, out);
  let allowed = ((out[3] as number) & bits(2)) !== 0 ? CR4_DE : 0;
  if (((out[3] as number) & bits(4)) !== 0) allowed |= CR4_TSD;
  if (((out[2] as number) & XSAVE) !== 0) allowed |= CR4_OSXSAVE;
  guestCpuid(traps, cpu, 7, 0, false, out);
  if (((out[1] as number) & FSGSBASE) !== 0) allowed |= CR4_FSGSBASE;
  return allowed;
}
