// Page-table updates of PV guests: mmu_update, mmuext_op, update_va_mapping(_otherdomain), set_gdt, update_descriptor. xen.h, arch-x86/xen.h.
// The target of mmu_update and mmuext_op is `foreigndom`: bits 0–15 the owner of the data pages, 16–31 the owner of the page tables plus
// one (0 for the caller).
import { IN, struct, u64, union } from '@proxeny/memory';
import { guest_handle, uint, xen_pfn_t, xen_ulong_t } from './scalar.js';

/** One request of mmu_update. `ptr` is a machine address whose low two bits are the command (MMU_*). */
export const mmu_update = struct('mmu_update', { ptr: IN(u64), val: IN(u64) });

/** Writes a checked entry to a page table. */
export const MMU_NORMAL_PT_UPDATE = 0;
/** Writes an entry of the M2P table: of the frame at `ptr`. */
export const MMU_MACHPHYS_UPDATE = 1;
/** As normal, keeping the entry's accessed and dirty bits. */
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
/** As normal; `val` is never translated. */
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;

/** One request of mmuext_op; which members count is told by `cmd` (MMUEXT_*). */
export const mmuext_op = struct('mmuext_op', {
  cmd: IN(uint),
  arg1: IN(union('', { mfn: xen_pfn_t, linear_addr: xen_ulong_t })),
  arg2: IN(union('', { nr_ents: uint, vcpumask: guest_handle('const_void'), src_mfn: xen_pfn_t })),
});

/** mfn: makes the frame a page table of this level and keeps it one. */
export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_PIN_L3_TABLE = 2;
export const MMUEXT_PIN_L4_TABLE = 3;
/** mfn. */
export const MMUEXT_UNPIN_TABLE = 4;
/** mfn: CR3, of a 64-bit guest's kernel. */
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
/** linear_addr. */
export const MMUEXT_INVLPG_LOCAL = 7;
/** vcpumask. */
export const MMUEXT_TLB_FLUSH_MULTI = 8;
/** linear_addr, vcpumask. */
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
/** linear_addr. */
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
/** linear_addr (of a page's start), nr_ents. */
export const MMUEXT_SET_LDT = 13;
/** mfn: CR3 of user mode, in 64-bit guests. */
export const MMUEXT_NEW_USER_BASEPTR = 15;
/** mfn. */
export const MMUEXT_CLEAR_PAGE = 16;
/** mfn, src_mfn. */
export const MMUEXT_COPY_PAGE = 17;
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18;
/** mfn. */
export const MMUEXT_MARK_SUPER = 19;
/** mfn. */
export const MMUEXT_UNMARK_SUPER = 20;

/** Names of MMUEXT_* by number; unused numbers are holes. */
export const mmuext_names: readonly (string | undefined)[] = Object.freeze([
  'MMUEXT_PIN_L1_TABLE',
  'MMUEXT_PIN_L2_TABLE',
  'MMUEXT_PIN_L3_TABLE',
  'MMUEXT_PIN_L4_TABLE',
  'MMUEXT_UNPIN_TABLE',
  'MMUEXT_NEW_BASEPTR',
  'MMUEXT_TLB_FLUSH_LOCAL',
  'MMUEXT_INVLPG_LOCAL',
  'MMUEXT_TLB_FLUSH_MULTI',
  'MMUEXT_INVLPG_MULTI',
  'MMUEXT_TLB_FLUSH_ALL',
  'MMUEXT_INVLPG_ALL',
  'MMUEXT_FLUSH_CACHE',
  'MMUEXT_SET_LDT',
  undefined,
  'MMUEXT_NEW_USER_BASEPTR',
  'MMUEXT_CLEAR_PAGE',
  'MMUEXT_COPY_PAGE',
  'MMUEXT_FLUSH_CACHE_GLOBAL',
  'MMUEXT_MARK_SUPER',
  'MMUEXT_UNMARK_SUPER',
]);

/** In the count of mmu_update and mmuext_op: the call continues, its progress is in the count. xen/mm.h */
export const MMU_UPDATE_PREEMPTED = 0x8000_0000;

// Flags of update_va_mapping. With UVMF_MULTI the bits above are a pointer to a bitmap of vCPUs.
export const UVMF_NONE = 0;
/** Flushes the whole TLB. */
export const UVMF_TLB_FLUSH = 1;
/** Flushes this page. */
export const UVMF_INVLPG = 2;
export const UVMF_FLUSHTYPE_MASK = 3;
/** On the vCPUs of the bitmap. */
export const UVMF_MULTI = 0;
/** On this vCPU: UVMF_MULTI without a bitmap. */
export const UVMF_LOCAL = 0;
/** On all vCPUs. */
export const UVMF_ALL = 4;

// Descriptor tables: Xen's own descriptors begin in page 14 of the GDT.
export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_BYTE = 57_344;
export const FIRST_RESERVED_GDT_ENTRY = 7168;
