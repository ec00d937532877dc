// Parameters of HVM and PVH guests, for HVMOP_get_param and _set_param. hvm/params.h.

/** How events reach vCPU 0: the type in bits 56–63 (HVM_PARAM_CALLBACK_TYPE_*), 0 for not at all. */
export const HVM_PARAM_CALLBACK_IRQ = 0;
/** Bits 56–63 (a number above 2^53; for halves or bigints). */
export const HVM_PARAM_CALLBACK_IRQ_TYPE_MASK = 0xff00_0000_0000_0000;
/** Bits 0–55: an interrupt line. */
export const HVM_PARAM_CALLBACK_TYPE_GSI = 0;
/** Bits 32–47 domain, 16–31 bus, 8–15 device and function, 0–1 INTx. */
export const HVM_PARAM_CALLBACK_TYPE_PCI_INTX = 1;
/** Bits 0–7: a vector. */
export const HVM_PARAM_CALLBACK_TYPE_VECTOR = 2;
/** Frame of the xenstore ring. */
export const HVM_PARAM_STORE_PFN = 1;
export const HVM_PARAM_STORE_EVTCHN = 2;
export const HVM_PARAM_IOREQ_PFN = 5;
export const HVM_PARAM_BUFIOREQ_PFN = 6;
export const HVM_PARAM_VIRIDIAN = 9;
/** HVMPTM_*. */
export const HVM_PARAM_TIMER_MODE = 10;
export const HVMPTM_delay_for_missed_ticks = 0;
export const HVMPTM_no_delay_for_missed_ticks = 1;
export const HVMPTM_no_missed_ticks_pending = 2;
export const HVMPTM_one_missed_tick_pending = 3;
export const HVM_PARAM_HPET_ENABLED = 11;
export const HVM_PARAM_IDENT_PT = 12;
export const HVM_PARAM_ACPI_S_STATE = 14;
export const HVM_PARAM_VM86_TSS = 15;
export const HVM_PARAM_VPT_ALIGN = 16;
/** Frame of the console ring. */
export const HVM_PARAM_CONSOLE_PFN = 17;
export const HVM_PARAM_CONSOLE_EVTCHN = 18;
export const HVM_PARAM_ACPI_IOPORTS_LOCATION = 19;
export const HVM_PARAM_PAGING_RING_PFN = 27;
export const HVM_PARAM_MONITOR_RING_PFN = 28;
export const HVM_PARAM_SHARING_RING_PFN = 29;
/** SHUTDOWN_*. */
export const HVM_PARAM_TRIPLE_FAULT_REASON = 31;
export const HVM_PARAM_IOREQ_SERVER_PFN = 32;
export const HVM_PARAM_NR_IOREQ_SERVER_PAGES = 33;
export const HVM_PARAM_VM_GENERATION_ID_ADDR = 34;
export const HVM_PARAM_ALTP2M = 35;
export const HVM_PARAM_X87_FIP_WIDTH = 36;
export const HVM_PARAM_VM86_TSS_SIZED = 37;
export const HVM_PARAM_MCA_CAP = 38;
export const HVM_NR_PARAMS = 39;
