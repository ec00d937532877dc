// The local APIC's timer (SDM 3A §11.5.4): one-shot and periodic count-down, and TSC deadline.
// Invariants: nothing is counted, the current count is computed from guest time. A periodic timer fires for every period: one
// that falls due while the host is late, or while the interrupt before still waits, is delivered afterwards, at up to four times
// the programmed rate (guests count these interrupts as time); more than a second of them is dropped. It never fires more often
// than MIN_PERIOD_NS, so a guest cannot drown the host in timer interrupts.
import type { Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import type { Timer, TimerQueue } from '../timer-queue.js';

const MIN_PERIOD_NS = 20_000;
/** Periods that were missed longer ago are dropped. */
const MAX_BACKLOG_NS = 1e9;

export const TIMER_ONE_SHOT = 0;
export const TIMER_PERIODIC = 1;
export const TIMER_TSC_DEADLINE = 2;

/** How guest time and the time-stamp counter relate; both directions may round. */
export interface TscConversion {
  /** Guest nanoseconds at which the counter reaches `tsc`. */
  nsAtTsc(tsc: number): number;
}

/** Saved state of a {@link LapicTimer}. */
export interface LapicTimerState {
  readonly version: 1;
  readonly mode: number;
  readonly divideConfig: number;
  readonly initialCount: number;
  readonly startNs: number;
  readonly counting: boolean;
  readonly tscDeadlineLow: number;
  readonly tscDeadlineHigh: number;
}

/** One local APIC's timer. */
export class LapicTimer implements Stateful<LapicTimerState> {
  readonly #timers: TimerQueue;
  readonly #tsc: TscConversion;
  readonly #busNs: number;
  readonly #fire: () => boolean;
  readonly #timer: Timer;
  #mode = TIMER_ONE_SHOT;
  #divideConfig = 0;
  #tickNs: number;
  #initialCount = 0;
  #startNs = 0;
  /** When the next period to be delivered ended, or will. */
  #dueNs = 0;
  #counting = false;
  #tscDeadlineLow = 0;
  #tscDeadlineHigh = 0;

  /** The counter runs at `busHz` divided by the divide configuration. `fire` is called at each expiry; false: the one before still waits. */
  constructor(timers: TimerQueue, tsc: TscConversion, busHz: number, fire: () => boolean) {
    this.#timers = timers;
    this.#tsc = tsc;
    this.#busNs = 1e9 / busHz;
    this.#tickNs = this.#busNs * divisor(0);
    this.#fire = fire;
    this.#timer = timers.create(() => this.#expire());
  }

  get initialCount(): number {
    return this.#initialCount;
  }

  get divideConfig(): number {
    return this.#divideConfig;
  }

  /** Low half of IA32_TSC_DEADLINE: 0 when disarmed. */
  get tscDeadlineLow(): number {
    return this.#tscDeadlineLow;
  }

  get tscDeadlineHigh(): number {
    return this.#tscDeadlineHigh;
  }

  /** The current count register. */
  currentCount(): number {
    if (!this.#counting) return 0;
    const ticks = Math.floor((this.#timers.nowNs() - this.#startNs) / this.#tickNs);
    return this.#mode === TIMER_PERIODIC
      ? this.#initialCount - (ticks % this.#initialCount)
      : Math.max(0, this.#initialCount - ticks);
  }

  /** Writes the initial count: starts counting, or stops with 0. In TSC-deadline mode the write is ignored. */
  setInitialCount(count: number): void {
    if (this.#mode === TIMER_TSC_DEADLINE) return;
    this.#initialCount = count;
    this.#counting = count !== 0;
    this.#startNs = this.#timers.nowNs();
    this.#arm();
  }

  /** Changes the divider; the count goes on from where it is. */
  setDivideConfig(value: number): void {
    const count = this.currentCount();
    this.#divideConfig = value & 0xb;
    this.#tickNs = this.#busNs * divisor(this.#divideConfig);
    if (!this.#counting) return;
    this.#startNs = this.#timers.nowNs() - (this.#initialCount - count) * this.#tickNs;
    this.#arm();
  }

  /** Changes the mode; between counting and TSC deadline the timer is disarmed (§11.5.4.1). */
  setMode(mode: number): void {
    if (mode === this.#mode) return;
    if (mode === TIMER_TSC_DEADLINE || this.#mode === TIMER_TSC_DEADLINE) this.#disarm();
    this.#mode = mode;
    this.#arm();
  }

  /** Writes IA32_TSC_DEADLINE; ignored in the other modes. A deadline in the past fires at once, 0 disarms. */
  setTscDeadline(low: number, high: number): void {
    if (this.#mode !== TIMER_TSC_DEADLINE) return;
    this.#tscDeadlineLow = low >>> 0;
    this.#tscDeadlineHigh = high >>> 0;
    this.#arm();
    if (this.#timer.deadlineNs <= this.#timers.nowNs()) {
      this.#timer.cancel();
      this.#expire();
    }
  }

  reset(): void {
    this.#disarm();
    this.#mode = TIMER_ONE_SHOT;
    this.#divideConfig = 0;
    this.#tickNs = this.#busNs * divisor(0);
  }

  save(): LapicTimerState {
    return {
      version: 1,
      mode: this.#mode,
      divideConfig: this.#divideConfig,
      initialCount: this.#initialCount,
      startNs: this.#startNs,
      counting: this.#counting,
      tscDeadlineLow: this.#tscDeadlineLow,
      tscDeadlineHigh: this.#tscDeadlineHigh,
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('local APIC timer', state, 1);
    const mode = reader.integer('mode', TIMER_ONE_SHOT, TIMER_TSC_DEADLINE);
    const divideConfig = reader.oneOf('divideConfig', [0, 1, 2, 3, 8, 9, 10, 11]);
    const initialCount = reader.u32('initialCount');
    const startNs = reader.finite('startNs');
    const counting = reader.boolean('counting');
    const low = reader.u32('tscDeadlineLow');
    const high = reader.u32('tscDeadlineHigh');
    if (counting && initialCount === 0) reader.reject('initialCount', 'positive while counting');
    if (startNs > this.#timers.nowNs()) reader.reject('startNs', 'in the past');
    this.#mode = mode;
    this.#divideConfig = divideConfig;
    this.#tickNs = this.#busNs * divisor(divideConfig);
    this.#initialCount = initialCount;
    this.#startNs = startNs;
    this.#counting = counting;
    this.#tscDeadlineLow = low;
    this.#tscDeadlineHigh = high;
    this.#arm();
  }

  #disarm(): void {
    this.#initialCount = 0;
    this.#counting = false;
    this.#tscDeadlineLow = 0;
    this.#tscDeadlineHigh = 0;
    this.#timer.cancel();
  }

  #arm(): void {
    this.#timer.rearm(this.#nextExpiryNs());
  }

  #nextExpiryNs(): number {
    if (this.#mode === TIMER_TSC_DEADLINE) {
      const deadline = this.#tscDeadlineHigh * 2 ** 32 + this.#tscDeadlineLow;
      return deadline === 0 ? Number.POSITIVE_INFINITY : this.#tsc.nsAtTsc(deadline);
    }
    if (!this.#counting) return Number.POSITIVE_INFINITY;
    if (this.#mode === TIMER_ONE_SHOT) return this.#startNs + this.#periodNs;
    const now = this.#timers.nowNs();
    this.#dueNs = this.#nextPeriodNs(now);
    return this.#periodNs < MIN_PERIOD_NS
      ? Math.max(this.#dueNs, now + MIN_PERIOD_NS)
      : this.#dueNs;
  }

  get #periodNs(): number {
    return this.#initialCount * this.#tickNs;
  }

  /** End of the period that `now` is in. */
  #nextPeriodNs(now: number): number {
    const periodNs = this.#periodNs;
    const nextNs = this.#startNs + (Math.floor((now - this.#startNs) / periodNs) + 1) * periodNs;
    return nextNs <= now ? nextNs + periodNs : nextNs; // the division rounded down
  }

  #expire(): void {
    if (this.#mode === TIMER_PERIODIC) {
      this.#expirePeriod();
      return;
    }
    if (this.#mode === TIMER_TSC_DEADLINE) {
      this.#tscDeadlineLow = 0;
      this.#tscDeadlineHigh = 0;
    } else this.#counting = false;
    this.#fire();
  }

  #expirePeriod(): void {
    const now = this.#timers.nowNs();
    const periodNs = this.#periodNs;
    if (this.#fire()) this.#dueNs += periodNs;
    if (now - this.#dueNs > MAX_BACKLOG_NS) this.#dueNs = this.#nextPeriodNs(now);
    const pauseNs = Math.max(MIN_PERIOD_NS, this.#dueNs <= now ? periodNs / 4 : 0);
    this.#timer.rearm(Math.max(this.#dueNs, now + pauseNs));
  }
}

/** Divide configuration: bits 0, 1 and 3 select 2, 4, … 128 and then 1. */
function divisor(config: number): number {
  const select = (config & 3) | ((config & 8) >> 1);
  return select === 7 ? 1 : 2 << select;
}
