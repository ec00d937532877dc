// VirtioChannel: a native kernel's way to a virtio device of another domain, over granted pages and event channels. docs/virtio-channel.md.
import { XenbusStateInitWait } from '@proxeny/abi';
import * as V from '@proxeny/virtio/driver';
import { FrontDevice, type FrontKernel } from './front-device.js';
import { LentPages } from './lent-pages.js';
import type { NativeCode } from './native-code.js';
import { VirtioQueue } from './virtio-queue.js';

const PAGE_BYTES = 4096;
const TWO_32 = 2 ** 32;
const QUEUE_SIZE = 16;

/** Registers of the areas' addresses: the lower half; the upper one follows. */
const AREA_REGISTERS = [
  ['descriptors', V.VIRTIO_MMIO_QUEUE_DESC_LOW],
  ['driver', V.VIRTIO_MMIO_QUEUE_DRIVER_LOW],
  ['device', V.VIRTIO_MMIO_QUEUE_DEVICE_LOW],
] as const;

export class VirtioChannel {
  readonly device: FrontDevice;
  readonly kernel: FrontKernel;
  /** What the device was lent. */
  pages: LentPages;
  queues: VirtioQueue[] = [];
  /** VIRTIO 1.2 §5. */
  deviceId = 0;
  queueCount = 0;
  /** Agreed on. */
  features = 0n;
  #page = 0;
  #request = 0;
  #port = 0;
  #queuePorts: number[] = [];

  constructor(kernel: FrontKernel, path: string) {
    this.kernel = kernel;
    this.device = new FrontDevice(kernel, path);
    this.pages = new LentPages(kernel, 0);
  }

  /** Meets the back-end; false if it refuses. */
  *connect(): NativeCode<boolean> {
    const { device, kernel } = this;
    yield* device.find();
    yield* device.waitForBackend(XenbusStateInitWait);
    this.pages = new LentPages(kernel, device.backendId);
    this.deviceId = Number(yield* device.readBackend('device-id'));
    this.queueCount = Number(yield* device.readBackend('queue-count'));
    this.#page = kernel.takePages(1);
    this.#request = 0;
    kernel.guest.write(this.#page, new Uint8Array(PAGE_BYTES));
    yield* device.write('page-ref', this.pages.lend(this.#page) / PAGE_BYTES);
    this.#port = yield* kernel.events.allocate(device.backendId);
    yield* device.write('event-channel', this.#port);
    this.#queuePorts = [];
    for (let queue = 0; queue < this.queueCount; queue++) {
      this.#queuePorts.push(yield* kernel.events.allocate(device.backendId));
      yield* device.write(`queue-${queue}/event-channel`, this.#queuePorts[queue]);
    }
    return yield* device.meet();
  }

  /** Ends the connection; whether the back-end has let go of all it was lent. */
  *disconnect(): NativeCode<boolean> {
    const queues = this.#queuePorts.map((_, queue) => `queue-${queue}`);
    yield* this.device.part(['page-ref', 'event-channel', ...queues]);
    for (const port of [this.#port, ...this.#queuePorts]) yield* this.kernel.events.close(port);
    this.queues = [];
    return this.pages.takeBackAll();
  }

  /** Reads a register, or configuration space from VIRTIO_MMIO_CONFIG on. */
  read(offset: number, size: 1 | 2 | 4 = 4): NativeCode<number> {
    return this.#access(size, offset, 0);
  }

  *write(offset: number, value: number, size: 1 | 2 | 4 = 4): NativeCode {
    yield* this.#access(size | V.VIRTIO_CHANNEL_ACCESS_WRITE, offset, value);
  }

  /** Changes of configuration space, and of the need for a reset, so far. */
  get changes(): number {
    return this.#word(V.VIRTIO_CHANNEL_CHANGES);
  }

  /** Waits until {@link changes} is not `before` any more. */
  *waitForChange(before: number): NativeCode {
    while (this.changes === before) yield* this.kernel.events.wait(this.#port);
  }

  /** From reset to FEATURES_OK, with all that is offered but for `without`; false if the device does not agree. */
  *negotiate(without = 0n): NativeCode<boolean> {
    yield* this.write(V.VIRTIO_MMIO_STATUS, 0);
    const { VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER } = V;
    const known = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
    yield* this.write(V.VIRTIO_MMIO_STATUS, known);
    this.features = 0n;
    for (const word of [0, 1]) {
      yield* this.write(V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
      const offered = BigInt(yield* this.read(V.VIRTIO_MMIO_DEVICE_FEATURES));
      const chosen = (offered << BigInt(32 * word)) & ~without;
      this.features |= chosen;
      yield* this.write(V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
      yield* this.write(V.VIRTIO_MMIO_DRIVER_FEATURES, Number(chosen >> BigInt(32 * word)));
    }
    yield* this.write(V.VIRTIO_MMIO_STATUS, known | V.VIRTIO_CONFIG_S_FEATURES_OK);
    const status = yield* this.read(V.VIRTIO_MMIO_STATUS);
    return (status & V.VIRTIO_CONFIG_S_FEATURES_OK) !== 0;
  }

  /** Sets up all queues and says that the driver is ready. */
  *start(): NativeCode {
    this.queues = [];
    for (let index = 0; index < this.queueCount; index++) yield* this.#setUpQueue(index);
    const status = yield* this.read(V.VIRTIO_MMIO_STATUS);
    yield* this.write(V.VIRTIO_MMIO_STATUS, status | V.VIRTIO_CONFIG_S_DRIVER_OK);
  }

  *#setUpQueue(index: number): NativeCode {
    yield* this.write(V.VIRTIO_MMIO_QUEUE_SEL, index);
    const size = Math.min(yield* this.read(V.VIRTIO_MMIO_QUEUE_NUM_MAX), QUEUE_SIZE);
    const queue = new VirtioQueue(this.kernel, this.pages, this.#queuePorts[index], {
      size,
      isPacked: V.hasFeature(this.features, V.VIRTIO_F_RING_PACKED),
      hasEventIndex: V.hasFeature(this.features, V.VIRTIO_F_EVENT_IDX),
    });
    this.queues.push(queue);
    yield* this.write(V.VIRTIO_MMIO_QUEUE_NUM, size);
    for (const [area, register] of AREA_REGISTERS) {
      const at = queue.driver.areas[area];
      yield* this.write(register, at % TWO_32);
      yield* this.write(register + 4, Math.floor(at / TWO_32));
    }
    yield* this.write(V.VIRTIO_MMIO_QUEUE_READY, 1);
  }

  /** One access by way of the page: what was read. */
  *#access(access: number, offset: number, value: number): NativeCode<number> {
    const { guest, events } = this.kernel;
    this.#request = (this.#request + 1) >>> 0;
    guest.write32(this.#page + V.VIRTIO_CHANNEL_ACCESS, access);
    guest.write32(this.#page + V.VIRTIO_CHANNEL_OFFSET, offset);
    guest.write32(this.#page + V.VIRTIO_CHANNEL_VALUE, value);
    guest.write32(this.#page + V.VIRTIO_CHANNEL_REQUEST, this.#request);
    yield* events.send(this.#port);
    while (this.#word(V.VIRTIO_CHANNEL_ANSWERED) !== this.#request) yield* events.wait(this.#port);
    return this.#word(V.VIRTIO_CHANNEL_ANSWER);
  }

  #word(at: number): number {
    return this.kernel.guest.read32(this.#page + at);
  }
}
