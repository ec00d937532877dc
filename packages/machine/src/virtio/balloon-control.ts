// BalloonControl: a PC's balloon, as the host's side handles it: how large it should be, and what the guest says of its memory.
import { BalloonDevice, type BalloonStatistics, type DeviceMemory } from '@proxeny/virtio';
import { ControlError, type ControlMethods } from '../control-method.js';

/** The balloon of a PC. */
export interface PcBalloon {
  /** How much memory it should take from the guest at first, in bytes. Default: 0. */
  readonly targetBytes?: number;
  /**
   * Gets memory that the guest does not need, in the balloon or free, until the guest writes to it again: nobody misses what is in it.
   * Without it, the guest does not report free memory. Called within a slice.
   */
  readonly release?: (at: number, bytes: Uint8Array) => void;
}

export class BalloonControl {
  readonly device: BalloonDevice;
  /** RAM that the guest has without a balloon. */
  readonly memoryBytes: number;
  readonly #onCompletion: () => void;
  #waiting: ((statistics: BalloonStatistics) => void)[] = [];

  /** @param onCompletion the guest may go on */
  constructor(
    { targetBytes = 0, release }: PcBalloon,
    memory: DeviceMemory & { readonly byteLength: number },
    onCompletion: () => void,
  ) {
    this.memoryBytes = memory.byteLength;
    this.#onCompletion = onCompletion;
    this.device = new BalloonDevice({
      targetBytes,
      onStatistics: (statistics) => {
        for (const resolve of this.#waiting.splice(0)) resolve(statistics);
      },
      ...(release && {
        release: (at, byteLength) => {
          const bytes = memory.view(at as Parameters<DeviceMemory['view']>[0], byteLength);
          if (bytes) release(at, bytes);
        },
      }),
    });
  }

  /** Asks the guest for a balloon of this size. @throws RangeError if it is larger than its memory */
  setTarget(targetBytes: number): void {
    if (!(targetBytes >= 0 && targetBytes <= this.memoryBytes))
      throw new RangeError(`a balloon takes 0 to ${this.memoryBytes} bytes, not ${targetBytes}`);
    this.device.setTarget(targetBytes);
    this.#onCompletion();
  }

  /** Asks the guest about its memory; waits as long as it takes. */
  readStatistics(): Promise<BalloonStatistics> {
    const answer = new Promise<BalloonStatistics>((resolve) => this.#waiting.push(resolve));
    this.device.requestStatistics();
    this.#onCompletion();
    return answer;
  }
}

/** `balloon.read`; `balloon.set`, with the balloon's size in bytes; `balloon.statistics`, which waits for the guest. */
export function balloonMethods(balloon: BalloonControl): ControlMethods {
  const { device, memoryBytes } = balloon;
  return {
    'balloon.read': () => {
      const { targetBytes, actualBytes } = device;
      return { memoryBytes, targetBytes, actualBytes };
    },
    'balloon.set': (params) => {
      const { targetBytes } = Object(params) as { targetBytes?: unknown };
      try {
        balloon.setTarget(Number(targetBytes));
      } catch (error) {
        throw new ControlError('bad-params', (error as RangeError).message);
      }
    },
    'balloon.statistics': (_, { closed }) => Promise.race([balloon.readStatistics(), closed]),
  };
}
