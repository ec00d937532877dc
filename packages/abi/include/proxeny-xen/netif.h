/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_NETIF_H
#define PROXENY_XEN_NETIF_H

/* Network devices: messages of netfront and netback. io/netif.h. Two rings, "tx" from the guest and "rx" to it; optionally a control ring.
 * A packet is one slot or more (*_more_data). After the first may come extra information (*_extra_info), in slots of its own. */

#include "scalar.h"


struct netif_tx_request {
  grant_ref_t gref;
  uint16_t offset;
  uint16_t flags;
  uint16_t id;
  uint16_t size;
};
/* The checksum is not filled in. */
#define NETTXF_csum_blank 1
/* The checksum has been checked. */
#define NETTXF_data_validated 2
#define NETTXF_more_data 4
#define NETTXF_extra_info 8
#define XEN_NETIF_MAX_TX_SIZE 0xffff
/* Slots of one packet that every back-end takes. */
#define XEN_NETIF_NR_SLOTS_MIN 18

struct netif_tx_response {
  uint16_t id;
  int16_t status;
};

struct netif_rx_request {
  uint16_t id;
  uint16_t pad;
  grant_ref_t gref;
};

/* Goes to the slot its request came from. */
struct netif_rx_response {
  uint16_t id;
  uint16_t offset;
  uint16_t flags;
  int16_t status;
};
#define NETRXF_data_validated 1
#define NETRXF_csum_blank 2
#define NETRXF_more_data 4
#define NETRXF_extra_info 8
#define NETRXF_gso_prefix 16
#define NETIF_RSP_DROPPED (-2)
#define NETIF_RSP_ERROR (-1)
#define NETIF_RSP_OKAY 0
/* The response to a slot of extra information. */
#define NETIF_RSP_NULL 1

/* Eight bytes, in place of a request or response. */
struct netif_extra_info {
  uint8_t type;
  uint8_t flags;
  union {
    struct {
      uint16_t size;
      uint8_t type;
      uint8_t pad;
      uint16_t features;
    } gso;
    struct {
      uint8_t addr[6];
    } mcast;
    struct {
      uint8_t type;
      uint8_t algorithm;
      uint8_t value[4];
    } hash;
    uint16_t pad[3];
  } u;
};
#define XEN_NETIF_EXTRA_TYPE_NONE 0
#define XEN_NETIF_EXTRA_TYPE_GSO 1
#define XEN_NETIF_EXTRA_TYPE_MCAST_ADD 2
#define XEN_NETIF_EXTRA_TYPE_MCAST_DEL 3
#define XEN_NETIF_EXTRA_TYPE_HASH 4
#define XEN_NETIF_EXTRA_TYPE_MAX 5
/* Another one follows. */
#define XEN_NETIF_EXTRA_FLAG_MORE 1
#define XEN_NETIF_GSO_TYPE_NONE 0
#define XEN_NETIF_GSO_TYPE_TCPV4 1
#define XEN_NETIF_GSO_TYPE_TCPV6 2

union netif_tx_sring_entry {
  struct netif_tx_request req;
  struct netif_tx_response rsp;
};

union netif_rx_sring_entry {
  struct netif_rx_request req;
  struct netif_rx_response rsp;
};

/* The control ring (feature-ctrl-ring): hashing, and grants that stay mapped. */
struct xen_netif_ctrl_request {
  uint16_t id;
  uint16_t type;
  uint32_t data[3];
};
#define XEN_NETIF_CTRL_TYPE_INVALID 0
#define XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS 1
#define XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS 2
#define XEN_NETIF_CTRL_TYPE_SET_HASH_KEY 3
#define XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE 4
#define XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE 5
#define XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING 6
#define XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM 7
#define XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE 8
#define XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING 9
#define XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING 10

struct xen_netif_ctrl_response {
  uint16_t id;
  uint16_t type;
  uint32_t status;
  uint32_t data;
};
#define XEN_NETIF_CTRL_STATUS_SUCCESS 0
#define XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED 1
#define XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER 2
#define XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW 3

struct xen_netif_gref {
  grant_ref_t ref;
  uint16_t flags;
  uint16_t status;
};
#define XEN_NETIF_CTRLF_GREF_readonly 1
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4 1
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP 2
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6 4
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP 8
#define XEN_NETIF_CTRL_HASH_ALGORITHM_NONE 0
#define XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ 1

union xen_netif_ctrl_sring_entry {
  struct xen_netif_ctrl_request req;
  struct xen_netif_ctrl_response rsp;
};

#endif
