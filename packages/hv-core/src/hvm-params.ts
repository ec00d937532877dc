// HvmParams: the parameters of a translated guest, 64 bits each. hvm/params.h. The toolstack sets them before the guest runs (where its
// console and xenstore rings are), the guest some of them later (how it wants to hear of events).
import { HVM_NR_PARAMS } from '@proxeny/abi';

export class HvmParams {
  readonly #values = new Uint32Array(2 * HVM_NR_PARAMS);
  /** Told of each change, with the parameter's number. */
  onChange: ((index: number) => void) | null = null;

  low(index: number): number {
    return this.#values[2 * index] as number;
  }

  high(index: number): number {
    return this.#values[2 * index + 1] as number;
  }

  set(index: number, low: number, high = 0): void {
    this.#values[2 * index] = low;
    this.#values[2 * index + 1] = high;
    this.onChange?.(index);
  }

  describe(): readonly number[] {
    return [...this.#values];
  }
}
