// @hot
// PackedVirtqueue: one ring of descriptors that driver and device both write, the device's side. VIRTIO 1.2 §2.8.
// A place in the ring has the slot in bits 0-14 and the wrap counter of that round in bit 15, as the event suppression structures have it.
import type { Gpa } from '@proxeny/memory';
import type { SavedState } from '../saved-state.js';
import {
  DESC_BYTES,
  DESC_LENGTH,
  EVENT_BYTES,
  EVENT_FLAGS,
  EVENT_OFFSET_WRAP,
  PACKED_DESC_FLAGS,
  PACKED_DESC_ID,
  passedEvent,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_USED,
  VIRTQ_DESC_F_WRITE,
} from '../spec/ring.js';
import type { QueueViews } from './area-views.js';
import type { DescriptorChain } from './descriptor-chain.js';
import { Virtqueue, type VirtqueueOptions } from './virtqueue.js';

const WRAP = 0x8000;
const SLOT = 0x7fff;

export class PackedVirtqueue extends Virtqueue {
  protected override readonly isPacked: boolean = true;
  readonly #ring: DataView;
  readonly #driverEvents: DataView;
  readonly #deviceEvents: DataView;
  /** The wrap counters begin as 1 (§2.8.1). */
  #nextAvailable = WRAP;
  #nextUsed = WRAP;
  /** Slots that were given since the driver was last told. */
  #untold = 0;

  constructor(options: VirtqueueOptions, views: QueueViews) {
    super(options);
    this.#ring = views.descriptors;
    this.#driverEvents = views.driver;
    this.#deviceEvents = views.device;
  }

  protected override take(chain: DescriptorChain): boolean {
    const head = this.#nextAvailable;
    const flags = this.#flagsAt(head & SLOT);
    const isAvailable = (flags & VIRTQ_DESC_F_AVAIL) !== 0;
    const isUsed = (flags & VIRTQ_DESC_F_USED) !== 0;
    const wrap = (head & WRAP) !== 0;
    if (isAvailable !== wrap || isUsed === wrap) {
      if (this.hasEventIndex) this.#armNotification();
      return false;
    }
    const isWhole =
      flags & VIRTQ_DESC_F_INDIRECT
        ? this.#addIndirect(chain, head & SLOT, flags)
        : this.#follow(chain, head & SLOT, flags);
    if (!isWhole) return false;
    this.#nextAvailable = this.#after(head, chain.slots);
    return true;
  }

  protected override give(chain: DescriptorChain, written: number): void {
    const at = (this.#nextUsed & SLOT) * DESC_BYTES;
    const wrap = this.#nextUsed & WRAP ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
    this.#ring.setUint32(at + DESC_LENGTH, written, true);
    this.#ring.setUint16(at + PACKED_DESC_ID, chain.id, true);
    const flags = wrap | (written > 0 ? VIRTQ_DESC_F_WRITE : 0);
    this.#ring.setUint16(at + PACKED_DESC_FLAGS, flags, true);
    this.memory.written((this.areas.descriptors + at) as Gpa, DESC_BYTES);
    this.#nextUsed = this.#after(this.#nextUsed, chain.slots);
    this.#untold += chain.slots;
  }

  protected override show(): boolean {
    const given = this.#untold;
    if (given === 0) return false;
    this.#untold = 0;
    const flags = this.#driverEvents.getUint16(EVENT_FLAGS, true);
    if (flags === RING_EVENT_FLAGS_DISABLE) return false;
    if (flags !== RING_EVENT_FLAGS_DESC || !this.hasEventIndex) return true;
    const event = this.#driverEvents.getUint16(EVENT_OFFSET_WRAP, true);
    const after = this.#nextUsed & SLOT;
    // An event of the other round counts as one of the round before.
    const sameRound = (event & WRAP) === (this.#nextUsed & WRAP);
    const slot = (event & SLOT) - (sameRound ? 0 : this.size);
    return given >= this.size || passedEvent(slot, after, after - given);
  }

  protected override savePlaces(): { nextAvailable: number; nextUsed: number } {
    return { nextAvailable: this.#nextAvailable, nextUsed: this.#nextUsed };
  }

  protected override restorePlaces(reader: SavedState): void {
    const nextAvailable = reader.integer('nextAvailable', 0, 0xffff);
    const nextUsed = reader.integer('nextUsed', 0, 0xffff);
    if ((nextAvailable & SLOT) >= this.size) reader.reject('nextAvailable', 'a place in the ring');
    if ((nextUsed & SLOT) >= this.size) reader.reject('nextUsed', 'a place in the ring');
    this.#nextAvailable = nextAvailable;
    this.#nextUsed = nextUsed;
    this.#untold = 0;
  }

  #flagsAt(slot: number): number {
    return this.#ring.getUint16(slot * DESC_BYTES + PACKED_DESC_FLAGS, true);
  }

  /** The place `count` slots on; at most once around. */
  #after(place: number, count: number): number {
    const slot = (place & SLOT) + count;
    return slot < this.size ? place + count : (slot - this.size) | ((place & WRAP) ^ WRAP);
  }

  /** The driver is to notify of what it makes available next (§2.8.10). */
  #armNotification(): void {
    this.#deviceEvents.setUint16(EVENT_OFFSET_WRAP, this.#nextAvailable, true);
    this.#deviceEvents.setUint16(EVENT_FLAGS, RING_EVENT_FLAGS_DESC, true);
    this.memory.written(this.areas.device as Gpa, EVENT_BYTES);
  }

  /** Adds the descriptors from `head` on, which stand one after another; the last one has the id. */
  #follow(chain: DescriptorChain, head: number, headFlags: number): boolean {
    let slot = head;
    let flags = headFlags;
    for (;;) {
      const at = slot * DESC_BYTES;
      if (flags & VIRTQ_DESC_F_INDIRECT)
        return this.broken('has an indirect descriptor in a chain');
      if (!this.addSegment(chain, this.#ring, at, (flags & VIRTQ_DESC_F_WRITE) !== 0)) return false;
      chain.slots++;
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) {
        chain.id = this.#ring.getUint16(at + PACKED_DESC_ID, true);
        return true;
      }
      if (chain.slots === this.size) return this.broken('has a chain without end');
      slot = slot + 1 === this.size ? 0 : slot + 1;
      flags = this.#flagsAt(slot);
    }
  }

  /** Adds a table of descriptors, all of which belong to the chain; of their flags only WRITE counts (§2.8.7). */
  #addIndirect(chain: DescriptorChain, head: number, flags: number): boolean {
    if (flags & VIRTQ_DESC_F_NEXT) return this.broken('has an indirect descriptor that goes on');
    const table = this.indirectTable(chain, this.#ring, head * DESC_BYTES);
    if (table === null) return false;
    for (let at = 0; at < table.byteLength; at += DESC_BYTES) {
      const isWritable = (table.getUint16(at + PACKED_DESC_FLAGS, true) & VIRTQ_DESC_F_WRITE) !== 0;
      if (!this.addSegment(chain, table, at, isWritable)) return false;
    }
    chain.slots = 1;
    chain.id = this.#ring.getUint16(head * DESC_BYTES + PACKED_DESC_ID, true);
    return true;
  }
}
