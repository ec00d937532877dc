// Network devices: messages of netfront and netback. io/netif.h. Two rings, "tx" from the guest and "rx" to it; optionally a control ring.
// A packet is one slot or more (*_more_data). After the first may come extra information (*_extra_info), in slots of its own.
import { array, s16, struct, u8, u16, u32, union } from '@proxeny/memory';
import { sring_entry } from './ring.js';
import { grant_ref_t } from './scalar.js';

export const netif_tx_request = struct('netif_tx_request', {
  gref: grant_ref_t,
  offset: u16,
  /** NETTXF_*. */
  flags: u16,
  id: u16,
  /** Of the whole packet in its first slot, of the fragment in the others. */
  size: u16,
});
/** The checksum is not filled in. */
export const NETTXF_csum_blank = 1 << 0;
/** The checksum has been checked. */
export const NETTXF_data_validated = 1 << 1;
export const NETTXF_more_data = 1 << 2;
export const NETTXF_extra_info = 1 << 3;
export const XEN_NETIF_MAX_TX_SIZE = 0xffff;
/** Slots of one packet that every back-end takes. */
export const XEN_NETIF_NR_SLOTS_MIN = 18;

export const netif_tx_response = struct('netif_tx_response', {
  id: u16,
  /** NETIF_RSP_*. */
  status: s16,
});

export const netif_rx_request = struct('netif_rx_request', {
  id: u16,
  pad: u16,
  gref: grant_ref_t,
});

/** Goes to the slot its request came from. */
export const netif_rx_response = struct('netif_rx_response', {
  id: u16,
  offset: u16,
  /** NETRXF_*. */
  flags: u16,
  /** Bytes, or NETIF_RSP_* if negative. */
  status: s16,
});
export const NETRXF_data_validated = 1 << 0;
export const NETRXF_csum_blank = 1 << 1;
export const NETRXF_more_data = 1 << 2;
export const NETRXF_extra_info = 1 << 3;
export const NETRXF_gso_prefix = 1 << 4;

export const NETIF_RSP_DROPPED = -2;
export const NETIF_RSP_ERROR = -1;
export const NETIF_RSP_OKAY = 0;
/** The response to a slot of extra information. */
export const NETIF_RSP_NULL = 1;

/** Eight bytes, in place of a request or response. */
export const netif_extra_info = struct('netif_extra_info', {
  /** XEN_NETIF_EXTRA_TYPE_*. */
  type: u8,
  /** XEN_NETIF_EXTRA_FLAG_*. */
  flags: u8,
  u: union('', {
    /** `size`: payload of a segment; `type`: XEN_NETIF_GSO_TYPE_*. */
    gso: struct('', { size: u16, type: u8, pad: u8, features: u16 }),
    mcast: struct('', { addr: array(u8, 6) }),
    hash: struct('', { type: u8, algorithm: u8, value: array(u8, 4) }),
    pad: array(u16, 3),
  }),
});
export const XEN_NETIF_EXTRA_TYPE_NONE = 0;
export const XEN_NETIF_EXTRA_TYPE_GSO = 1;
export const XEN_NETIF_EXTRA_TYPE_MCAST_ADD = 2;
export const XEN_NETIF_EXTRA_TYPE_MCAST_DEL = 3;
export const XEN_NETIF_EXTRA_TYPE_HASH = 4;
export const XEN_NETIF_EXTRA_TYPE_MAX = 5;
/** Another one follows. */
export const XEN_NETIF_EXTRA_FLAG_MORE = 1 << 0;
export const XEN_NETIF_GSO_TYPE_NONE = 0;
export const XEN_NETIF_GSO_TYPE_TCPV4 = 1;
export const XEN_NETIF_GSO_TYPE_TCPV6 = 2;

export const netif_tx_sring_entry = sring_entry('netif_tx', netif_tx_request, netif_tx_response);
export const netif_rx_sring_entry = sring_entry('netif_rx', netif_rx_request, netif_rx_response);

// The control ring (feature-ctrl-ring): hashing, and grants that stay mapped.
export const xen_netif_ctrl_request = struct('xen_netif_ctrl_request', {
  id: u16,
  /** XEN_NETIF_CTRL_TYPE_*. */
  type: u16,
  data: array(u32, 3),
});
export const XEN_NETIF_CTRL_TYPE_INVALID = 0;
export const XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS = 1;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS = 2;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_KEY = 3;
export const XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE = 4;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE = 5;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING = 6;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM = 7;
export const XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE = 8;
export const XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING = 9;
export const XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING = 10;

export const xen_netif_ctrl_response = struct('xen_netif_ctrl_response', {
  id: u16,
  type: u16,
  /** XEN_NETIF_CTRL_STATUS_*. */
  status: u32,
  data: u32,
});
export const XEN_NETIF_CTRL_STATUS_SUCCESS = 0;
export const XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED = 1;
export const XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER = 2;
export const XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW = 3;

export const xen_netif_gref = struct('xen_netif_gref', {
  ref: grant_ref_t,
  flags: u16,
  status: u16,
});
export const XEN_NETIF_CTRLF_GREF_readonly = 1 << 0;

export const XEN_NETIF_CTRL_HASH_TYPE_IPV4 = 1 << 0;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP = 1 << 1;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV6 = 1 << 2;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP = 1 << 3;
export const XEN_NETIF_CTRL_HASH_ALGORITHM_NONE = 0;
export const XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ = 1;

export const xen_netif_ctrl_sring_entry = sring_entry(
  'xen_netif_ctrl',
  xen_netif_ctrl_request,
  xen_netif_ctrl_response,
);
