/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_RING_H
#define PROXENY_XEN_RING_H

/* Rings between the halves of a split driver: one page (or more) with 64 bytes of indexes, then slots. io/ring.h.
 * The front-end produces requests, the back-end responses, in the same slots. Indexes run freely, modulo 2^32; slot = index mod size.
 * `*_event` asks the other side for a notification once its index passes it: notify if new − event < new − old, modulo 2^32. */

#include "scalar.h"

/* Bytes before the first slot. */
#define SRING_HEADER_BYTES 64

/* What every shared ring begins with. */
struct sring_header {
  uint32_t req_prod;
  uint32_t req_event;
  uint32_t rsp_prod;
  uint32_t rsp_event;
  union {
    struct {
      uint8_t smartpoll_active;
    } netif;
    struct {
      uint8_t msg;
    } tapif_user;
    uint8_t pvt_pad[4];
  } pvt;
  uint8_t __pad[44];
};

#endif
