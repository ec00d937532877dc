// MessageDriver: the driver's side of a device that answers messages (9P, FUSE), without a guest: a queue in memory, and one message at a
// time through it.
import { FlatMemory } from '@proxeny/memory';
import {
  featureMask,
  MmioTransport,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
  type VirtioDevice,
} from '@proxeny/virtio';
import {
  type DriverQueue,
  PackedDriverQueue,
  placeQueue,
  SplitDriverQueue,
} from '@proxeny/virtio/driver';

const QUEUES_AT = 0x1000;
const MESSAGE_AT = 0x40000;
const MESSAGE_BYTES = 0x40000;
const ANSWER_AT = MESSAGE_AT + MESSAGE_BYTES;
const MEMORY_BYTES = ANSWER_AT + MESSAGE_BYTES;
const QUEUE_SIZE = 16;

export class MessageDriver {
  readonly #memory = new FlatMemory(MEMORY_BYTES);
  readonly #transport: MmioTransport;
  readonly #queues: DriverQueue[] = [];

  constructor(device: VirtioDevice, isPacked: boolean) {
    const memory = this.#memory;
    this.#transport = new MmioTransport({ device, memory, interrupt: () => {} });
    const { control } = this.#transport;
    for (const status of [0, 1, 3]) control.writeStatus(status);
    const features =
      device.features |
      featureMask(VIRTIO_F_VERSION_1) |
      (isPacked ? featureMask(VIRTIO_F_RING_PACKED) : 0n);
    control.chooseWord(0, Number(features & 0xffff_ffffn));
    control.chooseWord(1, Number(features >> 32n));
    control.writeStatus(11);
    for (let index = 0, start = QUEUES_AT; index < control.queueCount; index++) {
      const { areas, end } = placeQueue(isPacked, QUEUE_SIZE, start);
      const registers = control.registers(index);
      registers?.setSize(QUEUE_SIZE);
      for (const name of ['descriptors', 'driver', 'device'] as const)
        registers?.setAddress(name, 'low', areas[name]);
      control.enableQueue(index);
      const options = { memory, size: QUEUE_SIZE, areas };
      this.#queues.push(isPacked ? new PackedDriverQueue(options) : new SplitDriverQueue(options));
      start = end;
    }
    control.writeStatus(15);
  }

  /** Sends a message, in two pieces; returns what was answered. */
  ask(queue: number, message: Uint8Array): Uint8Array {
    this.#memory.bytes.set(message, MESSAGE_AT);
    const half = message.length >>> 1;
    const readable = [
      { at: MESSAGE_AT, byteLength: half },
      { at: MESSAGE_AT + half, byteLength: message.length - half },
    ];
    const driver = this.#queues[queue];
    driver.add(readable, [
      { at: ANSWER_AT, byteLength: 512 },
      { at: ANSWER_AT + 512, byteLength: MESSAGE_BYTES - 512 },
    ]);
    this.#transport.control.notify(queue);
    const used = driver.take();
    if (!used) throw new Error('a message got no answer');
    return this.#memory.bytes.slice(ANSWER_AT, ANSWER_AT + used.written);
  }
}
