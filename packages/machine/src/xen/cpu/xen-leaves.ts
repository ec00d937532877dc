// Xen's CPUID leaves for a translated guest, and what else of CPUID it must not see. arch-x86/cpuid.h.
import {
  XEN_CPUID_FIRST_LEAF,
  XEN_CPUID_SIGNATURE_EBX,
  XEN_CPUID_SIGNATURE_ECX,
  XEN_CPUID_SIGNATURE_EDX,
  XEN_HVM_CPUID_DOMID_PRESENT,
  XEN_HVM_CPUID_UPCALL_VECTOR,
  XEN_HVM_CPUID_VCPU_ID_PRESENT,
} from '@proxeny/abi';
import type { Vcpu } from '@proxeny/hv-core';

const LAST_LEAF = XEN_CPUID_FIRST_LEAF + 4;
const LEAVES = 0x100;
/** Xen 4.17. */
const VERSION = (4 << 16) | 17;
const HYPERCALL_MSR = 0x4000_0000;
const TSC_KHZ = 1e6;

/** Replaces EAX, EBX, ECX and EDX of a leaf where Xen has something to say. */
export function xenLeaf(vcpu: Vcpu, leaf: number, subleaf: number, registers: Int32Array): void {
  if (leaf < XEN_CPUID_FIRST_LEAF || leaf >= XEN_CPUID_FIRST_LEAF + LEAVES) return;
  registers.fill(0);
  switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
      registers.set([
        LAST_LEAF,
        XEN_CPUID_SIGNATURE_EBX,
        XEN_CPUID_SIGNATURE_ECX,
        XEN_CPUID_SIGNATURE_EDX,
      ]);
      return;
    case 1:
      registers[0] = VERSION;
      return;
    case 2:
      registers.set([1, HYPERCALL_MSR, 0, 0]);
      return;
    case 3:
      if (subleaf === 0) registers.set([0, 0, TSC_KHZ, 0]);
      else if (subleaf === 2) registers[0] = TSC_KHZ;
      return;
    case 4:
      registers.set([
        XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT | XEN_HVM_CPUID_UPCALL_VECTOR,
        vcpu.id,
        vcpu.domain.id,
        0,
      ]);
  }
}
