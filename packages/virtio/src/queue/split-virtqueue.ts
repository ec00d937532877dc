// @hot
// SplitVirtqueue: descriptor table, available ring and used ring, the device's side. VIRTIO 1.2 §2.7.
import type { Gpa } from '@proxeny/memory';
import type { SavedState } from '../saved-state.js';
import {
  AVAIL_FLAGS,
  AVAIL_INDEX,
  AVAIL_RING,
  DESC_BYTES,
  passedEvent,
  SPLIT_DESC_FLAGS,
  SPLIT_DESC_NEXT,
  USED_ENTRY_BYTES,
  USED_INDEX,
  USED_RING,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../spec/ring.js';
import type { QueueViews } from './area-views.js';
import type { DescriptorChain } from './descriptor-chain.js';
import { Virtqueue, type VirtqueueOptions } from './virtqueue.js';

export class SplitVirtqueue extends Virtqueue {
  protected override readonly isPacked: boolean = false;
  readonly #descriptors: DataView;
  readonly #available: DataView;
  readonly #used: DataView;
  readonly #mask: number;
  /** Indexes run through 16 bits; the rings' slots are their low bits. */
  #nextAvailable = 0;
  #nextUsed = 0;
  /** What the driver sees of `#nextUsed`. */
  #shown = 0;

  constructor(options: VirtqueueOptions, views: QueueViews) {
    super(options);
    this.#descriptors = views.descriptors;
    this.#available = views.driver;
    this.#used = views.device;
    this.#mask = options.size - 1;
  }

  protected override take(chain: DescriptorChain): boolean {
    const ahead = (this.#available.getUint16(AVAIL_INDEX, true) - this.#nextAvailable) & 0xffff;
    if (ahead === 0) {
      if (this.hasEventIndex) this.#armNotification();
      return false;
    }
    if (ahead > this.size)
      return this.broken(`has ${ahead} available buffers in a ring of ${this.size}`);
    const entry = AVAIL_RING + 2 * (this.#nextAvailable & this.#mask);
    const head = this.#available.getUint16(entry, true);
    if (head >= this.size) return this.broken(`made descriptor ${head} available, which is none`);
    chain.id = head;
    chain.slots = 1;
    if (!this.#follow(chain, head)) return false;
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return true;
  }

  protected override give(chain: DescriptorChain, written: number): void {
    const at = USED_RING + USED_ENTRY_BYTES * (this.#nextUsed & this.#mask);
    this.#used.setUint32(at, chain.id, true);
    this.#used.setUint32(at + 4, written, true);
    this.memory.written((this.areas.device + at) as Gpa, USED_ENTRY_BYTES);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
  }

  protected override show(): boolean {
    const before = this.#shown;
    const after = this.#nextUsed;
    if (before === after) return false;
    this.#shown = after;
    this.#used.setUint16(USED_INDEX, after, true);
    this.memory.written((this.areas.device + USED_INDEX) as Gpa, 2);
    if (!this.hasEventIndex)
      return (this.#available.getUint16(AVAIL_FLAGS, true) & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0;
    const usedEvent = this.#available.getUint16(AVAIL_RING + 2 * this.size, true);
    return passedEvent(usedEvent, after, before);
  }

  protected override savePlaces(): { nextAvailable: number; nextUsed: number } {
    return { nextAvailable: this.#nextAvailable, nextUsed: this.#nextUsed };
  }

  protected override restorePlaces(reader: SavedState): void {
    const nextAvailable = reader.integer('nextAvailable', 0, 0xffff);
    const nextUsed = reader.integer('nextUsed', 0, 0xffff);
    this.#nextAvailable = nextAvailable;
    this.#nextUsed = nextUsed;
    this.#shown = nextUsed;
  }

  /** avail_event: the driver is to notify when it goes past what was taken (§2.7.10). */
  #armNotification(): void {
    const at = USED_RING + USED_ENTRY_BYTES * this.size;
    this.#used.setUint16(at, this.#nextAvailable, true);
    this.memory.written((this.areas.device + at) as Gpa, 2);
  }

  /** Adds the descriptors from `head` on; the last one may be an indirect table, which has a chain of its own (§2.7.5.3). */
  #follow(chain: DescriptorChain, head: number): boolean {
    let table = this.#descriptors;
    let count = this.size;
    let left = count;
    let index = head;
    for (;;) {
      const at = index * DESC_BYTES;
      const flags = table.getUint16(at + SPLIT_DESC_FLAGS, true);
      if (left-- === 0) return this.broken('has a chain without end');
      if (flags & VIRTQ_DESC_F_INDIRECT) {
        if (flags & VIRTQ_DESC_F_NEXT)
          return this.broken('has an indirect descriptor that goes on');
        if (table !== this.#descriptors)
          return this.broken('has an indirect descriptor in an indirect table');
        const indirect = this.indirectTable(chain, table, at);
        if (indirect === null) return false;
        table = indirect;
        count = indirect.byteLength / DESC_BYTES;
        left = count;
        index = 0;
        continue;
      }
      if (!this.addSegment(chain, table, at, (flags & VIRTQ_DESC_F_WRITE) !== 0)) return false;
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return true;
      index = table.getUint16(at + SPLIT_DESC_NEXT, true);
      if (index >= count) return this.broken(`has a chain that goes on at ${index}, which is none`);
    }
  }
}
