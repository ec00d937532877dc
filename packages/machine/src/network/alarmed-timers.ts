// AlarmedTimers: any number of timers over one alarm of the host's. Time is the host's: what a network waits for is outside of the guest.
import type { Clock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';

/** The host's time and one alarm, as a network asks for them. */
export interface Alarm extends Clock {
  /** Has `onAlarm` called at `deadlineNs`, or a little later; Infinity: not at all. Instead of what was set before. */
  setAlarm(deadlineNs: number): void;
  onAlarm: (() => void) | null;
}

/** One timer. */
export interface NetworkTimer {
  readonly isArmed: boolean;
  /** Sets or moves it to `delayNs` from now. */
  setIn(delayNs: number): void;
  cancel(): void;
}

export class AlarmedTimers {
  readonly #queue: TimerQueue;
  readonly #alarm: Alarm;
  #alarmNs = Infinity;

  constructor(alarm: Alarm) {
    this.#queue = new TimerQueue(alarm);
    this.#alarm = alarm;
    alarm.onAlarm = () => {
      this.#alarmNs = Infinity;
      this.#queue.runDue();
      this.#set(this.#queue.nextDeadlineNs());
    };
  }

  nowNs(): number {
    return this.#queue.nowNs();
  }

  /** A timer that is not set yet. */
  create(callback: () => void): NetworkTimer {
    const timer = this.#queue.create(callback);
    return {
      get isArmed() {
        return timer.armed;
      },
      setIn: (delayNs) => {
        const deadlineNs = this.nowNs() + delayNs;
        timer.rearm(deadlineNs);
        this.#set(deadlineNs);
      },
      cancel: () => timer.cancel(),
    };
  }

  /** Nothing happens any more. */
  close(): void {
    this.#alarm.onAlarm = null;
    this.#alarm.setAlarm(Infinity);
  }

  /** An alarm that comes too early does no harm. */
  #set(deadlineNs: number): void {
    if (deadlineNs >= this.#alarmNs) return;
    this.#alarmNs = deadlineNs;
    this.#alarm.setAlarm(deadlineNs);
  }
}
