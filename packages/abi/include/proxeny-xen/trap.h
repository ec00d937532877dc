/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_TRAP_H
#define PROXENY_XEN_TRAP_H

/* Traps of PV guests: the virtual IDT, what is on the stack for the iret hypercall, forced emulation. arch-x86/xen.h, xen-x86_64.h. */

#include "scalar.h"


/* An entry of set_trap_table's array, which ends with an address of 0. */
struct trap_info {
  uint8_t vector;
  uint8_t flags;
  uint16_t cs;
  unsigned long address;
};
#define TI_DPL_MASK 3
#define TI_IF 4

/* What a 64-bit guest has on its stack for the iret hypercall. RPL 3 in `cs` means user mode. */
struct iret_context {
  uint64_t rax;
  uint64_t r11;
  uint64_t rcx;
  uint64_t flags;
  uint64_t rip;
  uint64_t cs;
  uint64_t rflags;
  uint64_t rsp;
  uint64_t ss;
};
#define VGCF_in_syscall 256
/* The I/O port whose bytes go to Xen's console, in HVM and PVH guests. */
#define XEN_HVM_DEBUGCONS_IOPORT 233

#endif
