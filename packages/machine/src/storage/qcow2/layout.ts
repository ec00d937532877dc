// The qcow2 image format, versions 2 and 3, as numbers (QEMU's docs/interop/qcow2.txt): all fields are big-endian.

/** "QFI\xfb" */
export const MAGIC = 0x514649fb;

/** Offsets of the header's fields. */
export const field = {
  magic: 0,
  version: 4,
  backingOffset: 8,
  backingLength: 16,
  clusterBits: 20,
  diskBytes: 24,
  encryption: 32,
  l1Entries: 36,
  l1Offset: 40,
  refcountTableOffset: 48,
  refcountTableClusters: 56,
  snapshotCount: 60,
  snapshotsOffset: 64,
  incompatible: 72,
  compatible: 80,
  autoclear: 88,
  refcountOrder: 96,
  headerLength: 100,
  compression: 104,
} as const;

export const HEADER_BYTES_V2 = 72;
export const HEADER_BYTES_V3 = 104;
/** With the compression type. */
export const HEADER_BYTES_COMPRESSION = 112;

/** Bits of the incompatible features. */
export const INCOMPATIBLE_DIRTY = 1;
export const INCOMPATIBLE_CORRUPT = 2;
export const INCOMPATIBLE_COMPRESSION = 8;
/** Bits of the compatible features. */
export const COMPATIBLE_LAZY_REFCOUNTS = 1;

export const extensionType = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
} as const;

export const MIN_CLUSTER_BITS = 9;
export const MAX_CLUSTER_BITS = 21;
export const DEFAULT_CLUSTER_BYTES = 65536;
export const MAX_BACKING_NAME_BYTES = 1023;
/** Bounds of what is kept in memory, the same as QEMU's. */
export const MAX_L1_BYTES: number = 32 << 20;
export const MAX_REFCOUNT_TABLE_BYTES: number = 8 << 20;
/** Counts of 64 bits. */
export const MAX_REFCOUNT_ORDER = 6;
export const MAX_SNAPSHOTS = 65536;
export const MAX_SNAPSHOT_TABLE_BYTES: number = 16 << 20;
export const MAX_SNAPSHOT_EXTRA_BYTES = 1024;
/** Of a file that is checked or rewritten: each takes four bytes. */
export const MAX_COUNTED_CLUSTERS: number = 2 ** 28;

/** An entry of an L1, L2 or refcount table. */
export const ENTRY_BYTES = 8;

/** Compressed clusters are counted in sectors of this size. */
export const COMPRESSED_SECTOR_BYTES = 512;
