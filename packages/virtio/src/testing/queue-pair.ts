// Both ends of one queue over one memory, for tests.
import { FlatMemory } from '@proxeny/memory';
import {
  type DriverQueue,
  type DriverQueueOptions,
  PackedDriverQueue,
  placeQueue,
  SplitDriverQueue,
} from '../driver/index.js';
import { openVirtqueue } from '../queue/open-virtqueue.js';
import type { Virtqueue } from '../queue/virtqueue.js';
import type { QueueAreas } from '../spec/ring.js';

export type RingKind = 'split' | 'packed';
export const ringKinds: readonly RingKind[] = ['split', 'packed'];

/** Descriptors in each indirect table. */
export const INDIRECT_SIZE = 8;
/** Where tests have their buffers. */
export const DATA_AT = 0x8000;

export interface QueuePair {
  readonly memory: FlatMemory;
  readonly areas: QueueAreas;
  readonly driver: DriverQueue;
  readonly device: Virtqueue;
  /** Why the device's side broke. */
  readonly reasons: string[];
}

export interface QueuePairOptions {
  readonly size?: number;
  readonly hasEventIndex?: boolean;
  readonly hasIndirect?: boolean;
  readonly isInOrder?: boolean;
}

export function driverQueue(kind: RingKind, options: DriverQueueOptions): DriverQueue {
  return kind === 'packed' ? new PackedDriverQueue(options) : new SplitDriverQueue(options);
}

export function queuePair(kind: RingKind, options: QueuePairOptions = {}): QueuePair {
  const { size = 8, hasEventIndex = false, hasIndirect = true, isInOrder = false } = options;
  const memory = new FlatMemory(0x20000);
  const { areas, end } = placeQueue(kind === 'packed', size, 0x1000);
  const reasons: string[] = [];
  const device = openVirtqueue(kind === 'packed', {
    ...{ memory, size, areas, hasIndirect, hasEventIndex, isInOrder },
    onBroken: (reason) => reasons.push(reason),
  });
  if (typeof device === 'string') throw new Error(device);
  const indirect = { at: Math.ceil(end / 16) * 16, size: INDIRECT_SIZE };
  const driver = driverQueue(kind, { memory, size, areas, hasEventIndex, isInOrder, indirect });
  return { memory, areas, driver, device, reasons };
}
