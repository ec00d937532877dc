/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_MULTICALL_H
#define PROXENY_XEN_MULTICALL_H

/* Several hypercalls in one: HYPERVISOR_multicall(call_list, nr_calls). xen.h. */

#include "scalar.h"


struct multicall_entry {
  xen_ulong_t op; /* IN */
  xen_ulong_t result; /* OUT */
  xen_ulong_t args[6]; /* IN */
};

#endif
