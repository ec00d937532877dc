// P9Device: the 9P transport device: a folder of the host's under a tag. VIRTIO 1.2 §5.9.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import { featureMask } from '../spec/feature.js';
import { VIRTIO_9P_F_MOUNT_TAG, VIRTIO_ID_9P } from '../spec/p9.js';
import type { P9FileSystem } from './p9-file-system.js';
import { MAX_MESSAGE_BYTES, P9Server } from './p9-server.js';

const QUEUE_SIZE = 128;
const MAX_TAG_BYTES = 256;

export interface P9DeviceOptions {
  /** What the guest mounts it by. */
  readonly tag: string;
  /** Asked within slices: what takes long holds the guest. */
  readonly files: P9FileSystem;
}

/** Saved state of a {@link P9Device}: what the client has open is the host's, and cannot be saved. */
export interface P9DeviceState {
  readonly version: 1;
}

export class P9Device implements VirtioDevice {
  readonly deviceId: number = VIRTIO_ID_9P;
  readonly features: bigint = featureMask(VIRTIO_9P_F_MOUNT_TAG);
  readonly queueSizes: readonly number[] = [QUEUE_SIZE];
  readonly configBytes: number;
  readonly #config: DataView;
  readonly #server: P9Server;
  readonly #message: Uint8Array = new Uint8Array(MAX_MESSAGE_BYTES);
  readonly #answer: Uint8Array = new Uint8Array(MAX_MESSAGE_BYTES);
  #driver: DriverConnection | null = null;

  constructor(options: P9DeviceOptions) {
    const tag = new TextEncoder().encode(options.tag);
    if (tag.length === 0 || tag.length > MAX_TAG_BYTES)
      throw new RangeError(`a tag has 1 to ${MAX_TAG_BYTES} bytes`);
    this.configBytes = 2 + tag.length;
    const config = new Uint8Array(this.configBytes);
    config.set(tag, 2);
    this.#config = new DataView(config.buffer);
    this.#config.setUint16(0, tag.length, true);
    this.#server = new P9Server(options.files);
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

  save(): P9DeviceState {
    return { version: 1 };
  }

  restore(state: unknown): void {
    new SavedState('virtio 9P device', state, 1);
  }

  /** A message that is longer than was agreed on gets no answer. */
  #serve(chain: DescriptorChain): number {
    if (chain.readableBytes > MAX_MESSAGE_BYTES) return 0;
    const message = this.#message.subarray(0, chain.readableBytes);
    chain.read(0, message);
    const room = this.#answer.subarray(0, Math.min(chain.writableBytes, MAX_MESSAGE_BYTES));
    const byteLength = this.#server.handle(message, room);
    return chain.write(0, room.subarray(0, byteLength));
  }
}
