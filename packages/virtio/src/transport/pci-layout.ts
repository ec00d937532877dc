// Where the structures of the PCI transport are in its BAR: each in a page of its own, so that a hypervisor could map them apart.
export const REGION_BYTES = 0x1000;
export const COMMON_AT = 0x0000;
export const ISR_AT = 0x1000;
export const CONFIG_AT = 0x2000;
export const NOTIFY_AT = 0x3000;
export const MSIX_TABLE_AT = 0x4000;
export const MSIX_PENDING_AT = 0x5000;
export const BAR_BYTES = 0x8000;
/** Bytes between the notify addresses of two queues. */
export const NOTIFY_STRIDE = 4;
