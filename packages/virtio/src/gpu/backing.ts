// Backing: the pieces of a guest's memory that a resource's pixels come from (VIRTIO 1.2 §5.7.6.8, RESOURCE_ATTACH_BACKING).
// Addresses only: pieces are looked at when pixels are copied, and need not be RAM before that.
import type { Gpa } from '@proxeny/memory';
import type { DeviceMemory } from '../queue/device-memory.js';

export class Backing {
  /** Address, length, address, length … */
  readonly numbers: readonly number[];
  #piece = 0;
  /** Where piece `#piece` begins, counted from the first one's start. */
  #pieceAt = 0;

  constructor(numbers: readonly number[]) {
    this.numbers = numbers;
  }

  get count(): number {
    return this.numbers.length / 2;
  }

  /** Starts at the first piece again. */
  rewind(): void {
    this.#piece = 0;
    this.#pieceAt = 0;
  }

  /** Fills `target` from byte `offset` on, which must not be before that of the last call since `rewind`; false if not all is RAM. */
  read(memory: DeviceMemory, offset: number, target: Uint8Array): boolean {
    let done = 0;
    while (done < target.byteLength) {
      const byteLength = this.numbers[2 * this.#piece + 1];
      if (byteLength === undefined) return false;
      const skip = offset + done - this.#pieceAt;
      if (skip >= byteLength) {
        this.#pieceAt += byteLength;
        this.#piece++;
        continue;
      }
      const count = Math.min(byteLength - skip, target.byteLength - done);
      const at = (this.numbers[2 * this.#piece] + skip) as Gpa;
      const bytes = memory.view(at, count, true);
      if (bytes === null) return false;
      target.set(bytes, done);
      memory.release?.(at, count, true);
      done += count;
    }
    return true;
  }
}
