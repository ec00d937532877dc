// PackedDriverQueue: the driver's side of a packed queue. VIRTIO 1.2 §2.8.21, §2.8.22.
import type { Gpa, GuestMemory } from '@proxeny/memory';
import {
  DESC_BYTES,
  DESC_LENGTH,
  EVENT_FLAGS,
  EVENT_OFFSET_WRAP,
  PACKED_DESC_FLAGS,
  PACKED_DESC_ID,
  passedEvent,
  type QueueAreas,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_USED,
  VIRTQ_DESC_F_WRITE,
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

/** A slot of the ring and the wrap counter of its round. */
interface Place {
  readonly slot: number;
  readonly wrap: boolean;
}

export class PackedDriverQueue implements DriverQueue {
  readonly size: number;
  readonly areas: QueueAreas;
  readonly #options: DriverQueueOptions;
  readonly #memory: GuestMemory;
  readonly #freeIds: number[] = [];
  /** Slots of each buffer in flight, by its id. */
  readonly #slots: number[];
  readonly #inOrder: UsedInOrder | null;
  #free: number;
  #available: Place = { slot: 0, wrap: true };
  #used: Place = { slot: 0, wrap: true };
  /** Slots filled since the last {@link mustNotify}. */
  #added = 0;

  constructor(options: DriverQueueOptions) {
    this.size = options.size;
    this.areas = options.areas;
    this.#options = options;
    this.#memory = options.memory;
    this.#free = options.size;
    this.#inOrder = options.isInOrder ? new UsedInOrder() : null;
    this.#slots = new Array(options.size).fill(0);
    for (let id = this.size - 1; id >= 0; id--) this.#freeIds.push(id);
  }

  get free(): number {
    return this.#free;
  }

  add(
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
    isIndirect = false,
  ): number {
    const ranges = [...readable, ...writable];
    if (ranges.length === 0) throw new RangeError('a buffer has at least one range');
    const needed = isIndirect ? 1 : ranges.length;
    if (needed > this.#free) return -1;
    const id = this.#freeIds.pop() ?? 0;
    const writeFlag = (i: number) => (i < readable.length ? 0 : VIRTQ_DESC_F_WRITE);
    const head = this.#available;
    if (isIndirect) {
      const table = indirectTable(this.#options.indirect, id, ranges.length);
      for (const [i, range] of ranges.entries())
        this.#write(table.at + i * DESC_BYTES, range, 0, writeFlag(i));
      this.#write(this.#at(head), table, id, VIRTQ_DESC_F_INDIRECT | this.#marks(head));
      this.#available = this.#after(head, 1);
    } else {
      // The first one's flags hand all of them over, so they are written last.
      for (let i = ranges.length - 1; i >= 0; i--) {
        const place = this.#after(head, i);
        const next = i === ranges.length - 1 ? 0 : VIRTQ_DESC_F_NEXT;
        this.#write(this.#at(place), ranges[i], id, next | writeFlag(i) | this.#marks(place));
      }
      this.#available = this.#after(head, needed);
    }
    this.#free -= needed;
    this.#added += needed;
    this.#slots[id] = needed;
    this.#inOrder?.added(id, writable);
    return id;
  }

  mustNotify(): boolean {
    const added = this.#added;
    this.#added = 0;
    if (added === 0) return false;
    const flags = this.#memory.readU16((this.areas.device + EVENT_FLAGS) as Gpa);
    if (flags === RING_EVENT_FLAGS_DISABLE) return false;
    if (flags !== RING_EVENT_FLAGS_DESC || !this.#options.hasEventIndex) return true;
    const event = this.#memory.readU16((this.areas.device + EVENT_OFFSET_WRAP) as Gpa);
    const isSameRound = event >>> 15 === Number(this.#available.wrap);
    const slot = (event & 0x7fff) - (isSameRound ? 0 : this.size);
    const { slot: after } = this.#available;
    return added >= this.size || passedEvent(slot, after, after - added);
  }

  take(): UsedBuffer | null {
    const read = (): UsedBuffer | null => this.#readUsed();
    const used = this.#inOrder ? this.#inOrder.take(read) : read();
    if (!used) return null;
    const slots = this.#slots[used.id] ?? 0;
    this.#used = this.#after(this.#used, slots);
    this.#free += slots;
    this.#freeIds.push(used.id);
    return used;
  }

  /** The used descriptor that is next. */
  #readUsed(): UsedBuffer | null {
    const at = this.#at(this.#used);
    const flags = this.#memory.readU16((at + PACKED_DESC_FLAGS) as Gpa);
    const isAvailable = (flags & VIRTQ_DESC_F_AVAIL) !== 0;
    const isUsed = (flags & VIRTQ_DESC_F_USED) !== 0;
    if (isAvailable !== this.#used.wrap || isUsed !== this.#used.wrap) return null;
    const id = this.#memory.readU16((at + PACKED_DESC_ID) as Gpa);
    return { id, written: this.#memory.readU32((at + DESC_LENGTH) as Gpa) };
  }

  wantInterrupts(areWanted: boolean): void {
    const { driver } = this.areas;
    const isByIndex = areWanted && this.#options.hasEventIndex === true;
    const { slot, wrap } = this.#used;
    this.#memory.writeU16((driver + EVENT_OFFSET_WRAP) as Gpa, slot | (wrap ? 0x8000 : 0));
    const flags = !areWanted
      ? RING_EVENT_FLAGS_DISABLE
      : isByIndex
        ? RING_EVENT_FLAGS_DESC
        : RING_EVENT_FLAGS_ENABLE;
    this.#memory.writeU16((driver + EVENT_FLAGS) as Gpa, flags);
  }

  #at({ slot }: Place): number {
    return this.areas.descriptors + slot * DESC_BYTES;
  }

  #after({ slot, wrap }: Place, count: number): Place {
    const next = slot + count;
    return next < this.size ? { slot: next, wrap } : { slot: next - this.size, wrap: !wrap };
  }

  /** What marks a descriptor at `place` as available. */
  #marks({ wrap }: Place): number {
    return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
  }

  #write(at: number, range: DriverBuffer, id: number, flags: number): void {
    writeRange(this.#memory, at, range);
    this.#memory.writeU16((at + PACKED_DESC_ID) as Gpa, id);
    this.#memory.writeU16((at + PACKED_DESC_FLAGS) as Gpa, flags);
  }
}
