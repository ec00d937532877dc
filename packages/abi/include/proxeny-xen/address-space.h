/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_ADDRESS_SPACE_H
#define PROXENY_XEN_ADDRESS_SPACE_H

/* Where Xen is in every PV guest's address space, what the M2P table begins there, and the selectors of Xen's flat segments.
 * arch-x86/xen-x86_32.h, arch-x86/xen-x86_64.h. Linear addresses of 64-bit guests are signed: canonical, and exact as numbers. */

#include "scalar.h"

/* The first address that is Xen's. A PAE guest's is a minimum: XEN_ELFNOTE_HV_START_LOW may allow less. */
#ifdef __x86_64__
#define HYPERVISOR_VIRT_START (-140737488355328LL)
#else
#define HYPERVISOR_VIRT_START 0xf5800000U
#endif
/* The first address beyond Xen's. */
#ifdef __x86_64__
#define HYPERVISOR_VIRT_END (-131941395333120LL)
#else
#define HYPERVISOR_VIRT_END 0x100000000ULL
#endif
/* The M2P table, read only: entries of four bytes in a PAE guest, eight in a 64-bit one. */
#ifdef __x86_64__
#define MACH2PHYS_VIRT_START (-140737488355328LL)
#else
#define MACH2PHYS_VIRT_START 0xf5800000U
#endif
#ifdef __x86_64__
#define MACH2PHYS_VIRT_END (-140462610448384LL)
#else
#define MACH2PHYS_VIRT_END 0xf6800000U
#endif
/* Bytes of an entry of the M2P table, as a power of two. */
#ifdef __x86_64__
#define MACH2PHYS_ENTRY_SHIFT 3
#else
#define MACH2PHYS_ENTRY_SHIFT 2
#endif
/* Selectors. A 32-bit guest's kernel is in ring 1; of a 64-bit guest everything is in ring 3. */
#define FLAT_RING1_CS 0xe019
#define FLAT_RING1_DS 0xe021
#define FLAT_RING1_SS 0xe021
/* 32-bit guests. */
#define FLAT_RING3_CS 0xe02b
/* 32-bit guests. */
#define FLAT_RING3_DS 0xe033
/* 32-bit guests. */
#define FLAT_RING3_SS 0xe033
/* 64-bit guests, and so below: 32-bit code. */
#define FLAT_RING3_CS32 0xe023
#define FLAT_RING3_CS64 0xe033
#define FLAT_RING3_DS32 0xe02b
#define FLAT_RING3_DS64 0
#define FLAT_RING3_SS32 0xe02b
#define FLAT_RING3_SS64 0xe02b
/* `which` of set_segment_base. */
#define SEGBASE_FS 0
#define SEGBASE_GS_USER 1
#define SEGBASE_GS_KERNEL 2
/* Loads the user's GS with the selector in bits 0–15. */
#define SEGBASE_GS_USER_SEL 3

#endif
