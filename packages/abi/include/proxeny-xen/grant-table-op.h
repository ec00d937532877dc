/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_GRANT_TABLE_OP_H
#define PROXENY_XEN_GRANT_TABLE_OP_H

/* What HYPERVISOR_grant_table_op(cmd, args, count) takes: an array of `count` records. grant_table.h, "GRANT TABLE QUERIES AND USES".
 * The call's result is for the array; each record has a `status` of its own (GNTST_*). */

#include "scalar.h"

#define GNTTABOP_map_grant_ref 0
#define GNTTABOP_unmap_grant_ref 1
#define GNTTABOP_setup_table 2
#define GNTTABOP_dump_table 3
#define GNTTABOP_transfer 4
#define GNTTABOP_copy 5
#define GNTTABOP_query_size 6
#define GNTTABOP_unmap_and_replace 7
#define GNTTABOP_set_version 8
#define GNTTABOP_get_status_frames 9
#define GNTTABOP_get_version 10
#define GNTTABOP_swap_grant_ref 11
#define GNTTABOP_cache_flush 12

/* Maps a grant at a linear address, or into the page-table entry at a machine address (GNTMAP_contains_pte). */
struct gnttab_map_grant_ref {
  uint64_t host_addr; /* IN */
  uint32_t flags; /* IN */
  grant_ref_t ref; /* IN */
  domid_t dom; /* IN */
  int16_t status; /* OUT */
  grant_handle_t handle; /* OUT */
  uint64_t dev_bus_addr; /* OUT */
};

/* Undoes mappings; an address of 0 is ignored. */
struct gnttab_unmap_grant_ref {
  uint64_t host_addr; /* IN */
  uint64_t dev_bus_addr; /* IN */
  grant_handle_t handle; /* IN */
  int16_t status; /* OUT */
};

/* Grows the table to `nr_frames` and tells where they are. */
struct gnttab_setup_table {
  domid_t dom; /* IN */
  uint32_t nr_frames; /* IN */
  int16_t status; /* OUT */
  XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* IN */
};

/* Prints the table on Xen's console. */
struct gnttab_dump_table {
  domid_t dom; /* IN */
  int16_t status; /* OUT */
};

/* Gives a frame away; it is gone unless the status is GNTST_bad_page. PV guests only. */
struct gnttab_transfer {
  xen_pfn_t mfn; /* IN */
  domid_t domid; /* IN */
  grant_ref_t ref; /* IN */
  int16_t status; /* OUT */
};

/* Either end of a copy: a grant of `domid`, or a frame of one's own. */
struct gnttab_copy_ptr {
  union {
    grant_ref_t ref;
    xen_pfn_t gmfn;
  } u;
  domid_t domid;
  uint16_t offset;
};

/* Copies `len` bytes within a page at each end. */
struct gnttab_copy {
  struct gnttab_copy_ptr source; /* IN */
  struct gnttab_copy_ptr dest; /* IN */
  uint16_t len; /* IN */
  uint16_t flags; /* IN */
  int16_t status; /* OUT */
};
#define GNTCOPY_source_gref 1
#define GNTCOPY_dest_gref 2

/* How many frames the table has and may have. */
struct gnttab_query_size {
  domid_t dom; /* IN */
  uint32_t nr_frames; /* OUT */
  uint32_t max_nr_frames; /* OUT */
  int16_t status; /* OUT */
};

/* Unmaps and puts the entry for `new_addr` in its place. */
struct gnttab_unmap_and_replace {
  uint64_t host_addr; /* IN */
  uint64_t new_addr; /* IN */
  grant_handle_t handle; /* IN */
  int16_t status; /* OUT */
};

/* Changes the table to version 1 or 2, while no grant is in use. Returns the version in effect. */
struct gnttab_set_version {
  uint32_t version; /* IN/OUT */
};

/* Where the status frames of a version 2 table are. */
struct gnttab_get_status_frames {
  uint32_t nr_frames; /* IN */
  domid_t dom; /* IN */
  int16_t status; /* OUT */
  XEN_GUEST_HANDLE(uint64_t) frame_list; /* IN */
};

struct gnttab_get_version {
  domid_t dom; /* IN */
  uint16_t pad;
  uint32_t version; /* OUT */
};

/* Exchanges the contents of two entries. */
struct gnttab_swap_grant_ref {
  grant_ref_t ref_a; /* IN */
  grant_ref_t ref_b; /* IN */
  int16_t status; /* OUT */
};

/* Cleans or drops cache lines of a granted page. */
struct gnttab_cache_flush {
  union {
    uint64_t dev_bus_addr;
    grant_ref_t ref;
  } a; /* IN */
  uint16_t offset; /* IN */
  uint16_t length; /* IN */
  uint32_t op; /* IN */
};
#define GNTTAB_CACHE_CLEAN 1
#define GNTTAB_CACHE_INVAL 2
#define GNTTAB_CACHE_SOURCE_GREF 0x80000000U
/* Flags of a mapping.
 * For devices. */
#define GNTMAP_device_map 1
/* For CPUs. */
#define GNTMAP_host_map 2
#define GNTMAP_readonly 4
/* User mode may use it too. */
#define GNTMAP_application_map 8
/* `host_addr` is the machine address of a page-table entry. */
#define GNTMAP_contains_pte 16
/* The number of the first bit that goes to the entry's available bits (XENFEAT_gnttab_map_avail_bits). */
#define _GNTMAP_guest_avail0 16
#define GNTMAP_guest_avail_mask 0xffff0000U
/* Status of one record. */
#define GNTST_okay 0
#define GNTST_general_error (-1)
#define GNTST_bad_domain (-2)
#define GNTST_bad_gntref (-3)
#define GNTST_bad_handle (-4)
#define GNTST_bad_virt_addr (-5)
#define GNTST_bad_dev_addr (-6)
#define GNTST_no_device_space (-7)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page (-9)
/* A copy crosses the end of a page. */
#define GNTST_bad_copy_arg (-10)
#define GNTST_address_too_big (-11)
#define GNTST_eagain (-12)
#define GNTST_no_space (-13)

#endif
