/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_HYPERCALL_NUMBER_H
#define PROXENY_XEN_HYPERCALL_NUMBER_H

/* Hypercall numbers. xen.h, "HYPERCALLS"; 48–55 are the architecture's (arch-x86/xen.h).
 * The number goes to EAX; results come back there, negative ones being an errno (errno.ts). */

#include "scalar.h"

#define __HYPERVISOR_set_trap_table 0
#define __HYPERVISOR_mmu_update 1
#define __HYPERVISOR_set_gdt 2
#define __HYPERVISOR_stack_switch 3
#define __HYPERVISOR_set_callbacks 4
#define __HYPERVISOR_fpu_taskswitch 5
/* The scheduler's interface before Xen 3.0.2: the argument is a number, not a pointer. */
#define __HYPERVISOR_sched_op_compat 6
#define __HYPERVISOR_platform_op 7
#define __HYPERVISOR_set_debugreg 8
#define __HYPERVISOR_get_debugreg 9
#define __HYPERVISOR_update_descriptor 10
#define __HYPERVISOR_memory_op 12
#define __HYPERVISOR_multicall 13
#define __HYPERVISOR_update_va_mapping 14
#define __HYPERVISOR_set_timer_op 15
/* Takes an `evtchn_op` that carries its own command. */
#define __HYPERVISOR_event_channel_op_compat 16
#define __HYPERVISOR_xen_version 17
#define __HYPERVISOR_console_io 18
/* Takes a `physdev_op` that carries its own command. */
#define __HYPERVISOR_physdev_op_compat 19
#define __HYPERVISOR_grant_table_op 20
#define __HYPERVISOR_vm_assist 21
#define __HYPERVISOR_update_va_mapping_otherdomain 22
#define __HYPERVISOR_iret 23
#define __HYPERVISOR_vcpu_op 24
/* 64-bit guests only. */
#define __HYPERVISOR_set_segment_base 25
#define __HYPERVISOR_mmuext_op 26
#define __HYPERVISOR_xsm_op 27
#define __HYPERVISOR_nmi_op 28
#define __HYPERVISOR_sched_op 29
#define __HYPERVISOR_callback_op 30
#define __HYPERVISOR_xenoprof_op 31
#define __HYPERVISOR_event_channel_op 32
#define __HYPERVISOR_physdev_op 33
#define __HYPERVISOR_hvm_op 34
#define __HYPERVISOR_sysctl 35
#define __HYPERVISOR_domctl 36
#define __HYPERVISOR_kexec_op 37
#define __HYPERVISOR_tmem_op 38
#define __HYPERVISOR_argo_op 39
#define __HYPERVISOR_xenpmu_op 40
#define __HYPERVISOR_dm_op 41
#define __HYPERVISOR_hypfs_op 42
/* On x86 the machine-check interface (`mca`). */
#define __HYPERVISOR_arch_0 48
/* On x86 `paging_domctl_cont`, internal to Xen. */
#define __HYPERVISOR_arch_1 49
#define __HYPERVISOR_arch_2 50
#define __HYPERVISOR_arch_3 51
#define __HYPERVISOR_arch_4 52
#define __HYPERVISOR_arch_5 53
#define __HYPERVISOR_arch_6 54
#define __HYPERVISOR_arch_7 55
/* Slots of 32 bytes in a hypercall page. */
#define HYPERCALL_PAGE_SLOTS 128
/* Bytes between the entries of a hypercall page: number n is entered at n × 32. */
#define HYPERCALL_SLOT_BYTES 32
/* The software interrupt of a 32-bit guest's hypercall. arch-x86/xen-x86_32.h, TRAP_INSTR */
#define HYPERCALL_VECTOR 130
/* Registers that carry arguments, at most. */
#define HYPERCALL_MAX_ARGUMENTS 6

#endif
