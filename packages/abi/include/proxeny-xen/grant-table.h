/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_GRANT_TABLE_H
#define PROXENY_XEN_GRANT_TABLE_H

/* Grant tables: entries of both versions and what GNTTABOP_* asks for. grant_table.h; operations in grant-table-op.ts.
 * A guest fills in an entry's `flags` last: Xen may look at any time. [XEN] marks what Xen writes, [GST] what the guest does. */

#include "scalar.h"


/* An entry of a version 1 table, eight bytes. */
struct grant_entry_v1 {
  uint16_t flags;
  domid_t domid;
  uint32_t frame;
};
/* Entries kept for the tools. */
#define GNTTAB_NR_RESERVED_ENTRIES 8
#define GNTTAB_RESERVED_CONSOLE 0
#define GNTTAB_RESERVED_XENSTORE 1
/* Types, in the low two bits of `flags`. */
#define GTF_invalid 0
/* `domid` may map and copy. */
#define GTF_permit_access 1
/* `domid` may give a frame. */
#define GTF_accept_transfer 2
/* `domid` may copy through another grant. Version 2 only. */
#define GTF_transitive 3
#define GTF_type_mask 3
/* Flags of access grants.
 * Read only. [GST] */
#define GTF_readonly 4
/* Mapped for reading, or being copied from. [XEN] */
#define GTF_reading 8
/* Mapped for writing, or being copied to. [XEN] */
#define GTF_writing 16
#define GTF_PWT 32
#define GTF_PCD 64
#define GTF_PAT 128
/* Part of a page, for copies only. Version 2 only. [GST] */
#define GTF_sub_page 256
/* Flags of transfers.
 * Xen is writing the frame. [XEN] */
#define GTF_transfer_committed 4
/* The frame is written. [XEN] */
#define GTF_transfer_completed 8

/* What entries of both versions begin with. */
struct grant_entry_header {
  uint16_t flags;
  domid_t domid;
};

/* An entry of a version 2 table, 16 bytes; GTF_reading and GTF_writing are in a status frame instead. */
union grant_entry_v2 {
  struct grant_entry_header hdr;
  struct {
    struct grant_entry_header hdr;
    uint32_t pad0;
    uint64_t frame;
  } full_page;
  struct {
    struct grant_entry_header hdr;
    uint16_t page_off;
    uint16_t length;
    uint64_t frame;
  } sub_page;
  struct {
    struct grant_entry_header hdr;
    domid_t trans_domid;
    uint16_t pad0;
    grant_ref_t gref;
  } transitive;
  uint32_t __spacer[4];
};

#endif
