// VirtioQueue: a queue of a native kernel's virtio device: its rings in lent pages, and its event channel.
import {
  type DriverBuffer,
  type DriverQueue,
  type DriverQueueOptions,
  PackedDriverQueue,
  SplitDriverQueue,
  type UsedBuffer,
} from '@proxeny/virtio/driver';
import type { FrontKernel } from './front-device.js';
import type { LentPages } from './lent-pages.js';
import type { NativeCode } from './native-code.js';

const PAGE_BYTES = 4096;
/** Descriptors of an indirect table. */
const TABLE_SIZE = 16;
/** Its rings have a page each; indirect tables follow. */
const RING_PAGES = 3;
const TABLES_PER_PAGE = PAGE_BYTES / (16 * TABLE_SIZE);

export interface VirtioQueueOptions {
  /** Descriptors in the ring, at most 16: their indirect tables have one page. */
  readonly size: number;
  readonly isPacked: boolean;
  readonly hasEventIndex: boolean;
}

export class VirtioQueue {
  readonly driver: DriverQueue;
  readonly #kernel: FrontKernel;
  readonly #port: number;

  /** Lends pages for the rings, all zeroes. @param port the queue's event channel */
  constructor(kernel: FrontKernel, pages: LentPages, port: number, options: VirtioQueueOptions) {
    const { size, isPacked, hasEventIndex } = options;
    if (size > TABLES_PER_PAGE) throw new RangeError(`a ring of ${size} descriptors is too large`);
    this.#kernel = kernel;
    this.#port = port;
    const first = kernel.takePages(RING_PAGES + 1);
    const lend = (index: number) => {
      kernel.guest.write(first + index * PAGE_BYTES, new Uint8Array(PAGE_BYTES));
      return pages.lend(first + index * PAGE_BYTES);
    };
    const queue: DriverQueueOptions = {
      memory: pages,
      ...{ size, hasEventIndex },
      areas: { descriptors: lend(0), driver: lend(1), device: lend(2) },
      indirect: { at: lend(RING_PAGES), size: TABLE_SIZE },
    };
    this.driver = isPacked ? new PackedDriverQueue(queue) : new SplitDriverQueue(queue);
  }

  /** Makes a buffer available, and tells the device if it wants that; the buffer's id. The ring must have room. */
  *add(
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
    isIndirect = false,
  ): NativeCode<number> {
    const id = this.driver.add(readable, writable, isIndirect);
    if (id < 0) throw new Error('the ring is full');
    if (this.driver.mustNotify()) yield* this.#kernel.events.send(this.#port);
    return id;
  }

  /** Waits for the next buffer that the device is done with. */
  *take(): NativeCode<UsedBuffer> {
    for (;;) {
      this.driver.wantInterrupts(true);
      const used = this.driver.take();
      if (used) return used;
      yield* this.#kernel.events.wait(this.#port);
    }
  }

  /** Adds a buffer and waits for it; the bytes that the device wrote. Nothing else may be in flight. */
  *ask(
    readable: readonly DriverBuffer[],
    writable: readonly DriverBuffer[],
    isIndirect = false,
  ): NativeCode<number> {
    const id = yield* this.add(readable, writable, isIndirect);
    const used = yield* this.take();
    if (used.id !== id) throw new Error(`the device is done with ${used.id}, which was not asked`);
    return used.written;
  }
}
