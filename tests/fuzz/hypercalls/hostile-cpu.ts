// HostileCpu: a GuestCpu that runs no code but makes one random hypercall after another, a few a slice, and scribbles over its memory
// in between. Its domain's upcalls are lost on it.
import { type GuestCpu, GuestExit, type Vcpu } from '@proxeny/hv-core';
import type { HostileCalls } from './hostile-calls.js';

/** What a world wants to know of its CPUs. */
export interface SliceWatcher {
  /** A CPU is about to do something, for the first time in a slice or again. */
  beginSlice(vcpu: Vcpu): void;
}

export class HostileCpu implements GuestCpu {
  executed = 0;
  calls: HostileCalls | null = null;
  /** Hypercalls it may still make in this slice. */
  callsLeft = 0;
  readonly #vcpu: Vcpu;
  readonly #watcher: SliceWatcher;
  #number = -1;
  readonly low: Uint32Array = new Uint32Array(6);
  readonly high: Uint32Array = new Uint32Array(6);

  constructor(vcpu: Vcpu, watcher: SliceWatcher) {
    this.#vcpu = vcpu;
    this.#watcher = watcher;
  }

  run(budget: number): GuestExit {
    this.#watcher.beginSlice(this.#vcpu);
    this.executed = 1;
    if (this.#number !== -1) return GuestExit.hypercall;
    if (this.callsLeft === 0 || !this.calls) {
      this.executed = budget;
      return GuestExit.budget;
    }
    this.callsLeft--;
    this.#number = this.calls.next(this.low, this.high);
    return GuestExit.hypercall;
  }

  hypercallNumber(): number {
    return this.#number;
  }

  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    const isNarrow = this.#vcpu.domain.word === 32;
    for (let i = 0; i < count; i++) {
      low[i] = this.low[i] as number;
      high[i] = isNarrow ? 0 : (this.high[i] as number);
    }
  }

  setHypercallArg(index: number, low: number, high: number): void {
    this.low[index] = low;
    this.high[index] = high;
  }

  finishHypercall(): void {
    this.#number = -1;
  }

  restartHypercall(): void {}

  upcall(): void {
    this.#vcpu.isUpcallMasked = false;
  }
}
