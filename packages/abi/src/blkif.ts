// Block devices: requests and responses of blkfront and blkback. io/blkif.h.
// Ask the records for the front-end's word size: `of(32)` is its protocol "x86_32-abi", `of(64)` "x86_64-abi"; the native one is its own.
// Sectors are 512 bytes, whatever the device's. A request is 108 or 112 bytes, so that a page holds 32.
import { array, s16, struct, structPair, u8, u16, u64 } from '@proxeny/memory';
import { sring_entry } from './ring.js';
import { grant_ref_t } from './scalar.js';

export const BLKIF_OP_READ = 0;
export const BLKIF_OP_WRITE = 1;
/** Everything before is done first, everything after later (feature-barrier). */
export const BLKIF_OP_WRITE_BARRIER = 2;
/** What was written is on stable storage (feature-flush-cache). */
export const BLKIF_OP_FLUSH_DISKCACHE = 3;
export const BLKIF_OP_RESERVED_1 = 4;
/** Sectors are no longer used (feature-discard). */
export const BLKIF_OP_DISCARD = 5;
/** Segments are in pages of their own (feature-max-indirect-segments). */
export const BLKIF_OP_INDIRECT = 6;

export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
export const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST = 8;
export const BLKIF_SECTOR_BYTES = 512;
/** Segments in an indirect page: 4096 / 8. */
export const BLKIF_SEGMENTS_PER_INDIRECT_PAGE = 512;

/** Sectors of one granted page, first to last inclusive. */
export const blkif_request_segment = struct('blkif_request_segment', {
  gref: grant_ref_t,
  first_sect: u8,
  last_sect: u8,
});

export const blkif_request = struct('blkif_request', {
  operation: u8,
  nr_segments: u8,
  /** The device's number, as `virtual-device`. */
  handle: u16,
  /** The front-end's own; comes back in the response. */
  id: u64,
  sector_number: u64,
  seg: array(blkif_request_segment, BLKIF_MAX_SEGMENTS_PER_REQUEST),
});

export const blkif_request_discard = struct('blkif_request_discard', {
  operation: u8,
  /** BLKIF_DISCARD_SECURE or 0. */
  flag: u8,
  handle: u16,
  id: u64,
  sector_number: u64,
  nr_sectors: u64,
});
/** Nothing may be left of the sectors (discard-secure). */
export const BLKIF_DISCARD_SECURE = 1 << 0;

const indirect_members = {
  operation: u8,
  /** BLKIF_OP_READ or BLKIF_OP_WRITE. */
  indirect_op: u8,
  nr_segments: u16,
  id: u64,
  sector_number: u64,
  handle: u16,
  /** Pages of blkif_request_segment. */
  indirect_grefs: array(grant_ref_t, BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST),
};
/** 64 bytes for both word sizes. */
export const blkif_request_indirect = structPair(
  struct('blkif_request_indirect', { ...indirect_members, pad: u64 }),
  struct('blkif_request_indirect', indirect_members),
);

export const blkif_response = struct('blkif_response', {
  id: u64,
  operation: u8,
  /** BLKIF_RSP_*. */
  status: s16,
});
export const BLKIF_RSP_EOPNOTSUPP = -2;
export const BLKIF_RSP_ERROR = -1;
export const BLKIF_RSP_OKAY = 0;

/** A slot of the ring. */
export const blkif_sring_entry = sring_entry('blkif', blkif_request, blkif_response);

// `info` of the back-end.
export const VDISK_CDROM = 1;
export const VDISK_REMOVABLE = 2;
export const VDISK_READONLY = 4;
