/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_DOMAIN_ID_H
#define PROXENY_XEN_DOMAIN_ID_H

/* Domain numbers with a meaning of their own. xen.h, "DOMID_*". Ordinary domains stay below DOMID_FIRST_RESERVED. */

#include "scalar.h"

#define DOMID_FIRST_RESERVED 0x7ff0
/* The caller. */
#define DOMID_SELF 0x7ff0
/* Owner of I/O memory, as `foreigndom` of page-table updates. */
#define DOMID_IO 0x7ff1
/* Owner of what Xen itself shares, such as the M2P table. */
#define DOMID_XEN 0x7ff2
/* Owner of pages shared by copy-on-write. */
#define DOMID_COW 0x7ff3
#define DOMID_INVALID 0x7ff4
#define DOMID_IDLE 0x7fff
#define DOMID_MASK 0x7fff

#endif
