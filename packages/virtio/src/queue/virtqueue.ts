// @hot
// Virtqueue: the device's side of a queue, whichever kind of ring it has (VIRTIO 1.2 §2.6): chains of descriptors are popped, served in
// any order and pushed, and the driver is told by and by.
// Everything in the rings is the driver's and hostile: what a queue reads it checks, once, into a DescriptorChain. The first thing that
// is wrong breaks the queue: it says why, has no more chains, and takes none back. Nothing throws, and every loop is bounded.
import type { Gpa } from '@proxeny/memory';
import { SavedState } from '../saved-state.js';
import { DESC_ADDRESS, DESC_BYTES, DESC_LENGTH, type QueueAreas } from '../spec/ring.js';
import { type QueuePlace, releaseAreas, viewOf } from './area-views.js';
import { DescriptorChain, type DescriptorChainState } from './descriptor-chain.js';
import type { DeviceMemory } from './device-memory.js';
import { firstOf } from './first-of.js';

/** Descriptors of an indirect table: more than any driver's, whatever the size of its queue. */
const MAX_INDIRECT_DESCRIPTORS = 1024;
const TWO_32 = 4294967296;

export interface VirtqueueOptions extends QueuePlace {
  readonly hasIndirect: boolean;
  readonly hasEventIndex: boolean;
  /** Chains are given back in the order in which they were popped, whatever the order they are pushed in. Default: no. */
  readonly isInOrder?: boolean;
  /** Called at most once: what the driver did wrong, as the rest of a sentence that begins with the queue. */
  readonly onBroken: (reason: string) => void;
}

/** Saved state of a {@link Virtqueue}: its places in the rings, and the chains that were popped and not pushed. */
export interface VirtqueueState {
  readonly version: 1;
  readonly nextAvailable: number;
  readonly nextUsed: number;
  readonly inFlight: readonly DescriptorChainState[];
}

export abstract class Virtqueue implements QueuePlace {
  readonly size: number;
  readonly memory: DeviceMemory;
  readonly areas: QueueAreas;
  protected readonly hasEventIndex: boolean;
  readonly #hasIndirect: boolean;
  readonly #onBroken: (reason: string) => void;
  readonly #isInOrder: boolean;
  /** In the order in which they were popped. */
  readonly #inFlight: Set<DescriptorChain> = new Set();
  /** Pushed before one that was popped earlier; bytes written of each. */
  readonly #early: Map<DescriptorChain, number> = new Map();
  readonly #idle: DescriptorChain[] = [];
  /** In flight when the state was saved: they start again. */
  readonly #again: DescriptorChain[] = [];
  #slotsInFlight = 0;
  /** Chains popped since the driver was last shown something: it cannot have made more available than its ring holds. */
  #popped = 0;
  #isBroken = false;

  constructor(options: VirtqueueOptions) {
    this.size = options.size;
    this.memory = options.memory;
    this.areas = options.areas;
    this.hasEventIndex = options.hasEventIndex;
    this.#hasIndirect = options.hasIndirect;
    this.#isInOrder = options.isInOrder ?? false;
    this.#onBroken = options.onBroken;
  }

