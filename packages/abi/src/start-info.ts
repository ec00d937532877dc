// What a PV kernel is started with: start_info, the order of things in memory, and its flags. xen.h, "Start-of-day memory layout".
// In one region, each on a page of its own: kernel, RAM disk, p2m (unless XEN_ELFNOTE_INIT_P2M), start_info (SI is its address), xenstore
// ring, console ring, page tables (CR3; mapped read-only), stack (SP); then 512 KiB or more, up to a multiple of 4 MiB.
import { array, s8, struct, u8, u16, u32, ulong, union } from '@proxeny/memory';
import { char, xen_pfn_t } from './scalar.js';

export const MAX_GUEST_CMDLINE = 1024;

export const start_info = struct('start_info', {
  /** START_INFO_MAGIC_*; this and up to `console` is also filled in on resume. */
  magic: array(char, 32),
  nr_pages: ulong,
  /** Machine address. */
  shared_info: ulong,
  /** SIF_*. */
  flags: u32,
  store_mfn: xen_pfn_t,
  store_evtchn: u32,
  console: union('', {
    domU: struct('', { mfn: xen_pfn_t, evtchn: u32 }),
    dom0: struct('', { info_off: u32, info_size: u32 }),
  }),
  /** Linear address of the top-level page table. */
  pt_base: ulong,
  nr_pt_frames: ulong,
  /** Linear address of the p2m. */
  mfn_list: ulong,
  /** Linear address of the module; its frame's number with SIF_MOD_START_PFN. */
  mod_start: ulong,
  mod_len: ulong,
  cmd_line: array(s8, MAX_GUEST_CMDLINE),
  first_p2m_pfn: ulong,
  nr_p2m_frames: ulong,
});

/** `magic` of a 64-bit guest. */
export const START_INFO_MAGIC_X86_64 = 'xen-3.0-x86_64';
/** `magic` of a PAE guest. */
export const START_INFO_MAGIC_X86_32P = 'xen-3.0-x86_32p';

/** The domain is privileged. */
export const SIF_PRIVILEGED = 1 << 0;
/** The domain is the initial one. */
export const SIF_INITDOMAIN = 1 << 1;
/** The module is a list of modules (xen_multiboot_mod_list). */
export const SIF_MULTIBOOT_MOD = 1 << 2;
export const SIF_MOD_START_PFN = 1 << 3;
/** Tools understand arch_shared_info.p2m_vaddr. */
export const SIF_VIRT_P2M_4TOOLS = 1 << 4;
export const SIF_PM_MASK = 0xff << 8;

/** An entry of a list that ends with a mod_start of 0. */
export const xen_multiboot_mod_list = struct('xen_multiboot_mod_list', {
  mod_start: u32,
  /** Its last byte. */
  mod_end: u32,
  cmdline: u32,
  pad: u32,
});

/** The initial domain's screen. */
export const dom0_vga_console_info = struct('dom0_vga_console_info', {
  /** XEN_VGATYPE_*. */
  video_type: u8,
  u: union('', {
    text_mode_3: struct('', {
      font_height: u16,
      cursor_x: u16,
      cursor_y: u16,
      rows: u16,
      columns: u16,
    }),
    vesa_lfb: struct('', {
      width: u16,
      height: u16,
      bytes_per_line: u16,
      bits_per_pixel: u16,
      lfb_base: u32,
      /** In units of 64 KiB. */
      lfb_size: u32,
      red_pos: u8,
      red_size: u8,
      green_pos: u8,
      green_size: u8,
      blue_pos: u8,
      blue_size: u8,
      rsvd_pos: u8,
      rsvd_size: u8,
      gbl_caps: u32,
      mode_attrs: u16,
      pad: u16,
      ext_lfb_base: u32,
    }),
  }),
});
export const XEN_VGATYPE_TEXT_MODE_3 = 0x03;
export const XEN_VGATYPE_VESA_LFB = 0x23;
export const XEN_VGATYPE_EFI_LFB = 0x70;
