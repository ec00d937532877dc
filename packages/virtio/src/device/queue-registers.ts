// QueueRegisters: what a driver sets up of one queue before it is ready. The common part of all transports' registers.

import type { Virtqueue, VirtqueueState } from '../queue/virtqueue.js';
import { SavedState } from '../saved-state.js';
import type { QueueAreas } from '../spec/ring.js';

const TWO_32 = 4294967296;

/** Which half of an area's address a register holds. */
export type AddressHalf = 'low' | 'high';

/** Saved state of {@link QueueRegisters}. `queue` is null while there is none. */
export interface QueueRegistersState {
  readonly version: 1;
  readonly size: number;
  readonly isEnabled: boolean;
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly queue: VirtqueueState | null;
}

export class QueueRegisters {
  readonly maxSize: number;
  size: number;
  isEnabled = false;
  /** Guest-physical addresses, each as [low, high]. */
  readonly #addresses: Record<keyof QueueAreas, [number, number]> = {
    descriptors: [0, 0],
    driver: [0, 0],
    device: [0, 0],
  };
  /** Open from the driver's being ready on. */
  queue: Virtqueue | null = null;

  constructor(maxSize: number) {
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  get areas(): QueueAreas {
    const { descriptors, driver, device } = this.#addresses;
    const address = ([low, high]: [number, number]) => high * TWO_32 + low;
    return {
      descriptors: address(descriptors),
      driver: address(driver),
      device: address(device),
    };
  }

  address(area: keyof QueueAreas, half: AddressHalf): number {
    return this.#addresses[area][half === 'low' ? 0 : 1];
  }

  /** Ignored while the queue is enabled: a driver must not (VIRTIO 1.2 §4.1.4.3.2). */
  setAddress(area: keyof QueueAreas, half: AddressHalf, value: number): void {
    if (!this.isEnabled) this.#addresses[area][half === 'low' ? 0 : 1] = value >>> 0;
  }

  setSize(value: number): void {
    if (!this.isEnabled) this.size = value & 0xffff;
  }

  reset(): void {
    this.size = this.maxSize;
    this.isEnabled = false;
    this.queue?.close();
    for (const address of Object.values(this.#addresses)) address.fill(0);
    this.queue = null;
  }

  save(): QueueRegistersState {
    const { size, isEnabled, queue } = this;
    return { version: 1, size, isEnabled, ...this.areas, queue: queue?.save() ?? null };
  }

  /**
   * @param open makes the queue of what was read, or says why it cannot be
   * @throws RangeError
   */
  static restored(
    maxSize: number,
    state: unknown,
    open: (registers: QueueRegisters) => Virtqueue | string,
  ): QueueRegisters {
    const reader: SavedState = new SavedState('queue registers', state, 1);
    const restored = new QueueRegisters(maxSize);
    restored.size = reader.integer('size', 0, 0xffff);
    for (const area of ['descriptors', 'driver', 'device'] as const) {
      const at = reader.integer(area, 0, 2 ** 64);
      restored.#addresses[area] = [at % TWO_32, Math.floor(at / TWO_32) >>> 0];
    }
    restored.isEnabled = reader.boolean('isEnabled');
    const saved = reader.value('queue');
    if (saved !== null) {
      const queue = open(restored);
      if (typeof queue === 'string') reader.reject('queue', `a queue, but it ${queue}`);
      queue.restore(saved);
      restored.queue = queue;
    }
    return restored;
  }
}
