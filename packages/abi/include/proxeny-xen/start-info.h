/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_START_INFO_H
#define PROXENY_XEN_START_INFO_H

/* What a PV kernel is started with: start_info, the order of things in memory, and its flags. xen.h, "Start-of-day memory layout".
 * In one region, each on a page of its own: kernel, RAM disk, p2m (unless XEN_ELFNOTE_INIT_P2M), start_info (SI is its address), xenstore
 * ring, console ring, page tables (CR3; mapped read-only), stack (SP); then 512 KiB or more, up to a multiple of 4 MiB. */

#include "scalar.h"

#define MAX_GUEST_CMDLINE 0x400

struct start_info {
  char magic[32];
  unsigned long nr_pages;
  unsigned long shared_info;
  uint32_t flags;
  xen_pfn_t store_mfn;
  uint32_t store_evtchn;
  union {
    struct {
      xen_pfn_t mfn;
      uint32_t evtchn;
    } domU;
    struct {
      uint32_t info_off;
      uint32_t info_size;
    } dom0;
  } console;
  unsigned long pt_base;
  unsigned long nr_pt_frames;
  unsigned long mfn_list;
  unsigned long mod_start;
  unsigned long mod_len;
  int8_t cmd_line[1024];
  unsigned long first_p2m_pfn;
  unsigned long nr_p2m_frames;
};
/* `magic` of a 64-bit guest. */
#define START_INFO_MAGIC_X86_64 "xen-3.0-x86_64"
/* `magic` of a PAE guest. */
#define START_INFO_MAGIC_X86_32P "xen-3.0-x86_32p"
/* The domain is privileged. */
#define SIF_PRIVILEGED 1
/* The domain is the initial one. */
#define SIF_INITDOMAIN 2
/* The module is a list of modules (xen_multiboot_mod_list). */
#define SIF_MULTIBOOT_MOD 4
#define SIF_MOD_START_PFN 8
/* Tools understand arch_shared_info.p2m_vaddr. */
#define SIF_VIRT_P2M_4TOOLS 16
#define SIF_PM_MASK 0xff00

/* An entry of a list that ends with a mod_start of 0. */
struct xen_multiboot_mod_list {
  uint32_t mod_start;
  uint32_t mod_end;
  uint32_t cmdline;
  uint32_t pad;
};

/* The initial domain's screen. */
struct dom0_vga_console_info {
  uint8_t video_type;
  union {
    struct {
      uint16_t font_height;
      uint16_t cursor_x;
      uint16_t cursor_y;
      uint16_t rows;
      uint16_t columns;
    } text_mode_3;
    struct {
      uint16_t width;
      uint16_t height;
      uint16_t bytes_per_line;
      uint16_t bits_per_pixel;
      uint32_t lfb_base;
      uint32_t lfb_size;
      uint8_t red_pos;
      uint8_t red_size;
      uint8_t green_pos;
      uint8_t green_size;
      uint8_t blue_pos;
      uint8_t blue_size;
      uint8_t rsvd_pos;
      uint8_t rsvd_size;
      uint32_t gbl_caps;
      uint16_t mode_attrs;
      uint16_t pad;
      uint32_t ext_lfb_base;
    } vesa_lfb;
  } u;
};
#define XEN_VGATYPE_TEXT_MODE_3 3
#define XEN_VGATYPE_VESA_LFB 35
#define XEN_VGATYPE_EFI_LFB 112

#endif
