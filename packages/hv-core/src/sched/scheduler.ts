// Scheduler: which vCPU runs next. Schedulers see only runnable vCPUs: one that waits costs nothing.
import type { SchedulingParameters } from './scheduling-parameters.js';

/** What a scheduler knows of a vCPU; it keeps its own accounts in a map of its own or in `credit`. */
export interface Schedulable {
  readonly scheduling: SchedulingParameters;
  readonly account: SchedulingAccount;
}

/** One vCPU's account with the scheduler; only the scheduler changes it. */
export class SchedulingAccount {
  /** In its run queue at this index; -1 when asleep. */
  index = -1;
  /** Time run, in ns divided by the weight: the smallest runs next. */
  virtualNs = 0;
  /** When it was last chosen, as a running number. */
  turn = 0;
}

export interface Scheduler<V extends Schedulable = Schedulable> {
  readonly name: string;
  /** From now on `vcpu` can run. */
  wake(vcpu: V): void;
  /** From now on it cannot. */
  sleep(vcpu: V): void;
  /** Who runs now, or null. */
  next(nowNs: number): V | null;
  /** `vcpu` has just run so many instructions in `ns`. */
  account(vcpu: V, instructions: number, ns: number, nowNs: number): void;
  /** How long the chosen vCPU may run, in ns. */
  sliceNs(vcpu: V, nowNs: number): number;
  /** When a vCPU that `next` passes over may run again: Infinity if there is none. */
  nextWakeNs(nowNs: number): number;
}
