// RoundRobin: every runnable vCPU in turn, the same slice for each; weights and caps are not looked at.
import { RunQueue } from './run-queue.js';
import type { Schedulable, Scheduler } from './scheduler.js';

export class RoundRobin<V extends Schedulable> implements Scheduler<V> {
  readonly name = 'rr';
  readonly #queue: RunQueue<V> = new RunQueue<V>();
  readonly #slice: number;
  #turn = 0;

  /** @param sliceNs how long a vCPU runs at a time. */
  constructor(sliceNs = 1_000_000) {
    this.#slice = sliceNs;
  }

  wake(vcpu: V): void {
    if (this.#queue.add(vcpu)) vcpu.account.turn = ++this.#turn;
  }

  sleep(vcpu: V): void {
    this.#queue.remove(vcpu);
  }

  next(): V | null {
    let chosen: V | null = null;
    for (const vcpu of this.#queue.items) {
      if (!chosen || vcpu.account.turn < chosen.account.turn) chosen = vcpu;
    }
    if (chosen) chosen.account.turn = ++this.#turn;
    return chosen;
  }

  account(vcpu: V, instructions: number, ns: number): void {
    vcpu.scheduling.instructions += instructions;
    vcpu.scheduling.runNs += ns;
  }

  sliceNs(): number {
    return this.#slice;
  }

  nextWakeNs(): number {
    return Number.POSITIVE_INFINITY;
  }
}
