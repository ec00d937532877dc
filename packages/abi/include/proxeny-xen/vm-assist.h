/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_VM_ASSIST_H
#define PROXENY_XEN_VM_ASSIST_H

/* Behaviours a PV guest switches on: HYPERVISOR_vm_assist(cmd, type). xen.h. */

#include "scalar.h"

#define VMASST_CMD_enable 0
#define VMASST_CMD_disable 1
/* 32-bit guests: segments of full 4 GiB; nothing on a 64-bit Xen. */
#define VMASST_TYPE_4gb_segments 0
/* Trap 15 whenever the above is used. */
#define VMASST_TYPE_4gb_segments_notify 1
/* Stores to L1 page tables that are mapped read-only are checked and done. */
#define VMASST_TYPE_writable_pagetables 2
/* PAE: CR3 above 4 GiB, packed as (pfn << 12) | (pfn >> 20). */
#define VMASST_TYPE_pae_extended_cr3 3
/* IOPL in frames and iret as on hardware, with the kernel at level 0. */
#define VMASST_TYPE_architectural_iopl 4
/* XEN_RUNSTATE_UPDATE is set while a registered run state is written. */
#define VMASST_TYPE_runstate_update_flag 5
/* 64-bit guests: user mode does not see the M2P table. */
#define VMASST_TYPE_m2p_strict 32

#endif