  /** Chains that are the device's. */
  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /**
   * The next chain that the driver made available, or null. After null, the driver will notify of the next one. A device publishes before it
   * has popped more chains than the ring holds: until then so many are taken for a driver that goes on without end, which breaks the queue.
   */
  pop(): DescriptorChain | null {
    if (this.#isBroken) return null;
    const restored = this.#again.shift();
    if (restored !== undefined) return this.#own(restored);
    const chain = this.#idle.pop() ?? new DescriptorChain(this.memory);
    if (this.take(chain)) {
      this.#popped++;
      const isPossible =
        this.#popped <= this.size && this.#slotsInFlight + chain.slots <= this.size;
      if (isPossible) return this.#own(chain);
      this.broken('made more buffers available than its ring holds');
    }
    chain.clear();
    this.#idle.push(chain);
    return null;
  }

  /**
   * Gives a chain back, which has no bytes from here on, with `written` bytes from the start of its writable part on. The driver sees it
   * after {@link publish}.
   */
  push(chain: DescriptorChain, written: number): void {
    if (!this.#inFlight.has(chain) || this.#early.has(chain))
      throw new Error('a chain was pushed that is not in flight');
    if (!this.#isInOrder) {
      this.#giveBack(chain, written);
      return;
    }
    this.#early.set(chain, written);
    for (let next = firstOf(this.#inFlight); next !== null; next = firstOf(this.#inFlight)) {
      const count = this.#early.get(next);
      if (count === undefined) return;
      this.#early.delete(next);
      this.#giveBack(next, count);
    }
  }

  #giveBack(chain: DescriptorChain, written: number): void {
    this.#inFlight.delete(chain);
    this.#slotsInFlight -= chain.slots;
    if (!this.#isBroken) this.give(chain, written);
    chain.clear();
    this.#idle.push(chain);
  }

  /** Shows the driver what was pushed. Whether it wants an interrupt for that. */
  publish(): boolean {
    this.#popped = 0;
    return !this.#isBroken && this.show();
  }

  /** The driver takes everything back, what is in flight too: those chains have no bytes any more. */
  close(): void {
    this.#isBroken = true;
    this.#inFlight.forEach(empty);
    this.#again.forEach(empty);
    releaseAreas(this.isPacked, this);
  }

  save(): VirtqueueState {
    const inFlight = [...this.#inFlight, ...this.#again].map((chain) => chain.save());
    return { version: 1, ...this.savePlaces(), inFlight };
  }

  /** @throws RangeError for what {@link save} could not have returned, and changes nothing */
  restore(state: unknown): void {
    const reader = new SavedState('virtqueue', state, 1);
    const chains = reader
      .list('inFlight', 0, this.size)
      .map((each) => restoreChain(this.memory, this.size, each));
    const slots = chains.reduce((sum, chain) => sum + chain.slots, 0);
    if (slots > this.size) reader.reject('inFlight', 'chains that fit the ring');
    this.restorePlaces(reader);
    this.#inFlight.clear();
    this.#early.clear();
    this.#slotsInFlight = 0;
    this.#again.splice(0, this.#again.length, ...chains);
  }

  protected abstract readonly isPacked: boolean;
  /** Takes the next available chain out of the ring; false if there is none, or if it is wrong. */
  protected abstract take(chain: DescriptorChain): boolean;
  /** Writes a used chain into the ring. */
  protected abstract give(chain: DescriptorChain, written: number): void;
  /** Lets the driver see all that was given; whether it wants an interrupt. */
  protected abstract show(): boolean;
  protected abstract savePlaces(): { nextAvailable: number; nextUsed: number };
  protected abstract restorePlaces(reader: SavedState): void;

  /** The driver broke the rules. Always false. */
  protected broken(reason: string): false {
    if (this.#isBroken) return false;
    this.#isBroken = true;
    this.#onBroken(reason);
    return false;
  }

  /** Appends what the descriptor at byte `at` of `table` names; false if that is wrong. */
  protected addSegment(
    chain: DescriptorChain,
    table: DataView,
    at: number,
    isWritable: boolean,
  ): boolean {
    const address = addressAt(table, at);
    const reason = chain.add(address, table.getUint32(at + DESC_LENGTH, true), isWritable);
    return reason === null || this.broken(`has a buffer that ${reason}`);
  }

  /** The table that the descriptor at byte `at` refers to; null if it is none. */
  protected indirectTable(chain: DescriptorChain, table: DataView, at: number): DataView | null {
    const byteLength = table.getUint32(at + DESC_LENGTH, true);
    const address = addressAt(table, at);
    const count = byteLength / DESC_BYTES;
    if (!this.#hasIndirect) this.broken('has an indirect descriptor, which was not negotiated');
    else if (!Number.isInteger(count) || count === 0 || count > MAX_INDIRECT_DESCRIPTORS)
      this.broken(`has an indirect table of ${byteLength} bytes`);
    else {
      const bytes = chain.viewTable(address as Gpa, byteLength);
      if (bytes !== null) return viewOf(bytes);
      this.broken(`has an indirect table at 0x${address.toString(16)}, which is no RAM`);
    }
    return null;
  }

  #own(chain: DescriptorChain): DescriptorChain {
    this.#inFlight.add(chain);
    this.#slotsInFlight += chain.slots;
    return chain;
  }
}

const empty = (chain: DescriptorChain): void => chain.clear();

/** @throws RangeError */
function restoreChain(memory: DeviceMemory, queueSize: number, state: unknown): DescriptorChain {
  const reader: SavedState = new SavedState('descriptor chain', state, 1);
  const chain = new DescriptorChain(memory);
  chain.id = reader.integer('id', 0, 0xffff);
  chain.slots = reader.integer('slots', 1, queueSize);
  const maxNumbers = 2 * (queueSize + MAX_INDIRECT_DESCRIPTORS);
  for (const name of ['readable', 'writable'] as const) {
    const numbers = reader.integers(name, Number.MAX_SAFE_INTEGER, 0, maxNumbers);
    if (numbers.length % 2 !== 0) reader.reject(name, 'pairs of address and length');
    for (let i = 0; i < numbers.length; i += 2) {
      const reason = chain.add(numbers[i], numbers[i + 1], name === 'writable');
      if (reason !== null) reader.reject(name, `pieces of RAM, but it ${reason}`);
    }
  }
  return chain;
}

/** A descriptor's address; what is beyond 2^53 is rounded, and beyond all RAM. */
function addressAt(table: DataView, at: number): number {
  return (
    table.getUint32(at + DESC_ADDRESS + 4, true) * TWO_32 + table.getUint32(at + DESC_ADDRESS, true)
  );
}
