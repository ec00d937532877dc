// What HYPERVISOR_grant_table_op(cmd, args, count) takes: an array of `count` records. grant_table.h, "GRANT TABLE QUERIES AND USES".
// The call's result is for the array; each record has a `status` of its own (GNTST_*).
import { IN, IN_OUT, OUT, s16, struct, u16, u32, u64, union } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t, grant_handle_t, grant_ref_t, guest_handle, xen_pfn_t } from './scalar.js';

export const GNTTABOP_map_grant_ref = 0;
export const GNTTABOP_unmap_grant_ref = 1;
export const GNTTABOP_setup_table = 2;
export const GNTTABOP_dump_table = 3;
export const GNTTABOP_transfer = 4;
export const GNTTABOP_copy = 5;
export const GNTTABOP_query_size = 6;
export const GNTTABOP_unmap_and_replace = 7;
export const GNTTABOP_set_version = 8;
export const GNTTABOP_get_status_frames = 9;
export const GNTTABOP_get_version = 10;
export const GNTTABOP_swap_grant_ref = 11;
export const GNTTABOP_cache_flush = 12;

/** Maps a grant at a linear address, or into the page-table entry at a machine address (GNTMAP_contains_pte). */
export const gnttab_map_grant_ref = struct('gnttab_map_grant_ref', {
  host_addr: IN(u64),
  /** GNTMAP_*. */
  flags: IN(u32),
  ref: IN(grant_ref_t),
  dom: IN(domid_t),
  status: OUT(s16),
  handle: OUT(grant_handle_t),
  dev_bus_addr: OUT(u64),
});

/** Undoes mappings; an address of 0 is ignored. */
export const gnttab_unmap_grant_ref = struct('gnttab_unmap_grant_ref', {
  host_addr: IN(u64),
  dev_bus_addr: IN(u64),
  handle: IN(grant_handle_t),
  status: OUT(s16),
});

/** Grows the table to `nr_frames` and tells where they are. */
export const gnttab_setup_table = struct('gnttab_setup_table', {
  dom: IN(domid_t),
  nr_frames: IN(u32),
  status: OUT(s16),
  /** Frames are written to what it points to. */
  frame_list: IN(guest_handle('xen_pfn_t')),
});

/** Prints the table on Xen's console. */
export const gnttab_dump_table = struct('gnttab_dump_table', {
  dom: IN(domid_t),
  status: OUT(s16),
});

/** Gives a frame away; it is gone unless the status is GNTST_bad_page. PV guests only. */
export const gnttab_transfer = struct('gnttab_transfer', {
  mfn: IN(xen_pfn_t),
  domid: IN(domid_t),
  ref: IN(grant_ref_t),
  status: OUT(s16),
});

/** Either end of a copy: a grant of `domid`, or a frame of one's own. */
export const gnttab_copy_ptr = struct('gnttab_copy_ptr', {
  u: union('', { ref: grant_ref_t, gmfn: xen_pfn_t }),
  domid: domid_t,
  offset: u16,
});

/** Copies `len` bytes within a page at each end. */
export const gnttab_copy = struct('gnttab_copy', {
  source: IN(gnttab_copy_ptr),
  dest: IN(gnttab_copy_ptr),
  len: IN(u16),
  /** GNTCOPY_*. */
  flags: IN(u16),
  status: OUT(s16),
});
export const GNTCOPY_source_gref = 1 << 0;
export const GNTCOPY_dest_gref = 1 << 1;

/** How many frames the table has and may have. */
export const gnttab_query_size = struct('gnttab_query_size', {
  dom: IN(domid_t),
  nr_frames: OUT(u32),
  max_nr_frames: OUT(u32),
  status: OUT(s16),
});

/** Unmaps and puts the entry for `new_addr` in its place. */
export const gnttab_unmap_and_replace = struct('gnttab_unmap_and_replace', {
  host_addr: IN(u64),
  new_addr: IN(u64),
  handle: IN(grant_handle_t),
  status: OUT(s16),
});

/** Changes the table to version 1 or 2, while no grant is in use. Returns the version in effect. */
export const gnttab_set_version = struct('gnttab_set_version', { version: IN_OUT(u32) });

