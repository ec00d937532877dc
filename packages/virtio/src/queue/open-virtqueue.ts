// Opens the queue that a driver has set up in its memory, if what it says can be one.
import { MAX_QUEUE_SIZE } from '../spec/ring.js';
import { viewAreas } from './area-views.js';
import { PackedVirtqueue } from './packed-virtqueue.js';
import { SplitVirtqueue } from './split-virtqueue.js';
import type { Virtqueue, VirtqueueOptions } from './virtqueue.js';

/** The queue, or what is wrong with it, as the rest of a sentence that begins with the queue. */
export function openVirtqueue(isPacked: boolean, options: VirtqueueOptions): Virtqueue | string {
  const { size } = options;
  const isPowerOfTwo = (size & (size - 1)) === 0;
  if (size < 1 || size > MAX_QUEUE_SIZE || !(isPacked || isPowerOfTwo))
    return `has a ring of ${size} descriptors`;
  const views = viewAreas(isPacked, options);
  if (typeof views === 'string') return views;
  return isPacked ? new PackedVirtqueue(options, views) : new SplitVirtqueue(options, views);
}
