/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_XENSTORE_H
#define PROXENY_XEN_XENSTORE_H

/* The xenstore wire: messages and the ring page they go through. io/xs_wire.h.
 * A message is xsd_sockmsg and `len` bytes: strings, each ended by a zero byte as far as its type says. Errors are names ("ENOENT"). */

#include "scalar.h"

#define XS_CONTROL 0
/* The older name of XS_CONTROL. */
#define XS_DEBUG 0
#define XS_DIRECTORY 1
#define XS_READ 2
#define XS_GET_PERMS 3
#define XS_WATCH 4
#define XS_UNWATCH 5
#define XS_TRANSACTION_START 6
#define XS_TRANSACTION_END 7
#define XS_INTRODUCE 8
#define XS_RELEASE 9
#define XS_GET_DOMAIN_PATH 10
#define XS_WRITE 11
#define XS_MKDIR 12
#define XS_RM 13
#define XS_SET_PERMS 14
/* Comes unasked, with req_id 0. */
#define XS_WATCH_EVENT 15
/* The answer to a request that failed. */
#define XS_ERROR 16
#define XS_IS_DOMAIN_INTRODUCED 17
#define XS_RESUME 18
#define XS_SET_TARGET 19
#define XS_RESET_WATCHES 21
#define XS_DIRECTORY_PART 22
/* One more than the last type. */
#define XS_TYPE_COUNT 23
#define XS_INVALID 0xffff

/* What every message begins with. */
struct xsd_sockmsg {
  uint32_t type;
  uint32_t req_id;
  uint32_t tx_id;
  uint32_t len;
};
#define XENSTORE_RING_SIZE 0x400

/* The page a domain shares with xenstore; counts run freely. */
struct xenstore_domain_interface {
  char req[1024];
  char rsp[1024];
  uint32_t req_cons;
  uint32_t req_prod;
  uint32_t rsp_cons;
  uint32_t rsp_prod;
  uint32_t server_features;
  uint32_t connection;
  uint32_t error;
};
/* More breaks the connection. */
#define XENSTORE_PAYLOAD_MAX 0x1000
#define XENSTORE_ABS_PATH_MAX 0xc00
#define XENSTORE_REL_PATH_MAX 0x800
#define XENSTORE_SERVER_FEATURE_RECONNECTION 1
#define XENSTORE_SERVER_FEATURE_ERROR 2
#define XENSTORE_CONNECTED 0
#define XENSTORE_RECONNECT 1
#define XENSTORE_ERROR_NONE 0
#define XENSTORE_ERROR_COMM 1
#define XENSTORE_ERROR_RINGIDX 2
#define XENSTORE_ERROR_PROTO 3

#endif
