/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_CALLBACK_H
#define PROXENY_XEN_CALLBACK_H

/* Entry points of a PV kernel: HYPERVISOR_callback_op(cmd, arg), and set_callbacks before it; nmi_op. callback.h, nmi.h.
 * set_callbacks takes (event_cs, event_eip, failsafe_cs, failsafe_eip) of a 32-bit guest, (event, failsafe, syscall) of a 64-bit one. */

#include "scalar.h"

#define CALLBACKTYPE_event 0
/* A selector or the return itself faulted on the way back to the guest. */
#define CALLBACKTYPE_failsafe 1
/* SYSCALL of 64-bit user mode. */
#define CALLBACKTYPE_syscall 2
#define CALLBACKTYPE_sysenter_deprecated 3
#define CALLBACKTYPE_nmi 4
#define CALLBACKTYPE_sysenter 5
/* SYSCALL of 32-bit user mode, on AMD. */
#define CALLBACKTYPE_syscall32 7
/* Mask events when it is entered; always so for events and NMIs. */
#define CALLBACKF_mask_events 1
#define CALLBACKOP_register 0
#define CALLBACKOP_unregister 1

/* Registers an entry point; of a 64-bit guest an address, of a 32-bit one selector and offset. */
#ifdef __x86_64__
struct callback_register {
  uint16_t type; /* IN */
  uint16_t flags; /* IN */
  unsigned long address; /* IN */
};
#else
struct xen_callback {
  unsigned long cs;
  unsigned long eip;
};
struct callback_register {
  uint16_t type; /* IN */
  uint16_t flags; /* IN */
  struct xen_callback address; /* IN */
};
#endif

struct callback_unregister {
  uint16_t type; /* IN */
  uint16_t _unused;
};
#define XENNMI_register_callback 0
#define XENNMI_unregister_callback 1

struct xennmi_callback {
  unsigned long handler_address; /* IN */
  unsigned long pad;
};

#endif
