/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_ELF_NOTE_H
#define PROXENY_XEN_ELF_NOTE_H

/* ELF notes by which a kernel describes itself; owner "Xen". elfnote.h. The name in the older `__xen_guest` string is in parentheses. */

#include "scalar.h"

/* NAME=VALUE, text. */
#define XEN_ELFNOTE_INFO 0
/* Linear address of the entry (VIRT_ENTRY). */
#define XEN_ELFNOTE_ENTRY 1
/* Linear address of the page for hypercall stubs (HYPERCALL_PAGE, there a frame's number). */
#define XEN_ELFNOTE_HYPERCALL_PAGE 2
/* Linear address where the image belongs; 0 if absent (VIRT_BASE). */
#define XEN_ELFNOTE_VIRT_BASE 3
/* To subtract from the ELF's physical addresses; 0 if absent (ELF_PADDR_OFFSET, there VIRT_BASE if absent). */
#define XEN_ELFNOTE_PADDR_OFFSET 4
/* Text, such as `xen-3.0` (XEN_VER). */
#define XEN_ELFNOTE_XEN_VERSION 5
/* Text (GUEST_OS). */
#define XEN_ELFNOTE_GUEST_OS 6
/* Text (GUEST_VER). */
#define XEN_ELFNOTE_GUEST_VERSION 7
/* Text: `generic` (LOADER). */
#define XEN_ELFNOTE_LOADER 8
/* Text: `yes`, `no`, `bimodal` or `yes,bimodal` (PAE). */
#define XEN_ELFNOTE_PAE_MODE 9
/* Names of features with | between, those needed after an ! (FEATURES). */
#define XEN_ELFNOTE_FEATURES 10
/* Text: whether the symbol table is to be loaded (BSD_SYMTAB). */
#define XEN_ELFNOTE_BSD_SYMTAB 11
/* The lowest address Xen's hole may begin at. */
#define XEN_ELFNOTE_HV_START_LOW 12
/* Pairs of mask and value that tell which absent L1 entries hold a frame. */
#define XEN_ELFNOTE_L1_MFN_VALID 13
/* Not zero: a suspend may be cancelled. */
#define XEN_ELFNOTE_SUSPEND_CANCEL 14
/* Linear address of the p2m, outside of the initial mapping; 64-bit guests. */
#define XEN_ELFNOTE_INIT_P2M 15
/* Not zero: the initial RAM disk may be unmapped. */
#define XEN_ELFNOTE_MOD_START_PFN 16
/* A bitmap of XENFEAT_*. */
#define XEN_ELFNOTE_SUPPORTED_FEATURES 17
/* Physical address of the PVH entry, in 32-bit protected mode without paging. */
#define XEN_ELFNOTE_PHYS32_ENTRY 18
/* Alignment, minimum and maximum of where a PVH kernel may be; newer than Xen 4.17, which ignores it. */
#define XEN_ELFNOTE_PHYS32_RELOC 19
/* The owner's name of all of these. */
#define XEN_ELFNOTE_OWNER "Xen"
/* Notes of crash and core images. */
#define XEN_ELFNOTE_CRASH_INFO 0x1000001
#define XEN_ELFNOTE_CRASH_REGS 0x1000002
#define XEN_ELFNOTE_DUMPCORE_NONE 0x2000000
#define XEN_ELFNOTE_DUMPCORE_HEADER 0x2000001
#define XEN_ELFNOTE_DUMPCORE_XEN_VERSION 0x2000002
#define XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION 0x2000003

#endif
