// MessageDevice: a virtio device whose queues carry messages about files, each with the room for its answer: what 9P (VIRTIO 1.2 §5.9)
// and FUSE (§5.11) have in common.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';

/** Answers messages, at once. */
export interface MessageServer {
  /** Answers a message into `answer`; returns how many bytes. */
  handle(message: Uint8Array, answer: Uint8Array): number;
  /** Lets go of all its client had. */
  reset(): void;
}

/** Saved state of such a device: what the client has open is the host's, and cannot be saved. */
export interface MessageDeviceState {
  readonly version: 1;
}

/** What one kind of device is. */
export interface MessageDeviceKind {
  /** For errors about saved state. */
  readonly name: string;
  readonly deviceId: number;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  /** Its configuration space, which does not change. */
  readonly config: Uint8Array;
  /** Of a message, and of an answer: a longer message gets none. */
  readonly maxBytes: number;
}

export abstract class MessageDevice implements VirtioDevice {
  readonly deviceId: number;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configBytes: number;
  readonly #name: string;
  readonly #config: DataView;
  readonly #server: MessageServer;
  readonly #message: Uint8Array;
  readonly #answer: Uint8Array;
  #driver: DriverConnection | null = null;

  constructor(kind: MessageDeviceKind, server: MessageServer) {
    const { name, deviceId, features, queueSizes, config, maxBytes } = kind;
    this.deviceId = deviceId;
    this.features = features;
    this.queueSizes = queueSizes;
    this.configBytes = config.length;
    this.#name = name;
    this.#config = new DataView(config.buffer, config.byteOffset, config.byteLength);
    this.#server = server;
    this.#message = new Uint8Array(maxBytes);
    this.#answer = new Uint8Array(maxBytes);
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  writeConfig(): void {}

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop())
      queue.push(chain, this.#serve(chain));
    this.#driver?.publish(index);
  }

  queueReset(): void {}

  reset(): void {
    this.#driver = null;
    this.#server.reset();
  }

  save(): MessageDeviceState {
    return { version: 1 };
  }

  restore(state: unknown): void {
    new SavedState(this.#name, state, 1);
  }

  #serve(chain: DescriptorChain): number {
    if (chain.readableBytes > this.#message.length) return 0;
    const message = this.#message.subarray(0, chain.readableBytes);
    chain.read(0, message);
    const room = this.#answer.subarray(0, Math.min(chain.writableBytes, this.#answer.length));
    const byteLength = this.#server.handle(message, room);
    return chain.write(0, room.subarray(0, byteLength));
  }
}
