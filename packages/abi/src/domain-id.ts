// Domain numbers with a meaning of their own. xen.h, "DOMID_*". Ordinary domains stay below DOMID_FIRST_RESERVED.

export const DOMID_FIRST_RESERVED = 0x7ff0;
/** The caller. */
export const DOMID_SELF = 0x7ff0;
/** Owner of I/O memory, as `foreigndom` of page-table updates. */
export const DOMID_IO = 0x7ff1;
/** Owner of what Xen itself shares, such as the M2P table. */
export const DOMID_XEN = 0x7ff2;
/** Owner of pages shared by copy-on-write. */
export const DOMID_COW = 0x7ff3;
export const DOMID_INVALID = 0x7ff4;
export const DOMID_IDLE = 0x7fff;
export const DOMID_MASK = 0x7fff;
