// TimerQueue: deadlines in a binary heap, in ns of system time. Timers of equal deadlines fire in the order they were set.

/** One deadline; set and stopped through its queue, any number of times. */
export class Timer {
  readonly fire: (nowNs: number) => void;
  deadlineNs = 0;
  /** Its place in the heap; -1 when not set. */
  index = -1;
  order = 0;

  constructor(fire: (nowNs: number) => void) {
    this.fire = fire;
  }

  get isSet(): boolean {
    return this.index >= 0;
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Infinity if no timer is set. */
  get nextDeadlineNs(): number {
    return this.#heap[0]?.deadlineNs ?? Number.POSITIVE_INFINITY;
  }

  /** Sets a timer, or moves it. */
  set(timer: Timer, deadlineNs: number): void {
    this.stop(timer);
    timer.deadlineNs = deadlineNs;
    timer.order = this.#order++;
    timer.index = this.#heap.length;
    this.#heap.push(timer);
    this.#rise(timer);
  }

  stop(timer: Timer): void {
    const hole = timer.index;
    if (hole < 0) return;
    timer.index = -1;
    const last = this.#heap.pop() as Timer;
    if (last === timer) return;
    this.#place(last, hole);
    this.#rise(last);
    this.#sink(last);
  }

  /** Fires what is due, at most as many timers as were set at the start: one that sets itself again waits for the next call. */
  run(nowNs: number): void {
    for (let left = this.#heap.length; left > 0; left--) {
      const first = this.#heap[0];
      if (!first || first.deadlineNs > nowNs) return;
      this.stop(first);
      first.fire(nowNs);
    }
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #isBefore(a: Timer, b: Timer): boolean {
    return a.deadlineNs < b.deadlineNs || (a.deadlineNs === b.deadlineNs && a.order < b.order);
  }

  #rise(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.#heap[(timer.index - 1) >> 1] as Timer;
      if (!this.#isBefore(timer, parent)) return;
      const index = parent.index;
      this.#place(parent, timer.index);
      this.#place(timer, index);
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      let child = this.#heap[timer.index * 2 + 1];
      const right = this.#heap[timer.index * 2 + 2];
      if (!child) return;
      if (right && this.#isBefore(right, child)) child = right;
      if (!this.#isBefore(child, timer)) return;
      const index = child.index;
      this.#place(child, timer.index);
      this.#place(timer, index);
    }
  }
}
