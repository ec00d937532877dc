/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_BLKIF_H
#define PROXENY_XEN_BLKIF_H

/* Block devices: requests and responses of blkfront and blkback. io/blkif.h.
 * Ask the records for the front-end's word size: `of(32)` is its protocol "x86_32-abi", `of(64)` "x86_64-abi"; the native one is its own.
 * Sectors are 512 bytes, whatever the device's. A request is 108 or 112 bytes, so that a page holds 32. */

#include "scalar.h"

#define BLKIF_OP_READ 0
#define BLKIF_OP_WRITE 1
/* Everything before is done first, everything after later (feature-barrier). */
#define BLKIF_OP_WRITE_BARRIER 2
/* What was written is on stable storage (feature-flush-cache). */
#define BLKIF_OP_FLUSH_DISKCACHE 3
#define BLKIF_OP_RESERVED_1 4
/* Sectors are no longer used (feature-discard). */
#define BLKIF_OP_DISCARD 5
/* Segments are in pages of their own (feature-max-indirect-segments). */
#define BLKIF_OP_INDIRECT 6
#define BLKIF_MAX_SEGMENTS_PER_REQUEST 11
#define BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8
#define BLKIF_SECTOR_BYTES 512
/* Segments in an indirect page: 4096 / 8. */
#define BLKIF_SEGMENTS_PER_INDIRECT_PAGE 512

/* Sectors of one granted page, first to last inclusive. */
struct blkif_request_segment {
  grant_ref_t gref;
  uint8_t first_sect;
  uint8_t last_sect;
};

struct blkif_request {
  uint8_t operation;
  uint8_t nr_segments;
  uint16_t handle;
  uint64_t id;
  uint64_t sector_number;
  struct blkif_request_segment seg[11];
};

struct blkif_request_discard {
  uint8_t operation;
  uint8_t flag;
  uint16_t handle;
  uint64_t id;
  uint64_t sector_number;
  uint64_t nr_sectors;
};
/* Nothing may be left of the sectors (discard-secure). */
#define BLKIF_DISCARD_SECURE 1

/* 64 bytes for both word sizes. */
#ifdef __x86_64__
struct blkif_request_indirect {
  uint8_t operation;
  uint8_t indirect_op;
  uint16_t nr_segments;
  uint64_t id;
  uint64_t sector_number;
  uint16_t handle;
  grant_ref_t indirect_grefs[8];
};
#else
struct blkif_request_indirect {
  uint8_t operation;
  uint8_t indirect_op;
  uint16_t nr_segments;
  uint64_t id;
  uint64_t sector_number;
  uint16_t handle;
  grant_ref_t indirect_grefs[8];
  uint64_t pad;
};
#endif

struct blkif_response {
  uint64_t id;
  uint8_t operation;
  int16_t status;
};
#define BLKIF_RSP_EOPNOTSUPP (-2)
#define BLKIF_RSP_ERROR (-1)
#define BLKIF_RSP_OKAY 0

/* A slot of the ring. */
union blkif_sring_entry {
  struct blkif_request req;
  struct blkif_response rsp;
};
/* `info` of the back-end. */
#define VDISK_CDROM 1
#define VDISK_REMOVABLE 2
#define VDISK_READONLY 4

#endif
