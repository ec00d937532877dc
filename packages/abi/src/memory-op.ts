// Memory reservations and maps: HYPERVISOR_memory_op(cmd, arg). memory.h.
// Bits 6 and up of `cmd` carry the first extent to look at, so that long operations continue (MEMOP_*).
import { IN, IN_OUT, OUT, struct, u16, u32, u64, union } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t, guest_handle, uint, xen_pfn_t, xen_ulong_t } from './scalar.js';

export const XENMEM_increase_reservation = 0;
export const XENMEM_decrease_reservation = 1;
export const XENMEM_maximum_ram_page = 2;
export const XENMEM_current_reservation = 3;
export const XENMEM_maximum_reservation = 4;
export const XENMEM_machphys_mfn_list = 5;
export const XENMEM_populate_physmap = 6;
export const XENMEM_add_to_physmap = 7;
export const XENMEM_memory_map = 9;
export const XENMEM_machine_memory_map = 10;
export const XENMEM_exchange = 11;
export const XENMEM_machphys_mapping = 12;
export const XENMEM_set_memory_map = 13;
export const XENMEM_maximum_gpfn = 14;
export const XENMEM_remove_from_physmap = 15;
export const XENMEM_set_pod_target = 16;
export const XENMEM_get_pod_target = 17;
export const XENMEM_get_sharing_freed_pages = 18;
export const XENMEM_get_sharing_shared_pages = 19;
export const XENMEM_paging_op = 20;
export const XENMEM_access_op = 21;
export const XENMEM_sharing_op = 22;
export const XENMEM_add_to_physmap_batch = 23;
export const XENMEM_claim_pages = 24;
export const XENMEM_machphys_compat_mfn_list = 25;
export const XENMEM_get_vnumainfo = 26;
export const XENMEM_reserved_device_memory_map = 27;
export const XENMEM_acquire_resource = 28;

/** Where the operation's number ends and the extent to continue at begins. xen/memory.h, MEMOP_EXTENT_SHIFT */
export const MEMOP_EXTENT_SHIFT = 6;
export const MEMOP_CMD_MASK = 0x3f;

// Flags of a reservation: bits 0–7 the address width, 8–15 a NUMA node plus one.
export const XENMEMF_address_bits_mask = 0xff;
export const XENMEMF_node_shift = 8;
export const XENMEMF_populate_on_demand = 1 << 16;
export const XENMEMF_exact_node_request = 1 << 17;
/** The node is one of the guest's own. */
export const XENMEMF_vnode = 1 << 18;

/**
 * Extents of 2^extent_order frames. increase: `extent_start` gets the frames (OUT). decrease: it names them (IN).
 * populate: it says where (IN) and gets the machine frames (OUT). The result is how many extents were done.
 */
export const xen_memory_reservation = struct('xen_memory_reservation', {
  extent_start: IN(guest_handle('xen_pfn_t')),
  nr_extents: IN(xen_ulong_t),
  extent_order: IN(uint),
  /** XENMEMF_*. */
  mem_flags: IN(uint),
  domid: IN(domid_t),
});

/** Gives the extents of `in` and gets those of `out`, at the same guest frames. PV guests only. */
export const xen_memory_exchange = struct('xen_memory_exchange', {
  in: IN(xen_memory_reservation),
  out: IN_OUT(xen_memory_reservation),
  /** Zero at first; how many of `in` are done. */
  nr_exchanged: IN_OUT(xen_ulong_t),
});

/** For current_reservation, maximum_reservation and maximum_gpfn; the answer is the result. */
export const xen_memory_domain = struct('xen_memory_domain', { domid: IN(domid_t) });

/** The frames that hold the M2P table, in extents of 2 MiB. */
export const xen_machphys_mfn_list = struct('xen_machphys_mfn_list', {
  max_extents: IN(uint),
  extent_start: IN(guest_handle('xen_pfn_t')),
  nr_extents: OUT(uint),
});

/** Where the M2P table appears in every guest's address space, read only. */
export const xen_machphys_mapping = struct('xen_machphys_mapping', {
  v_start: OUT(xen_ulong_t),
  v_end: OUT(xen_ulong_t),
  max_mfn: OUT(xen_ulong_t),
});

export const XENMAPSPACE_shared_info = 0;
export const XENMAPSPACE_grant_table = 1;
export const XENMAPSPACE_gmfn = 2;
export const XENMAPSPACE_gmfn_range = 3;
export const XENMAPSPACE_gmfn_foreign = 4;
/** Arm only. */
export const XENMAPSPACE_dev_mmio = 5;
/** In `idx` of XENMAPSPACE_grant_table: a status frame. */
export const XENMAPIDX_grant_table_status = 0x8000_0000;

/** Puts a page of Xen's at `gpfn`, for translated guests. */
export const xen_add_to_physmap = struct('xen_add_to_physmap', {
  domid: IN(domid_t),
  /** Frames, for gmfn_range. */
  size: IN(u16),
  /** XENMAPSPACE_*. */
  space: IN(uint),
  idx: IN(xen_ulong_t),
  gpfn: IN(xen_pfn_t),
});

export const xen_add_to_physmap_batch_extra = union('xen_add_to_physmap_batch_extra', {
  foreign_domid: domid_t,
  res0: u16,
});

export const xen_add_to_physmap_batch = struct('xen_add_to_physmap_batch', {
  domid: IN(domid_t),
  space: IN(u16),
  size: IN(u16),
  u: IN(xen_add_to_physmap_batch_extra),
  idxs: IN(guest_handle('xen_ulong_t')),
  gpfns: IN(guest_handle('xen_pfn_t')),
  /** An errno an index is written to what it points to. */
  errs: IN(guest_handle('int')),
});

