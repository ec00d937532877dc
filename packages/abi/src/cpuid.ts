// Xen's own CPUID leaves, from 0x40000000 on (or 0x100 times n further, if another interface comes first). arch-x86/cpuid.h.
// +0: EAX the last leaf, EBX ECX EDX the signature. +1: EAX major << 16 | minor. +2: EAX hypercall pages, EBX the MSR that places them,
// ECX XEN_CPUID_FEAT1_*. +3: time (sub-leaf 0 EAX flags, EBX tsc_mode, ECX kHz, EDX incarnation; 1 offset, multiplier, shift; 2 host kHz).
// +4: HVM (EAX XEN_HVM_CPUID_*, EBX vCPU, ECX domain). +5: PV (EBX bits 0–7 machine address width).

export const XEN_CPUID_FIRST_LEAF = 0x4000_0000;
/** "XenV". */
export const XEN_CPUID_SIGNATURE_EBX = 0x566e_6558;
/** "MMXe". */
export const XEN_CPUID_SIGNATURE_ECX = 0x6558_4d4d;
/** "nVMM". */
export const XEN_CPUID_SIGNATURE_EDX = 0x4d4d_566e;
export const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1 << 0;
export const XEN_HVM_CPUID_APIC_ACCESS_VIRT = 1 << 0;
export const XEN_HVM_CPUID_X2APIC_VIRT = 1 << 1;
export const XEN_HVM_CPUID_IOMMU_MAPPINGS = 1 << 2;
export const XEN_HVM_CPUID_VCPU_ID_PRESENT = 1 << 3;
export const XEN_HVM_CPUID_DOMID_PRESENT = 1 << 4;
export const XEN_HVM_CPUID_EXT_DEST_ID = 1 << 5;
export const XEN_HVM_CPUID_UPCALL_VECTOR = 1 << 6;
export const XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK = 0xff;
export const XEN_CPUID_MAX_NUM_LEAVES = 5;
