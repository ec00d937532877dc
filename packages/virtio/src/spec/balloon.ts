// The memory balloon device (VIRTIO 1.2 §5.5).
export const VIRTIO_ID_BALLOON = 5;

/** Feature bits. */
export const VIRTIO_BALLOON_F_STATS_VQ = 1;
export const VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 2;
export const VIRTIO_BALLOON_F_PAGE_POISON = 4;
export const VIRTIO_BALLOON_F_PAGE_REPORTING = 5;

/** Pages of the balloon, whatever the guest's own are. */
export const BALLOON_PAGE_BYTES = 4096;

/** Configuration space (§5.5.4): what is wished for and what is there, in pages; between them and the poison is free_page_hint_cmd_id. */
export const BALLOON_CONFIG_NUM_PAGES = 0;
export const BALLOON_CONFIG_ACTUAL = 4;
export const BALLOON_CONFIG_POISON_VAL = 12;
export const BALLOON_CONFIG_BYTES = 16;

/** A statistic (§5.5.6.4): tag (2), value (8). */
export const BALLOON_STAT_BYTES = 10;
export const VIRTIO_BALLOON_S_SWAP_IN = 0;
export const VIRTIO_BALLOON_S_SWAP_OUT = 1;
export const VIRTIO_BALLOON_S_MAJFLT = 2;
export const VIRTIO_BALLOON_S_MINFLT = 3;
export const VIRTIO_BALLOON_S_MEMFREE = 4;
export const VIRTIO_BALLOON_S_MEMTOT = 5;
export const VIRTIO_BALLOON_S_AVAIL = 6;
export const VIRTIO_BALLOON_S_CACHES = 7;
export const VIRTIO_BALLOON_S_HTLB_PGALLOC = 8;
export const VIRTIO_BALLOON_S_HTLB_PGFAIL = 9;
