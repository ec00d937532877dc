/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_HVM_PARAM_H
#define PROXENY_XEN_HVM_PARAM_H

/* Parameters of HVM and PVH guests, for HVMOP_get_param and _set_param. hvm/params.h. */

#include "scalar.h"

/* How events reach vCPU 0: the type in bits 56–63 (HVM_PARAM_CALLBACK_TYPE_*), 0 for not at all. */
#define HVM_PARAM_CALLBACK_IRQ 0
/* Bits 56–63 (a number above 2^53; for halves or bigints). */
#define HVM_PARAM_CALLBACK_IRQ_TYPE_MASK 0xff00000000000000ULL
/* Bits 0–55: an interrupt line. */
#define HVM_PARAM_CALLBACK_TYPE_GSI 0
/* Bits 32–47 domain, 16–31 bus, 8–15 device and function, 0–1 INTx. */
#define HVM_PARAM_CALLBACK_TYPE_PCI_INTX 1
/* Bits 0–7: a vector. */
#define HVM_PARAM_CALLBACK_TYPE_VECTOR 2
/* Frame of the xenstore ring. */
#define HVM_PARAM_STORE_PFN 1
#define HVM_PARAM_STORE_EVTCHN 2
#define HVM_PARAM_IOREQ_PFN 5
#define HVM_PARAM_BUFIOREQ_PFN 6
#define HVM_PARAM_VIRIDIAN 9
/* HVMPTM_*. */
#define HVM_PARAM_TIMER_MODE 10
#define HVMPTM_delay_for_missed_ticks 0
#define HVMPTM_no_delay_for_missed_ticks 1
#define HVMPTM_no_missed_ticks_pending 2
#define HVMPTM_one_missed_tick_pending 3
#define HVM_PARAM_HPET_ENABLED 11
#define HVM_PARAM_IDENT_PT 12
#define HVM_PARAM_ACPI_S_STATE 14
#define HVM_PARAM_VM86_TSS 15
#define HVM_PARAM_VPT_ALIGN 16
/* Frame of the console ring. */
#define HVM_PARAM_CONSOLE_PFN 17
#define HVM_PARAM_CONSOLE_EVTCHN 18
#define HVM_PARAM_ACPI_IOPORTS_LOCATION 19
#define HVM_PARAM_PAGING_RING_PFN 27
#define HVM_PARAM_MONITOR_RING_PFN 28
#define HVM_PARAM_SHARING_RING_PFN 29
/* SHUTDOWN_*. */
#define HVM_PARAM_TRIPLE_FAULT_REASON 31
#define HVM_PARAM_IOREQ_SERVER_PFN 32
#define HVM_PARAM_NR_IOREQ_SERVER_PAGES 33
#define HVM_PARAM_VM_GENERATION_ID_ADDR 34
#define HVM_PARAM_ALTP2M 35
#define HVM_PARAM_X87_FIP_WIDTH 36
#define HVM_PARAM_VM86_TSS_SIZED 37
#define HVM_PARAM_MCA_CAP 38
#define HVM_NR_PARAMS 39

#endif
