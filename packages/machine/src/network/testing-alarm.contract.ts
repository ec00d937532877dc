// ManualAlarm: time that moves when a test says so, with its alarm.
import { ManualClock } from '../clock.js';
import type { Alarm } from './alarmed-timers.js';

export class ManualAlarm implements Alarm {
  readonly #clock = new ManualClock(1e9);
  #deadlineNs = Infinity;
  onAlarm: (() => void) | null = null;

  nowNs(): number {
    return this.#clock.nowNs();
  }
  setAlarm(deadlineNs: number): void {
    this.#deadlineNs = deadlineNs;
  }

  /** Lets time pass, up to `limitNs` from now, alarm by alarm, until `isDone`. */
  run(limitNs: number, isDone: () => boolean = () => false): void {
    const endNs = this.nowNs() + limitNs;
    while (!isDone() && this.#deadlineNs <= endNs) {
      this.#clock.advanceTo(Math.max(this.#deadlineNs, this.nowNs()));
      this.#deadlineNs = Infinity;
      this.onAlarm?.();
    }
    if (!isDone()) this.#clock.advanceTo(endNs);
  }
}
