// EchoDevice: a device for tests of what is below devices. It answers each buffer with its own bytes backwards, as far as there is room,
// at once or, on queue 1, when it is told to. One of its configuration bytes can be written.
import type { DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { featureMask } from '../spec/feature.js';

export const ECHO_FEATURE = 5;
export const AT_ONCE_QUEUE = 0;
export const HELD_QUEUE = 1;

export class EchoDevice implements VirtioDevice {
  readonly deviceId = 63;
  readonly features: bigint = featureMask(ECHO_FEATURE);
  readonly queueSizes: readonly number[] = [16, 8];
  readonly configBytes = 6;
  readonly config: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6);
  readonly held: DescriptorChain[] = [];
  driver: DriverConnection | null = null;
  resets = 0;

  readConfig(offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.config[offset + i] << (8 * i);
    return value;
  }

  writeConfig(offset: number, _size: 1 | 2 | 4, value: number): void {
    if (offset === 0) this.config[0] = value;
  }

  activate(driver: DriverConnection): void {
    this.driver = driver;
  }

  notified(index: number): void {
    const queue = this.driver?.queue(index);
    if (!queue) return;
    for (let chain = queue.pop(); chain; chain = queue.pop()) {
      this.held.push(chain);
      if (index === AT_ONCE_QUEUE) this.answer(index);
    }
    this.driver?.publish(index);
  }

  /** Answers the oldest buffer. */
  answer(index: number): void {
    const chain = this.held.shift();
    const queue = this.driver?.queue(index);
    if (!chain || !queue) return;
    const bytes = new Uint8Array(Math.min(chain.readableBytes, 4096));
    chain.read(0, bytes);
    queue.push(chain, chain.write(0, bytes.reverse()));
  }

  queueReset(): void {
    this.held.length = 0;
  }

  reset(): void {
    this.driver = null;
    this.held.length = 0;
    this.resets++;
  }

  save(): unknown {
    return { first: this.config[0] };
  }

  restore(state: unknown): void {
    this.config[0] = (state as { first: number }).first;
  }
}
