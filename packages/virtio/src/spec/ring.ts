// Virtqueues in memory (VIRTIO 1.2 §2.7 split, §2.8 packed): sizes, offsets and flags. All fields are little-endian.

/** Largest Queue Size of either kind (§2.7, §2.8.10.1). */
export const MAX_QUEUE_SIZE = 32768;

/** A descriptor of either kind: address (8 bytes), length (4), then by kind. */
export const DESC_BYTES = 16;
export const DESC_ADDRESS = 0;
export const DESC_LENGTH = 8;
/** Split (§2.7.5): flags, then the next descriptor's index. */
export const SPLIT_DESC_FLAGS = 12;
export const SPLIT_DESC_NEXT = 14;
/** Packed (§2.8.13): the buffer's id, then flags. */
export const PACKED_DESC_ID = 12;
export const PACKED_DESC_FLAGS = 14;

/** The chain goes on. */
export const VIRTQ_DESC_F_NEXT = 1;
/** The device writes here; it reads otherwise. */
export const VIRTQ_DESC_F_WRITE = 2;
/** The range holds a table of descriptors. */
export const VIRTQ_DESC_F_INDIRECT = 4;
/** Packed (§2.8.1): available if equal to the driver's wrap counter and unequal to USED. */
export const VIRTQ_DESC_F_AVAIL = 1 << 7;
export const VIRTQ_DESC_F_USED = 1 << 15;

/** The available ring (§2.7.6): flags, index, entries of 2 bytes, used_event. */
export const AVAIL_FLAGS = 0;
export const AVAIL_INDEX = 2;
export const AVAIL_RING = 4;
/** The driver wants no interrupts (§2.7.7). */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

/** The used ring (§2.7.8): flags, index, entries of 8 bytes (id, length), avail_event. */
export const USED_FLAGS = 0;
export const USED_INDEX = 2;
export const USED_RING = 4;
export const USED_ENTRY_BYTES = 8;
/** The device wants no notifications (§2.7.10). */
export const VIRTQ_USED_F_NO_NOTIFY = 1;

/** Event suppression of packed queues (§2.8.10): ring offset and wrap counter, then flags. */
export const EVENT_OFFSET_WRAP = 0;
export const EVENT_FLAGS = 2;
export const EVENT_BYTES = 4;
export const RING_EVENT_FLAGS_ENABLE = 0;
export const RING_EVENT_FLAGS_DISABLE = 1;
/** Only at the descriptor that offset and wrap counter name; with VIRTIO_F_EVENT_IDX. */
export const RING_EVENT_FLAGS_DESC = 2;

/** Bytes of the three areas of a queue; both sides and every transport use these. */
export interface QueueAreas {
  /** Split: descriptor table. Packed: descriptor ring. */
  readonly descriptors: number;
  /** Split: available ring. Packed: the driver's event suppression. */
  readonly driver: number;
  /** Split: used ring. Packed: the device's event suppression. */
  readonly device: number;
}

/** How large the areas of a queue of `size` descriptors are (§2.7, with the event indexes; §2.8.10.1). */
export function queueAreas(isPacked: boolean, size: number): QueueAreas {
  const descriptors = DESC_BYTES * size;
  return isPacked
    ? { descriptors, driver: EVENT_BYTES, device: EVENT_BYTES }
    : {
        descriptors,
        driver: AVAIL_RING + 2 * size + 2,
        device: USED_RING + USED_ENTRY_BYTES * size + 2,
      };
}

/** What the areas' addresses are multiples of (§2.7: 16, 2, 4; §2.8.10.1: 16, 4, 4). */
export function queueAlignments(isPacked: boolean): QueueAreas {
  return { descriptors: 16, driver: isPacked ? 4 : 2, device: 4 };
}

/**
 * Whether the other side wants to hear that an index went from `before` to `after` when it asked for `event` (§2.7.10): 16 bits, which
 * wrap.
 */
export function passedEvent(event: number, after: number, before: number): boolean {
  return ((after - event - 1) & 0xffff) < ((after - before) & 0xffff);
}
