// Grant tables: entries of both versions and what GNTTABOP_* asks for. grant_table.h; operations in grant-table-op.ts.
// A guest fills in an entry's `flags` last: Xen may look at any time. [XEN] marks what Xen writes, [GST] what the guest does.
import { array, struct, u16, u32, u64, union } from '@proxeny/memory';
import { domid_t, grant_ref_t } from './scalar.js';

/** An entry of a version 1 table, eight bytes. */
export const grant_entry_v1 = struct('grant_entry_v1', {
  /** GTF_*. [XEN, GST] */
  flags: u16,
  /** Who is granted. [GST] */
  domid: domid_t,
  /** The frame granted [GST]; after a transfer, the frame that came [XEN]. */
  frame: u32,
});

/** Entries kept for the tools. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8;
export const GNTTAB_RESERVED_CONSOLE = 0;
export const GNTTAB_RESERVED_XENSTORE = 1;

// Types, in the low two bits of `flags`.
export const GTF_invalid = 0;
/** `domid` may map and copy. */
export const GTF_permit_access = 1;
/** `domid` may give a frame. */
export const GTF_accept_transfer = 2;
/** `domid` may copy through another grant. Version 2 only. */
export const GTF_transitive = 3;
export const GTF_type_mask = 3;

// Flags of access grants.
/** Read only. [GST] */
export const GTF_readonly = 1 << 2;
/** Mapped for reading, or being copied from. [XEN] */
export const GTF_reading = 1 << 3;
/** Mapped for writing, or being copied to. [XEN] */
export const GTF_writing = 1 << 4;
export const GTF_PWT = 1 << 5;
export const GTF_PCD = 1 << 6;
export const GTF_PAT = 1 << 7;
/** Part of a page, for copies only. Version 2 only. [GST] */
export const GTF_sub_page = 1 << 8;

// Flags of transfers.
/** Xen is writing the frame. [XEN] */
export const GTF_transfer_committed = 1 << 2;
/** The frame is written. [XEN] */
export const GTF_transfer_completed = 1 << 3;

/** What entries of both versions begin with. */
export const grant_entry_header = struct('grant_entry_header', { flags: u16, domid: domid_t });

/** An entry of a version 2 table, 16 bytes; GTF_reading and GTF_writing are in a status frame instead. */
export const grant_entry_v2 = union('grant_entry_v2', {
  hdr: grant_entry_header,
  full_page: struct('', { hdr: grant_entry_header, pad0: u32, frame: u64 }),
  /** GTF_sub_page: bytes `page_off` to `page_off + length`. */
  sub_page: struct('', { hdr: grant_entry_header, page_off: u16, length: u16, frame: u64 }),
  transitive: struct('', {
    hdr: grant_entry_header,
    trans_domid: domid_t,
    pad0: u16,
    gref: grant_ref_t,
  }),
  __spacer: array(u32, 4),
});
