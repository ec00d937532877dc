// SplitDriverQueue: the driver's side of a split queue. VIRTIO 1.2 §2.7.13, §2.7.14.
import type { Gpa, GuestMemory } from '@proxeny/memory';
import {
  AVAIL_FLAGS,
  AVAIL_INDEX,
  AVAIL_RING,
  DESC_BYTES,
  passedEvent,
  type QueueAreas,
  SPLIT_DESC_FLAGS,
  SPLIT_DESC_NEXT,
  USED_ENTRY_BYTES,
  USED_FLAGS,
  USED_INDEX,
  USED_RING,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_USED_F_NO_NOTIFY,
} from '../spec/ring.js';
import {
  type DriverBuffer,
  type DriverQueue,
  type DriverQueueOptions,
  indirectTable,
  type UsedBuffer,
  UsedInOrder,
  writeRange,
} from './driver-queue.js';

export class SplitDriverQueue implements DriverQueue {
  readonly size: number;
  readonly areas: QueueAreas;
  readonly #options: DriverQueueOptions;
  readonly #memory: GuestMemory;
  readonly #free: number[] = [];
  /** The ring's descriptors of each buffer in flight, by its first one. */
  readonly #inFlight: Map<number, readonly number[]> = new Map();
  #inOrder: UsedInOrder | null = null;
  #available = 0;
  #notified = 0;
  #used = 0;

  constructor(options: DriverQueueOptions) {
    this.size = options.size;
    this.areas = options.areas;
    this.#options = options;
    this.#memory = options.memory;
    for (let index = 0; index < this.size; index++) this.#free.push(index);
    if (options.isInOrder) this.#inOrder = new UsedInOrder();
  }

  get free(): number {
    return this.#free.length;
  }

  add(
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
    isIndirect = false,
  ): number {
    const count = readable.length + writable.length;
    if (count === 0) throw new RangeError('a buffer has at least one range');
    const needed = isIndirect ? 1 : count;
    if (needed > this.#free.length) return -1;
    // With buffers used in order, descriptors too are used in the order of the ring, as VIRTIO_F_IN_ORDER wants it.
    const mine = this.#free.splice(0, needed);
    const [head] = mine;
    if (isIndirect) {
      const table = indirectTable(this.#options.indirect, head, count);
      const indexes = Array.from({ length: count }, (_, i) => i);
      this.#writeChain(table.at, indexes, readable, writable);
      const at = this.areas.descriptors + head * DESC_BYTES;
      writeRange(this.#memory, at, table);
      this.#memory.writeU16((at + SPLIT_DESC_FLAGS) as Gpa, VIRTQ_DESC_F_INDIRECT);
    } else {
      this.#writeChain(this.areas.descriptors, mine, readable, writable);
    }
    this.#inFlight.set(head, mine);
    this.#inOrder?.added(head, writable);
    const slot = this.#available % this.size;
    this.#memory.writeU16((this.areas.driver + AVAIL_RING + 2 * slot) as Gpa, head);
    this.#available = (this.#available + 1) & 0xffff;
    this.#memory.writeU16((this.areas.driver + AVAIL_INDEX) as Gpa, this.#available);
    return head;
  }

  mustNotify(): boolean {
    const before = this.#notified;
    this.#notified = this.#available;
    if (before === this.#available) return false;
    const { device } = this.areas;
    if (!this.#options.hasEventIndex) {
      const flags = this.#memory.readU16((device + USED_FLAGS) as Gpa);
      return (flags & VIRTQ_USED_F_NO_NOTIFY) === 0;
    }
    const at = device + USED_RING + USED_ENTRY_BYTES * this.size;
    return passedEvent(this.#memory.readU16(at as Gpa), this.#available, before);
  }

  take(): UsedBuffer | null {
    const read = (): UsedBuffer | null => this.#readUsed();
    const used = this.#inOrder ? this.#inOrder.take(read) : read();
    if (!used) return null;
    this.#used = (this.#used + 1) & 0xffff;
    this.#free.push(...(this.#inFlight.get(used.id) ?? []));
    this.#inFlight.delete(used.id);
    return used;
  }

  /** The entry of the used ring that is next. */
  #readUsed(): UsedBuffer | null {
    const { device } = this.areas;
    if (this.#memory.readU16((device + USED_INDEX) as Gpa) === this.#used) return null;
    const at = device + USED_RING + USED_ENTRY_BYTES * (this.#used % this.size);
    const id = this.#memory.readU32(at as Gpa);
    return { id, written: this.#memory.readU32((at + 4) as Gpa) };
  }

  wantInterrupts(areWanted: boolean): void {
    const { driver } = this.areas;
    if (this.#options.hasEventIndex) {
      const usedEvent = areWanted ? this.#used : (this.#used - 1) & 0xffff;
      this.#memory.writeU16((driver + AVAIL_RING + 2 * this.size) as Gpa, usedEvent);
    } else {
      const flags = areWanted ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT;
      this.#memory.writeU16((driver + AVAIL_FLAGS) as Gpa, flags);
    }
  }

  /** Writes linked descriptors into the entries `indexes` of a table. */
  #writeChain(
    table: number,
    indexes: readonly number[],
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
  ): void {
    const ranges = [...readable, ...writable];
    for (const [i, range] of ranges.entries()) {
      const at = table + indexes[i] * DESC_BYTES;
      const isLast = i === ranges.length - 1;
      const flags =
        (isLast ? 0 : VIRTQ_DESC_F_NEXT) | (i < readable.length ? 0 : VIRTQ_DESC_F_WRITE);
      writeRange(this.#memory, at, range);
      this.#memory.writeU16((at + SPLIT_DESC_FLAGS) as Gpa, flags);
      this.#memory.writeU16((at + SPLIT_DESC_NEXT) as Gpa, isLast ? 0 : indexes[i + 1]);
    }
  }
}