export const xen_remove_from_physmap = struct('xen_remove_from_physmap', {
  domid: IN(domid_t),
  gpfn: IN(xen_pfn_t),
});

/** The guest's own memory map, as e820entry records. */
export const xen_memory_map = struct('xen_memory_map', {
  /** Room in `buffer`; then how many are in it. */
  nr_entries: IN_OUT(uint),
  buffer: IN(guest_handle('void')),
});

export const xen_foreign_memory_map = struct('xen_foreign_memory_map', {
  domid: IN(domid_t),
  map: IN(xen_memory_map),
});

export const xen_pod_target = struct('xen_pod_target', {
  target_pages: IN(u64),
  tot_pages: OUT(u64),
  pod_cache_pages: OUT(u64),
  pod_entries: OUT(u64),
  domid: IN(domid_t),
});

/** Frames of something of Xen's that a tools domain maps; a null list asks for the size. */
export const xen_mem_acquire_resource = struct('xen_mem_acquire_resource', {
  domid: IN(domid_t),
  /** XENMEM_resource_*. */
  type: IN(u16),
  id: IN(u32),
  nr_frames: IN_OUT(u32),
  pad: IN(u32),
  frame: IN(u64),
  frame_list: IN(guest_handle('xen_pfn_t')),
});
export const XENMEM_resource_ioreq_server = 0;
export const XENMEM_resource_grant_table = 1;
export const XENMEM_resource_vmtrace_buf = 2;
export const XENMEM_resource_grant_table_id_shared = 0;
export const XENMEM_resource_grant_table_id_status = 1;

export const xen_vmemrange = struct('xen_vmemrange', {
  start: u64,
  end: u64,
  flags: uint,
  nid: uint,
});

export const xen_vnuma_topology_info = struct('xen_vnuma_topology_info', {
  domid: IN(domid_t),
  pad: u16,
  nr_vnodes: IN_OUT(uint),
  nr_vcpus: IN_OUT(uint),
  nr_vmemranges: IN_OUT(uint),
  vdistance: IN(union('', { h: guest_handle('uint'), pad: u64 })),
  vcpu_to_vnode: IN(union('', { h: guest_handle('uint'), pad: u64 })),
  vmemrange: IN(union('', { h: guest_handle('xen_vmemrange_t'), pad: u64 })),
});

/** Sub-operations of `memory_op`. */
export const memory_ops: Operations = operations(
  [XENMEM_increase_reservation, 'XENMEM_increase_reservation', xen_memory_reservation],
  [XENMEM_decrease_reservation, 'XENMEM_decrease_reservation', xen_memory_reservation],
  [XENMEM_maximum_ram_page, 'XENMEM_maximum_ram_page'],
  [XENMEM_current_reservation, 'XENMEM_current_reservation', xen_memory_domain],
  [XENMEM_maximum_reservation, 'XENMEM_maximum_reservation', xen_memory_domain],
  [XENMEM_machphys_mfn_list, 'XENMEM_machphys_mfn_list', xen_machphys_mfn_list],
  [XENMEM_populate_physmap, 'XENMEM_populate_physmap', xen_memory_reservation],
  [XENMEM_add_to_physmap, 'XENMEM_add_to_physmap', xen_add_to_physmap],
  [XENMEM_memory_map, 'XENMEM_memory_map', xen_memory_map],
  [XENMEM_machine_memory_map, 'XENMEM_machine_memory_map', xen_memory_map],
  [XENMEM_exchange, 'XENMEM_exchange', xen_memory_exchange],
  [XENMEM_machphys_mapping, 'XENMEM_machphys_mapping', xen_machphys_mapping],
  [XENMEM_set_memory_map, 'XENMEM_set_memory_map', xen_foreign_memory_map],
  [XENMEM_maximum_gpfn, 'XENMEM_maximum_gpfn', xen_memory_domain],
  [XENMEM_remove_from_physmap, 'XENMEM_remove_from_physmap', xen_remove_from_physmap],
  [XENMEM_set_pod_target, 'XENMEM_set_pod_target', xen_pod_target],
  [XENMEM_get_pod_target, 'XENMEM_get_pod_target', xen_pod_target],
  [XENMEM_get_sharing_freed_pages, 'XENMEM_get_sharing_freed_pages'],
  [XENMEM_get_sharing_shared_pages, 'XENMEM_get_sharing_shared_pages'],
  [XENMEM_paging_op, 'XENMEM_paging_op'],
  [XENMEM_access_op, 'XENMEM_access_op'],
  [XENMEM_sharing_op, 'XENMEM_sharing_op'],
  [XENMEM_add_to_physmap_batch, 'XENMEM_add_to_physmap_batch', xen_add_to_physmap_batch],
  [XENMEM_claim_pages, 'XENMEM_claim_pages', xen_memory_reservation],
  [XENMEM_machphys_compat_mfn_list, 'XENMEM_machphys_compat_mfn_list', xen_machphys_mfn_list],
  [XENMEM_get_vnumainfo, 'XENMEM_get_vnumainfo', xen_vnuma_topology_info],
  [XENMEM_reserved_device_memory_map, 'XENMEM_reserved_device_memory_map'],
  [XENMEM_acquire_resource, 'XENMEM_acquire_resource', xen_mem_acquire_resource],
);
