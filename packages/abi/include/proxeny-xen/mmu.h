/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_MMU_H
#define PROXENY_XEN_MMU_H

/* Page-table updates of PV guests: mmu_update, mmuext_op, update_va_mapping(_otherdomain), set_gdt, update_descriptor. xen.h, arch-x86/xen.h.
 * The target of mmu_update and mmuext_op is `foreigndom`: bits 0–15 the owner of the data pages, 16–31 the owner of the page tables plus
 * one (0 for the caller). */

#include "scalar.h"


/* One request of mmu_update. `ptr` is a machine address whose low two bits are the command (MMU_*). */
struct mmu_update {
  uint64_t ptr; /* IN */
  uint64_t val; /* IN */
};
/* Writes a checked entry to a page table. */
#define MMU_NORMAL_PT_UPDATE 0
/* Writes an entry of the M2P table: of the frame at `ptr`. */
#define MMU_MACHPHYS_UPDATE 1
/* As normal, keeping the entry's accessed and dirty bits. */
#define MMU_PT_UPDATE_PRESERVE_AD 2
/* As normal; `val` is never translated. */
#define MMU_PT_UPDATE_NO_TRANSLATE 3

/* One request of mmuext_op; which members count is told by `cmd` (MMUEXT_*). */
struct mmuext_op {
  unsigned int cmd; /* IN */
  union {
    xen_pfn_t mfn;
    xen_ulong_t linear_addr;
  } arg1; /* IN */
  union {
    unsigned int nr_ents;
    XEN_GUEST_HANDLE(const_void) vcpumask;
    xen_pfn_t src_mfn;
  } arg2; /* IN */
};
/* mfn: makes the frame a page table of this level and keeps it one. */
#define MMUEXT_PIN_L1_TABLE 0
#define MMUEXT_PIN_L2_TABLE 1
#define MMUEXT_PIN_L3_TABLE 2
#define MMUEXT_PIN_L4_TABLE 3
/* mfn. */
#define MMUEXT_UNPIN_TABLE 4
/* mfn: CR3, of a 64-bit guest's kernel. */
#define MMUEXT_NEW_BASEPTR 5
#define MMUEXT_TLB_FLUSH_LOCAL 6
/* linear_addr. */
#define MMUEXT_INVLPG_LOCAL 7
/* vcpumask. */
#define MMUEXT_TLB_FLUSH_MULTI 8
/* linear_addr, vcpumask. */
#define MMUEXT_INVLPG_MULTI 9
#define MMUEXT_TLB_FLUSH_ALL 10
/* linear_addr. */
#define MMUEXT_INVLPG_ALL 11
#define MMUEXT_FLUSH_CACHE 12
/* linear_addr (of a page's start), nr_ents. */
#define MMUEXT_SET_LDT 13
/* mfn: CR3 of user mode, in 64-bit guests. */
#define MMUEXT_NEW_USER_BASEPTR 15
/* mfn. */
#define MMUEXT_CLEAR_PAGE 16
/* mfn, src_mfn. */
#define MMUEXT_COPY_PAGE 17
#define MMUEXT_FLUSH_CACHE_GLOBAL 18
/* mfn. */
#define MMUEXT_MARK_SUPER 19
/* mfn. */
#define MMUEXT_UNMARK_SUPER 20
/* In the count of mmu_update and mmuext_op: the call continues, its progress is in the count. xen/mm.h */
#define MMU_UPDATE_PREEMPTED 0x80000000U
/* Flags of update_va_mapping. With UVMF_MULTI the bits above are a pointer to a bitmap of vCPUs. */
#define UVMF_NONE 0
/* Flushes the whole TLB. */
#define UVMF_TLB_FLUSH 1
/* Flushes this page. */
#define UVMF_INVLPG 2
#define UVMF_FLUSHTYPE_MASK 3
/* On the vCPUs of the bitmap. */
#define UVMF_MULTI 0
/* On this vCPU: UVMF_MULTI without a bitmap. */
#define UVMF_LOCAL 0
/* On all vCPUs. */
#define UVMF_ALL 4
/* Descriptor tables: Xen's own descriptors begin in page 14 of the GDT. */
#define FIRST_RESERVED_GDT_PAGE 14
#define FIRST_RESERVED_GDT_BYTE 0xe000
#define FIRST_RESERVED_GDT_ENTRY 0x1c00

#endif
