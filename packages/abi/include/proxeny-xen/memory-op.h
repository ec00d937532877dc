/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_MEMORY_OP_H
#define PROXENY_XEN_MEMORY_OP_H

/* Memory reservations and maps: HYPERVISOR_memory_op(cmd, arg). memory.h.
 * Bits 6 and up of `cmd` carry the first extent to look at, so that long operations continue (MEMOP_*). */

#include "scalar.h"

#define XENMEM_increase_reservation 0
#define XENMEM_decrease_reservation 1
#define XENMEM_maximum_ram_page 2
#define XENMEM_current_reservation 3
#define XENMEM_maximum_reservation 4
#define XENMEM_machphys_mfn_list 5
#define XENMEM_populate_physmap 6
#define XENMEM_add_to_physmap 7
#define XENMEM_memory_map 9
#define XENMEM_machine_memory_map 10
#define XENMEM_exchange 11
#define XENMEM_machphys_mapping 12
#define XENMEM_set_memory_map 13
#define XENMEM_maximum_gpfn 14
#define XENMEM_remove_from_physmap 15
#define XENMEM_set_pod_target 16
#define XENMEM_get_pod_target 17
#define XENMEM_get_sharing_freed_pages 18
#define XENMEM_get_sharing_shared_pages 19
#define XENMEM_paging_op 20
#define XENMEM_access_op 21
#define XENMEM_sharing_op 22
#define XENMEM_add_to_physmap_batch 23
#define XENMEM_claim_pages 24
#define XENMEM_machphys_compat_mfn_list 25
#define XENMEM_get_vnumainfo 26
#define XENMEM_reserved_device_memory_map 27
#define XENMEM_acquire_resource 28
/* Where the operation's number ends and the extent to continue at begins. xen/memory.h, MEMOP_EXTENT_SHIFT */
#define MEMOP_EXTENT_SHIFT 6
#define MEMOP_CMD_MASK 63
/* Flags of a reservation: bits 0–7 the address width, 8–15 a NUMA node plus one. */
#define XENMEMF_address_bits_mask 255
#define XENMEMF_node_shift 8
#define XENMEMF_populate_on_demand 0x10000
#define XENMEMF_exact_node_request 0x20000
/* The node is one of the guest's own. */
#define XENMEMF_vnode 0x40000

/* Extents of 2^extent_order frames. increase: `extent_start` gets the frames (OUT). decrease: it names them (IN).
 * populate: it says where (IN) and gets the machine frames (OUT). The result is how many extents were done. */
struct xen_memory_reservation {
  XEN_GUEST_HANDLE(xen_pfn_t) extent_start; /* IN */
  xen_ulong_t nr_extents; /* IN */
  unsigned int extent_order; /* IN */
  unsigned int mem_flags; /* IN */
  domid_t domid; /* IN */
};

/* Gives the extents of `in` and gets those of `out`, at the same guest frames. PV guests only. */
struct xen_memory_exchange {
  struct xen_memory_reservation in; /* IN */
  struct xen_memory_reservation out; /* IN/OUT */
  xen_ulong_t nr_exchanged; /* IN/OUT */
};

/* For current_reservation, maximum_reservation and maximum_gpfn; the answer is the result. */
struct xen_memory_domain {
  domid_t domid; /* IN */
};

/* The frames that hold the M2P table, in extents of 2 MiB. */
struct xen_machphys_mfn_list {
  unsigned int max_extents; /* IN */
  XEN_GUEST_HANDLE(xen_pfn_t) extent_start; /* IN */
  unsigned int nr_extents; /* OUT */
};

/* Where the M2P table appears in every guest's address space, read only. */
struct xen_machphys_mapping {
  xen_ulong_t v_start; /* OUT */
  xen_ulong_t v_end; /* OUT */
  xen_ulong_t max_mfn; /* OUT */
};
#define XENMAPSPACE_shared_info 0
#define XENMAPSPACE_grant_table 1
#define XENMAPSPACE_gmfn 2
#define XENMAPSPACE_gmfn_range 3
#define XENMAPSPACE_gmfn_foreign 4
/* Arm only. */
#define XENMAPSPACE_dev_mmio 5
/* In `idx` of XENMAPSPACE_grant_table: a status frame. */
#define XENMAPIDX_grant_table_status 0x80000000U

/* Puts a page of Xen's at `gpfn`, for translated guests. */
struct xen_add_to_physmap {
  domid_t domid; /* IN */
  uint16_t size; /* IN */
  unsigned int space; /* IN */
  xen_ulong_t idx; /* IN */
  xen_pfn_t gpfn; /* IN */
};

union xen_add_to_physmap_batch_extra {
  domid_t foreign_domid;
  uint16_t res0;
};

struct xen_add_to_physmap_batch {
  domid_t domid; /* IN */
  uint16_t space; /* IN */
  uint16_t size; /* IN */
  union xen_add_to_physmap_batch_extra u; /* IN */
  XEN_GUEST_HANDLE(xen_ulong_t) idxs; /* IN */
  XEN_GUEST_HANDLE(xen_pfn_t) gpfns; /* IN */
  XEN_GUEST_HANDLE(int) errs; /* IN */
};

struct xen_remove_from_physmap {
  domid_t domid; /* IN */
  xen_pfn_t gpfn; /* IN */
};

/* The guest's own memory map, as e820entry records. */
struct xen_memory_map {
  unsigned int nr_entries; /* IN/OUT */
  XEN_GUEST_HANDLE(void) buffer; /* IN */
};

struct xen_foreign_memory_map {
  domid_t domid; /* IN */
  struct xen_memory_map map; /* IN */
};

struct xen_pod_target {
  uint64_t target_pages; /* IN */
  uint64_t tot_pages; /* OUT */
  uint64_t pod_cache_pages; /* OUT */
  uint64_t pod_entries; /* OUT */
  domid_t domid; /* IN */
};

/* Frames of something of Xen's that a tools domain maps; a null list asks for the size. */
struct xen_mem_acquire_resource {
  domid_t domid; /* IN */
  uint16_t type; /* IN */
  uint32_t id; /* IN */
  uint32_t nr_frames; /* IN/OUT */
  uint32_t pad; /* IN */
  uint64_t frame; /* IN */
  XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* IN */
};
#define XENMEM_resource_ioreq_server 0
#define XENMEM_resource_grant_table 1
#define XENMEM_resource_vmtrace_buf 2
#define XENMEM_resource_grant_table_id_shared 0
#define XENMEM_resource_grant_table_id_status 1

struct xen_vmemrange {
  uint64_t start;
  uint64_t end;
  unsigned int flags;
  unsigned int nid;
};

struct xen_vnuma_topology_info {
  domid_t domid; /* IN */
  uint16_t pad;
  unsigned int nr_vnodes; /* IN/OUT */
  unsigned int nr_vcpus; /* IN/OUT */
  unsigned int nr_vmemranges; /* IN/OUT */
  union {
    XEN_GUEST_HANDLE(uint) h;
    uint64_t pad;
  } vdistance; /* IN */
  union {
    XEN_GUEST_HANDLE(uint) h;
    uint64_t pad;
  } vcpu_to_vnode; /* IN */
  union {
    XEN_GUEST_HANDLE(xen_vmemrange_t) h;
    uint64_t pad;
  } vmemrange; /* IN */
};

#endif
