// Where Xen is in every PV guest's address space, what the M2P table begins there, and the selectors of Xen's flat segments.
// arch-x86/xen-x86_32.h, arch-x86/xen-x86_64.h. Linear addresses of 64-bit guests are signed: canonical, and exact as numbers.
import type { ByWord } from '@proxeny/memory';

/** The first address that is Xen's. A PAE guest's is a minimum: XEN_ELFNOTE_HV_START_LOW may allow less. */
export const HYPERVISOR_VIRT_START: ByWord = Object.freeze({
  32: 0xf580_0000,
  64: -0x8000_0000_0000,
});
/** The first address beyond Xen's. */
export const HYPERVISOR_VIRT_END: ByWord = Object.freeze({
  32: 0x1_0000_0000,
  64: -0x7800_0000_0000,
});
/** The M2P table, read only: entries of four bytes in a PAE guest, eight in a 64-bit one. */
export const MACH2PHYS_VIRT_START: ByWord = Object.freeze({
  32: 0xf580_0000,
  64: -0x8000_0000_0000,
});
export const MACH2PHYS_VIRT_END: ByWord = Object.freeze({
  32: 0xf680_0000,
  64: -0x7fc0_0000_0000,
});
/** Bytes of an entry of the M2P table, as a power of two. */
export const MACH2PHYS_ENTRY_SHIFT: ByWord = Object.freeze({ 32: 2, 64: 3 });

// Selectors. A 32-bit guest's kernel is in ring 1; of a 64-bit guest everything is in ring 3.
export const FLAT_RING1_CS = 0xe019;
export const FLAT_RING1_DS = 0xe021;
export const FLAT_RING1_SS = 0xe021;
/** 32-bit guests. */
export const FLAT_RING3_CS = 0xe02b;
/** 32-bit guests. */
export const FLAT_RING3_DS = 0xe033;
/** 32-bit guests. */
export const FLAT_RING3_SS = 0xe033;
/** 64-bit guests, and so below: 32-bit code. */
export const FLAT_RING3_CS32 = 0xe023;
export const FLAT_RING3_CS64 = 0xe033;
export const FLAT_RING3_DS32 = 0xe02b;
export const FLAT_RING3_DS64 = 0;
export const FLAT_RING3_SS32 = 0xe02b;
export const FLAT_RING3_SS64 = 0xe02b;

// `which` of set_segment_base.
export const SEGBASE_FS = 0;
export const SEGBASE_GS_USER = 1;
export const SEGBASE_GS_KERNEL = 2;
/** Loads the user's GS with the selector in bits 0–15. */
export const SEGBASE_GS_USER_SEL = 3;
