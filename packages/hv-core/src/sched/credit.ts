// Credit: shares by weight with hard caps, in the manner of Xen's credit2. A vCPU's virtual time advances by its run time divided by
// its domain's weight, and the one furthest behind runs next. One that wakes starts no further behind than the queue's minimum, so
// sleeping earns no credit. A cap is a budget of run time a domain refills every period; without budget it is passed over.
import { RunQueue } from './run-queue.js';
import type { Schedulable, Scheduler } from './scheduler.js';
import { DEFAULT_WEIGHT, type SchedulingParameters } from './scheduling-parameters.js';

/** Budgets of capped domains are refilled this often. */
const CAP_PERIOD_NS = 10_000_000;
const MIN_SLICE_NS = 50_000;

export class Credit<V extends Schedulable> implements Scheduler<V> {
  readonly name = 'credit2';
  readonly #queue: RunQueue<V> = new RunQueue<V>();
  readonly #slice: number;
  #minimum = 0;
  #turn = 0;

  /** @param sliceNs how long a vCPU runs at a time, at most. */
  constructor(sliceNs = 1_000_000) {
    this.#slice = sliceNs;
  }

  wake(vcpu: V): void {
    if (!this.#queue.add(vcpu)) return;
    const { account } = vcpu;
    account.turn = ++this.#turn;
    if (account.virtualNs < this.#minimum) account.virtualNs = this.#minimum;
  }

  sleep(vcpu: V): void {
    this.#queue.remove(vcpu);
  }

  next(nowNs: number): V | null {
    let chosen: V | null = null;
    for (const vcpu of this.#queue.items) {
      if (!this.#hasBudget(vcpu.scheduling, nowNs)) continue;
      if (!chosen) chosen = vcpu;
      else {
        const ahead = vcpu.account.virtualNs - chosen.account.virtualNs;
        if (ahead < 0 || (ahead === 0 && vcpu.account.turn < chosen.account.turn)) chosen = vcpu;
      }
    }
    if (chosen) {
      chosen.account.turn = ++this.#turn;
      if (chosen.account.virtualNs > this.#minimum) this.#minimum = chosen.account.virtualNs;
    }
    return chosen;
  }

  account(vcpu: V, instructions: number, ns: number, nowNs: number): void {
    const { scheduling } = vcpu;
    scheduling.instructions += instructions;
    scheduling.runNs += ns;
    if (scheduling.capPercent > 0) {
      this.#refill(scheduling, nowNs);
      scheduling.capLeftNs -= ns;
    }
    vcpu.account.virtualNs += (ns * DEFAULT_WEIGHT) / scheduling.weight;
  }

  sliceNs(vcpu: V, nowNs: number): number {
    const { scheduling } = vcpu;
    if (scheduling.capPercent === 0) return this.#slice;
    this.#refill(scheduling, nowNs);
    return Math.min(this.#slice, Math.max(MIN_SLICE_NS, scheduling.capLeftNs));
  }

  nextWakeNs(nowNs: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { scheduling } of this.#queue.items) {
      if (this.#hasBudget(scheduling, nowNs)) continue;
      const periods = Math.ceil((1 - scheduling.capLeftNs) / this.#quota(scheduling));
      soonest = Math.min(soonest, scheduling.capPeriodStartNs + periods * CAP_PERIOD_NS);
    }
    return soonest;
  }

  #quota(scheduling: SchedulingParameters): number {
    return (CAP_PERIOD_NS * scheduling.capPercent) / 100;
  }

  #hasBudget(scheduling: SchedulingParameters, nowNs: number): boolean {
    if (scheduling.capPercent === 0) return true;
    this.#refill(scheduling, nowNs);
    return scheduling.capLeftNs > 0;
  }

  /** What was overdrawn in one period is missing in the next; what was left over is lost. */
  #refill(scheduling: SchedulingParameters, nowNs: number): void {
    const quota = this.#quota(scheduling);
    if (scheduling.capPeriodStartNs === Number.NEGATIVE_INFINITY) {
      scheduling.capPeriodStartNs = nowNs;
      scheduling.capLeftNs = quota;
      return;
    }
    const periods = Math.floor((nowNs - scheduling.capPeriodStartNs) / CAP_PERIOD_NS);
    if (periods <= 0) return;
    scheduling.capPeriodStartNs += periods * CAP_PERIOD_NS;
    scheduling.capLeftNs = Math.min(quota, scheduling.capLeftNs + periods * quota);
  }
}
