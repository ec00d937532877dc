// The saved state of a DeviceControl.
import { SavedState } from '../saved-state.js';

export interface DeviceControlState {
  readonly version: 1;
  readonly status: number;
  /** Chosen features: bits 0-31, bits 32-63. */
  readonly features: readonly [number, number];
  readonly configGeneration: number;
  /** See QueueRegistersState. */
  readonly queues: readonly unknown[];
  /** The device's own. */
  readonly device: unknown;
}

/** What could be read of one; queues and device are not looked at yet. */
interface ReadState {
  readonly status: number;
  readonly features: bigint;
  readonly configGeneration: number;
  readonly queues: readonly unknown[];
  readonly device: unknown;
}

/** @throws RangeError */
export function readDeviceControlState(state: unknown, queueCount: number): ReadState {
  const reader = new SavedState('virtio device', state, 1);
  const [low, high] = reader.integers('features', 0xffff_ffff, 2, 2);
  return {
    status: reader.integer('status', 0, 0xff),
    features: (BigInt(high) << 32n) | BigInt(low),
    configGeneration: reader.integer('configGeneration', 0, 0xff),
    queues: reader.list('queues', queueCount, queueCount),
    device: reader.value('device'),
  };
}
