// Page-table entries of PV guests: eight bytes in both modes, handled as two halves. SDM 3A §4.4, §4.5; what Xen forbids: its mm.c.
import type { Mfn } from '@proxeny/memory';

export const PTE_PRESENT = 0x001;
export const PTE_WRITABLE = 0x002;
export const PTE_USER = 0x004;
export const PTE_ACCESSED = 0x020;
export const PTE_DIRTY = 0x040;
/** Of an L1 entry. */
export const PTE_GLOBAL = 0x100;
/** In the high half: code may not be fetched. Bit 63. */
export const PTE_HIGH_NO_EXECUTE = 0x8000_0000;
/** In the high half: the hypervisor's mark on a 64-bit kernel's own pages, whose U bit it had to set. Bit 52. */
export const PTE_HIGH_GUEST_KERNEL = 0x0010_0000;

export const ENTRIES_PER_TABLE = 512;
export const ENTRY_BYTES = 8;

/** Low bits no L1 entry may have: PWT, PCD, PAT (a domain without devices has no say in caching). */
export const L1_DISALLOWED_LOW = 0x098;
/** Low bits no higher entry may have: the same, large pages, and G. */
export const UPPER_DISALLOWED_LOW = 0x198;
/** High bits no L1 entry may have: bit 62, by which Xen's debug builds mark grants. */
export const L1_DISALLOWED_HIGH = 0x4000_0000;

/** L4 slots that are the hypervisor's, in every 64-bit address space. arch-x86/xen-x86_64.h */
export const L4_FIRST_HYPERVISOR_SLOT = 256;
export const L4_LAST_HYPERVISOR_SLOT = 271;
/** Where they end, as a signed canonical address; they begin at the lowest one there is. */
export const HOLE_64_END = -0x7800_0000_0000;
/** The hypervisor's part of a 32-bit PAE address space reaches from here to 4 GiB. arch-x86/xen-x86_32.h */
export const HOLE_32_START = 0xf580_0000;
/** Its first slot in the L2 of the last gigabyte. */
export const L2_FIRST_HYPERVISOR_SLOT: number = (HOLE_32_START >>> 21) & 511;

/** The frame an entry names; may lie outside of the machine. */
export function entryMfn(low: number, high: number): Mfn {
  return ((high & 0x000f_ffff) * 0x10_0000 + (low >>> 12)) as Mfn;
}

/** The low half of an entry for `mfn`. */
export function entryLow(mfn: number, flags: number): number {
  return (((mfn % 0x10_0000) << 12) | flags) >>> 0;
}

/** The high half of an entry for `mfn`, without NX and available bits. */
export function entryHigh(mfn: number): number {
  return Math.floor(mfn / 0x10_0000) >>> 0;
}

export function isPresent(low: number): boolean {
  return (low & PTE_PRESENT) !== 0;
}

export function isHypervisorL4Slot(slot: number): boolean {
  return slot >= L4_FIRST_HYPERVISOR_SLOT && slot <= L4_LAST_HYPERVISOR_SLOT;
}
