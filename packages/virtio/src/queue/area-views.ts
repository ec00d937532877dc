// The bytes of a queue's areas: seen while the queue is open, and let go of with it.
import type { Gpa } from '@proxeny/memory';
import { type QueueAreas, queueAlignments, queueAreas } from '../spec/ring.js';
import type { DeviceMemory } from './device-memory.js';

/** The bytes of a queue's areas. */
export interface QueueViews {
  readonly descriptors: DataView;
  readonly driver: DataView;
  readonly device: DataView;
}

/** Where a queue is said to be. */
export interface QueuePlace {
  readonly memory: DeviceMemory;
  /** Descriptors in its ring. */
  readonly size: number;
  /** Guest-physical addresses. */
  readonly areas: QueueAreas;
}

const AREAS: readonly (keyof QueueAreas)[] = ['descriptors', 'driver', 'device'];

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** All three, or what is wrong with one, as the rest of a sentence that begins with the queue. */
export function viewAreas(isPacked: boolean, place: QueuePlace): QueueViews | string {
  const { memory, size, areas } = place;
  const lengths = queueAreas(isPacked, size);
  const alignments = queueAlignments(isPacked);
  const views: DataView[] = [];
  for (const name of AREAS) {
    const isAligned = areas[name] % alignments[name] === 0;
    const bytes = isAligned ? memory.view(areas[name] as Gpa, lengths[name]) : null;
    if (bytes === null) {
      release(isPacked, place, views.length);
      const what = name === 'descriptors' ? 'descriptor' : name;
      return `has its ${what} area at 0x${areas[name].toString(16)}, which is no RAM or not aligned`;
    }
    views.push(viewOf(bytes));
  }
  return { descriptors: views[0], driver: views[1], device: views[2] };
}

/** Lets go of what {@link viewAreas} gave. */
export function releaseAreas(isPacked: boolean, place: QueuePlace): void {
  release(isPacked, place, AREAS.length);
}

function release(isPacked: boolean, { memory, size, areas }: QueuePlace, count: number): void {
  const lengths = queueAreas(isPacked, size);
  for (const name of AREAS.slice(0, count))
    memory.release?.(areas[name] as Gpa, lengths[name], false);
}
