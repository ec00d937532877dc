// What a PVH kernel is started with: EBX is the physical address of hvm_start_info. arch-x86/hvm/start_info.h.
// Everything lies below 4 GiB. CR0 has PE only; CS, DS, ES, SS are flat 32-bit; interrupts are off.
import { struct, u32, u64 } from '@proxeny/memory';

export const XEN_HVM_START_MAGIC_VALUE = 0x336e_c578;

export const hvm_start_info = struct('hvm_start_info', {
  magic: u32,
  /** 1 if the memory map is there. */
  version: u32,
  /** SIF_*. */
  flags: u32,
  nr_modules: u32,
  /** Physical address of hvm_modlist_entry records. */
  modlist_paddr: u64,
  /** Physical address of text ended by a zero byte. */
  cmdline_paddr: u64,
  /** Physical address of the ACPI RSDP. */
  rsdp_paddr: u64,
  /** Physical address of hvm_memmap_table_entry records. */
  memmap_paddr: u64,
  /** 0: no memory map. */
  memmap_entries: u32,
  reserved: u32,
});

export const hvm_modlist_entry = struct('hvm_modlist_entry', {
  paddr: u64,
  size: u64,
  cmdline_paddr: u64,
  reserved: u64,
});

export const hvm_memmap_table_entry = struct('hvm_memmap_table_entry', {
  addr: u64,
  size: u64,
  /** XEN_HVM_MEMMAP_TYPE_*. */
  type: u32,
  reserved: u32,
});
export const XEN_HVM_MEMMAP_TYPE_RAM = 1;
export const XEN_HVM_MEMMAP_TYPE_RESERVED = 2;
export const XEN_HVM_MEMMAP_TYPE_ACPI = 3;
export const XEN_HVM_MEMMAP_TYPE_NVS = 4;
export const XEN_HVM_MEMMAP_TYPE_UNUSABLE = 5;
export const XEN_HVM_MEMMAP_TYPE_DISABLED = 6;
export const XEN_HVM_MEMMAP_TYPE_PMEM = 7;
