// RngDevice: the entropy device. VIRTIO 1.2 §5.4.
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import { VIRTIO_ID_RNG } from '../spec/rng.js';

const QUEUE_SIZE = 64;
/** A longer buffer gets only this much: the driver asks again if it wants more. */
const MAX_BYTES = 4096;

export interface RngDeviceOptions {
  /** Fills `target`, at most 4,096 bytes, with randomness. */
  readonly fill: (target: Uint8Array) => void;
}

/** Saved state of an {@link RngDevice}: it has none. */
export interface RngDeviceState {
  readonly version: 1;
}

export class RngDevice implements VirtioDevice {
  readonly deviceId: number = VIRTIO_ID_RNG;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [QUEUE_SIZE];
  readonly configBytes = 0;
  readonly #fill: (target: Uint8Array) => void;
  readonly #bytes: Uint8Array = new Uint8Array(MAX_BYTES);
  #driver: DriverConnection | null = null;

  constructor(options: RngDeviceOptions) {
    this.#fill = options.fill;
  }

  readConfig(_offset: number, _size: AccessSize): number {
    return 0;
  }

  writeConfig(): void {}

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      const bytes = this.#bytes.subarray(0, Math.min(chain.writableBytes, MAX_BYTES));
      this.#fill(bytes);
      queue.push(chain, chain.write(0, bytes));
    }
    this.#bytes.fill(0);
    this.#driver?.publish(index);
  }

  queueReset(): void {}

  reset(): void {
    this.#driver = null;
  }

  save(): RngDeviceState {
    return { version: 1 };
  }

  restore(state: unknown): void {
    new SavedState('virtio entropy device', state, 1);
  }
}
