// DriverQueue: the driver's side of a queue. VIRTIO 1.2 §2.7.13, §2.8.21.
// It believes its device: what a device writes into the rings is taken as it is.
import type { Gpa, GuestMemory } from '@proxeny/memory';
import {
  DESC_ADDRESS,
  DESC_BYTES,
  DESC_LENGTH,
  type QueueAreas,
  queueAlignments,
  queueAreas,
} from '../spec/ring.js';

const TWO_32 = 4294967296;

/** A range of the driver's memory. */
export interface DriverBuffer {
  readonly at: number;
  readonly byteLength: number;
}

/** Tables for indirect descriptors: one for each buffer that may be in flight. */
export interface IndirectTables {
  readonly at: number;
  /** Descriptors in each. */
  readonly size: number;
}

export interface DriverQueueOptions {
  readonly memory: GuestMemory;
  /** Descriptors in the ring; split: a power of two. */
  readonly size: number;
  /** Addresses, see {@link placeQueue}. The memory there must be zeroes. */
  readonly areas: QueueAreas;
  readonly hasEventIndex?: boolean;
  /** VIRTIO_F_IN_ORDER was negotiated: the device may tell of several buffers by the last of them. */
  readonly isInOrder?: boolean;
  /** Without, no buffer can be added by an indirect descriptor. */
  readonly indirect?: IndirectTables;
}

/** A buffer that the device is done with. */
export interface UsedBuffer {
  /** What {@link DriverQueue.add} returned. */
  readonly id: number;
  /** Bytes the device says it wrote. */
  readonly written: number;
}

/** Buffers that a device uses in their order, of which it need only name the last. */
export class UsedInOrder {
  /** In flight, the oldest first: ids, and how many bytes the device may write. */
  readonly #order: UsedBuffer[] = [];
  #last: UsedBuffer | null = null;

  added(id: number, writable: readonly DriverBuffer[]): void {
    const written = writable.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#order.push({ id, written });
  }

  /** The next used buffer, where `read` reads what the device says next: null if that is nothing. */
  take(read: () => UsedBuffer | null): UsedBuffer | null {
    this.#last ??= read();
    const next = this.#last && this.#order.shift();
    if (!this.#last || !next) return null;
    if (next.id !== this.#last.id) return next;
    const last = this.#last;
    this.#last = null;
    return last;
  }
}

export interface DriverQueue {
  readonly size: number;
  readonly areas: QueueAreas;
  /** Descriptors that can be added now. */
  readonly free: number;
  /**
   * Makes a buffer available: ranges the device reads, then ranges it writes; at least one. Returns its id, or -1 when the ring has not
   * enough free descriptors.
   */
  add(
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
    isIndirect?: boolean,
  ): number;
  /** Whether the device wants to be notified of what was added since the last call. */
  mustNotify(): boolean;
  /** The next buffer that the device is done with, or null. */
  take(): UsedBuffer | null;
  /** Tells the device whether to interrupt for used buffers: for the next one, with the event index. At first, it is to. */
  wantInterrupts(areWanted: boolean): void;
}

/** Where the areas of a queue go that starts at `start`, and the first byte after them. */
export function placeQueue(
  isPacked: boolean,
  size: number,
  start: number,
): { areas: QueueAreas; end: number } {
  const lengths = queueAreas(isPacked, size);
  const alignments = queueAlignments(isPacked);
  const roundUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;
  const descriptors = roundUp(start, alignments.descriptors);
  const driver = roundUp(descriptors + lengths.descriptors, alignments.driver);
  const device = roundUp(driver + lengths.driver, alignments.device);
  return { areas: { descriptors, driver, device }, end: device + lengths.device };
}

/** Writes address and length of a descriptor of either kind. */
export function writeRange(memory: GuestMemory, descriptor: number, range: DriverBuffer): void {
  memory.writeU32((descriptor + DESC_ADDRESS) as Gpa, range.at % TWO_32);
  memory.writeU32((descriptor + DESC_ADDRESS + 4) as Gpa, Math.floor(range.at / TWO_32));
  memory.writeU32((descriptor + DESC_LENGTH) as Gpa, range.byteLength);
}

/** Where the table of buffer `id` is. @throws RangeError if `count` descriptors do not fit it */
export function indirectTable(
  tables: IndirectTables | undefined,
  id: number,
  count: number,
): DriverBuffer {
  if (!tables || count > tables.size)
    throw new RangeError(`no indirect table has room for ${count} descriptors`);
  return { at: tables.at + id * tables.size * DESC_BYTES, byteLength: count * DESC_BYTES };
}
