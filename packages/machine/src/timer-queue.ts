// TimerQueue: deadlines in guest time, as a binary heap that re-arms without allocating.
// Invariants: a callback runs at most once for each time its timer was armed; timers due in one `runDue` run in deadline order
// (equal deadlines: in the order they were armed); one armed during `runDue` waits for the next one, however early its deadline,
// so a timer that re-arms itself in the past cannot hold the host.
import type { Clock } from './clock.js';

/** Place in the heap of a timer that is not in it. */
const IDLE = -1;
/** Collected by `runDue`, not run yet. */
const DUE = -2;

/** One timer of a {@link TimerQueue}. */
export class Timer {
  /** @internal */ position: number = IDLE;
  /** @internal */ order: number = 0;
  /** @internal */ deadline: number = Infinity;
  /** @internal */ readonly callback: () => void;
  readonly #queue: TimerQueue;

  /** @internal Use {@link TimerQueue.schedule} or {@link TimerQueue.create}. */
  constructor(queue: TimerQueue, callback: () => void) {
    this.#queue = queue;
    this.callback = callback;
  }

  /** Whether the callback is still to come. */
  get armed(): boolean {
    return this.position !== IDLE;
  }

  /** When the callback is due, in guest nanoseconds; Infinity when not armed. */
  get deadlineNs(): number {
    return this.position === IDLE ? Infinity : this.deadline;
  }

  /** Sets or moves the deadline, in guest nanoseconds; Infinity cancels. Allocates nothing. */
  rearm(deadlineNs: number): void {
    this.#queue.arm(this, deadlineNs);
  }

  /** Drops the pending callback, if there is one. The timer can be re-armed. */
  cancel(): void {
    this.#queue.arm(this, Infinity);
  }
}

/** Runs callbacks when guest time reaches their deadlines; the run loop calls {@link TimerQueue.runDue} between slices. */
export class TimerQueue {
  /** The clock the deadlines are measured by. */
  readonly clock: Clock;
  readonly #heap: Timer[] = [];
  readonly #due: Timer[] = [];
  #order = 0;
  #running = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The current guest time, in nanoseconds. */
  nowNs(): number {
    return this.clock.nowNs();
  }

  /** A timer that is not armed yet. */
  create(callback: () => void): Timer {
    return new Timer(this, callback);
  }

  /** A new timer, armed for `deadlineNs` (guest nanoseconds). Keep it and use {@link Timer.rearm} for the next deadline. */
  schedule(deadlineNs: number, callback: () => void): Timer {
    const timer = new Timer(this, callback);
    this.arm(timer, deadlineNs);
    return timer;
  }

  /** The earliest deadline, in guest nanoseconds; Infinity when no timer is armed. May lie in the past. */
  nextDeadlineNs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].deadline;
  }

  /** Runs every timer that is due now. Called from a callback it does nothing. */
  runDue(): void {
    if (this.#running || this.#heap.length === 0) return;
    const now = this.clock.nowNs();
    if (this.#heap[0].deadline > now) return;
    const due = this.#due;
    this.#running = true;
    while (this.#heap.length > 0 && this.#heap[0].deadline <= now) {
      const timer = this.#heap[0];
      this.#remove(timer);
      timer.position = DUE;
      due.push(timer);
    }
    let next = 0;
    try {
      while (next < due.length) {
        const timer = due[next++];
        if (timer.position !== DUE) continue; // cancelled or re-armed by an earlier callback
        timer.position = IDLE;
        timer.callback();
      }
    } finally {
      // Only after a callback threw is there anything left: keep those timers for the next call.
      for (; next < due.length; next++) {
        if (due[next].position === DUE) this.#insert(due[next]);
      }
      due.length = 0;
      this.#running = false;
    }
  }

  /** @internal Use {@link Timer.rearm} and {@link Timer.cancel}. */
  arm(timer: Timer, deadlineNs: number): void {
    if (Number.isNaN(deadlineNs))
      throw new RangeError('a timer deadline must be a number of ns, got NaN');
    if (timer.position >= 0) this.#remove(timer);
    timer.position = IDLE;
    if (deadlineNs === Infinity) return;
    timer.deadline = deadlineNs;
    timer.order = this.#order++;
    this.#insert(timer);
  }

  #insert(timer: Timer): void {
    this.#heap.push(timer);
    this.#siftUp(timer, this.#heap.length - 1);
  }

  #remove(timer: Timer): void {
    const heap = this.#heap;
    const position = timer.position;
    const last = heap.pop() as Timer;
    timer.position = IDLE;
    if (last === timer) return;
    this.#siftUp(last, position);
    this.#siftDown(last, last.position);
  }

  #siftUp(timer: Timer, from: number): void {
    const heap = this.#heap;
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      if (!earlier(timer, heap[above])) break;
      heap[position] = heap[above];
      heap[position].position = position;
      position = above;
    }
    heap[position] = timer;
    timer.position = position;
  }

  #siftDown(timer: Timer, from: number): void {
    const heap = this.#heap;
    let position = from;
    for (;;) {
      let below = 2 * position + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && earlier(heap[below + 1], heap[below])) below++;
      if (!earlier(heap[below], timer)) break;
      heap[position] = heap[below];
      heap[position].position = position;
      position = below;
    }
    heap[position] = timer;
    timer.position = position;
  }
}

function earlier(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
