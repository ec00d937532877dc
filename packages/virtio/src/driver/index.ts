// The package's /driver: the driver's side of virtqueues.
export {
  type DriverBuffer,
  type DriverQueue,
  type DriverQueueOptions,
  type IndirectTables,
  placeQueue,
  type UsedBuffer,
} from './driver-queue.js';
export { PackedDriverQueue } from './packed-driver-queue.js';
export { SplitDriverQueue } from './split-driver-queue.js';
