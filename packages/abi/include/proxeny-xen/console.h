/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_CONSOLE_H
#define PROXENY_XEN_CONSOLE_H

/* Consoles: Xen's own, by HYPERVISOR_console_io(cmd, count, buffer), and the ring a domain shares with its console's back-end.
 * xen.h, io/console.h. In the ring, consumer and producer counts run freely; `in` goes to the guest. */

#include "scalar.h"

#define CONSOLEIO_write 0
/* Result: how many bytes were read. */
#define CONSOLEIO_read 1

struct xencons_interface {
  char in[1024];
  char out[2048];
  uint32_t in_cons;
  uint32_t in_prod;
  uint32_t out_cons;
  uint32_t out_prod;
};

#endif