/** Where the status frames of a version 2 table are. */
export const gnttab_get_status_frames = struct('gnttab_get_status_frames', {
  nr_frames: IN(u32),
  dom: IN(domid_t),
  status: OUT(s16),
  /** Frames are written to what it points to. */
  frame_list: IN(guest_handle('uint64_t')),
});

export const gnttab_get_version = struct('gnttab_get_version', {
  dom: IN(domid_t),
  pad: u16,
  version: OUT(u32),
});

/** Exchanges the contents of two entries. */
export const gnttab_swap_grant_ref = struct('gnttab_swap_grant_ref', {
  ref_a: IN(grant_ref_t),
  ref_b: IN(grant_ref_t),
  status: OUT(s16),
});

/** Cleans or drops cache lines of a granted page. */
export const gnttab_cache_flush = struct('gnttab_cache_flush', {
  a: IN(union('', { dev_bus_addr: u64, ref: grant_ref_t })),
  offset: IN(u16),
  length: IN(u16),
  /** GNTTAB_CACHE_*. */
  op: IN(u32),
});
export const GNTTAB_CACHE_CLEAN = 1;
export const GNTTAB_CACHE_INVAL = 2;
export const GNTTAB_CACHE_SOURCE_GREF = 0x8000_0000;

/** Sub-operations of `grant_table_op`; each takes an array of its record. */
export const grant_table_ops: Operations = operations(
  [GNTTABOP_map_grant_ref, 'GNTTABOP_map_grant_ref', gnttab_map_grant_ref],
  [GNTTABOP_unmap_grant_ref, 'GNTTABOP_unmap_grant_ref', gnttab_unmap_grant_ref],
  [GNTTABOP_setup_table, 'GNTTABOP_setup_table', gnttab_setup_table],
  [GNTTABOP_dump_table, 'GNTTABOP_dump_table', gnttab_dump_table],
  [GNTTABOP_transfer, 'GNTTABOP_transfer', gnttab_transfer],
  [GNTTABOP_copy, 'GNTTABOP_copy', gnttab_copy],
  [GNTTABOP_query_size, 'GNTTABOP_query_size', gnttab_query_size],
  [GNTTABOP_unmap_and_replace, 'GNTTABOP_unmap_and_replace', gnttab_unmap_and_replace],
  [GNTTABOP_set_version, 'GNTTABOP_set_version', gnttab_set_version],
  [GNTTABOP_get_status_frames, 'GNTTABOP_get_status_frames', gnttab_get_status_frames],
  [GNTTABOP_get_version, 'GNTTABOP_get_version', gnttab_get_version],
  [GNTTABOP_swap_grant_ref, 'GNTTABOP_swap_grant_ref', gnttab_swap_grant_ref],
  [GNTTABOP_cache_flush, 'GNTTABOP_cache_flush', gnttab_cache_flush],
);

// Flags of a mapping.
/** For devices. */
export const GNTMAP_device_map = 1 << 0;
/** For CPUs. */
export const GNTMAP_host_map = 1 << 1;
export const GNTMAP_readonly = 1 << 2;
/** User mode may use it too. */
export const GNTMAP_application_map = 1 << 3;
/** `host_addr` is the machine address of a page-table entry. */
export const GNTMAP_contains_pte = 1 << 4;
/** The number of the first bit that goes to the entry's available bits (XENFEAT_gnttab_map_avail_bits). */
export const _GNTMAP_guest_avail0 = 16;
export const GNTMAP_guest_avail_mask = 0xffff_0000;

// Status of one record.
export const GNTST_okay = 0;
export const GNTST_general_error = -1;
export const GNTST_bad_domain = -2;
export const GNTST_bad_gntref = -3;
export const GNTST_bad_handle = -4;
export const GNTST_bad_virt_addr = -5;
export const GNTST_bad_dev_addr = -6;
export const GNTST_no_device_space = -7;
export const GNTST_permission_denied = -8;
export const GNTST_bad_page = -9;
/** A copy crosses the end of a page. */
export const GNTST_bad_copy_arg = -10;
export const GNTST_address_too_big = -11;
export const GNTST_eagain = -12;
export const GNTST_no_space = -13;
