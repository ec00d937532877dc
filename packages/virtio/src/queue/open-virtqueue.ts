// Opens the queue that a driver has set up in its memory, if what it says can be one.
import type { Gpa } from '@proxeny/memory';
import { MAX_QUEUE_SIZE, type QueueAreas, queueAlignments, queueAreas } from '../spec/ring.js';
import { PackedVirtqueue } from './packed-virtqueue.js';
import { SplitVirtqueue } from './split-virtqueue.js';
import { type Virtqueue, type VirtqueueOptions, viewOf } from './virtqueue.js';

const AREAS: readonly (keyof QueueAreas)[] = ['descriptors', 'driver', 'device'];

/** The queue, or what is wrong with it, as the rest of a sentence that begins with the queue. */
export function openVirtqueue(isPacked: boolean, options: VirtqueueOptions): Virtqueue | string {
  const { size, areas, memory } = options;
  const isPowerOfTwo = (size & (size - 1)) === 0;
  if (size < 1 || size > MAX_QUEUE_SIZE || !(isPacked || isPowerOfTwo))
    return `has a ring of ${size} descriptors`;
  const lengths = queueAreas(isPacked, size);
  const alignments = queueAlignments(isPacked);
  const [descriptors, driver, device] = AREAS.map((name) => {
    const bytes = memory.view(areas[name] as Gpa, lengths[name]);
    return bytes !== null && areas[name] % alignments[name] === 0 ? viewOf(bytes) : null;
  });
  if (!descriptors) return misplaced('descriptor', areas.descriptors);
  if (!driver) return misplaced('driver', areas.driver);
  if (!device) return misplaced('device', areas.device);
  const views = { descriptors, driver, device };
  return isPacked ? new PackedVirtqueue(options, views) : new SplitVirtqueue(options, views);
}

function misplaced(area: string, at: number): string {
  return `has its ${area} area at 0x${at.toString(16)}, which is no RAM or not aligned`;
}
