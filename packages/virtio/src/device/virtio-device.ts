// VirtioDevice: what a device is to whatever shows it to a driver; DriverConnection: what it gets of that.
import type { DeviceMemory } from '../queue/device-memory.js';
import type { Virtqueue } from '../queue/virtqueue.js';

/** Width of an access to registers, in bytes. */
export type AccessSize = 1 | 2 | 4;

/** What a device has while its driver is ready: from `activate` to `reset`. */
export interface DriverConnection {
  /** Negotiated. Only the driver's choice of what the device offered. */
  readonly features: bigint;
  /** The driver's memory, for what its buffers only name. */
  readonly memory: DeviceMemory;
  /** A queue, or null if the driver set up none, or reset it alone. */
  queue(index: number): Virtqueue | null;
  /** Shows the driver what was pushed to a queue, and interrupts it if it wants that. */
  publish(index: number): void;
  /** The device changed its configuration space by itself. */
  configChanged(): void;
  /** The driver did what makes it impossible to go on: the device waits to be reset. `reason` is for whoever looks after the machine. */
  fail(reason: string): void;
}

export interface VirtioDevice {
  /** VIRTIO 1.2 §5. */
  readonly deviceId: number;
  /** Features of its kind; those of rings and transport are added. */
  readonly features: bigint;
  /** Requests of one queue end in any order, so that VIRTIO_F_IN_ORDER would make some wait for others: it is not offered. */
  readonly endsInAnyOrder?: boolean;
  /** The largest size of each queue: powers of two. */
  readonly queueSizes: readonly number[];
  /** Bytes of its configuration space; beyond, reads are 0. */
  readonly configBytes: number;
  /** Reads configuration space, little-endian and unsigned; wholly inside. */
  readConfig(offset: number, size: AccessSize): number;
  /** Writes it, as far as the driver may. */
  writeConfig(offset: number, size: AccessSize, value: number): void;
  /** The driver is ready (DRIVER_OK). Its first buffers may be in the queues already; `notified` is called for each queue next. */
  activate(driver: DriverConnection): void;
  /** The driver has added to a queue. */
  notified(queue: number): void;
  /** The driver reset one queue: what was taken from it is forgotten, and nothing of it pushed. */
  queueReset(queue: number): void;
  /** Back to how it was made: what is in flight is forgotten, and nothing of it pushed. */
  reset(): void;
  /** Its own state, as plain, versioned data. What is in flight is in the queues' state. */
  save(): unknown;
  /**
   * Replaces the state: untrusted.
   * @throws RangeError for what `save` could not have returned, and changes nothing
   */
  restore(state: unknown): void;
}
