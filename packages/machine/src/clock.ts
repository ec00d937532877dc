// Clock: guest time, the only source of time for board devices. It stands still while the machine is paused.

/** Monotonic guest time. */
export interface Clock {
  /** Nanoseconds since the machine was built; never decreases. A double, exact to 1 ns for 104 days. */
  nowNs(): number;
}

/** A clock that moves only when told to: for tests and deterministic runs. */
export class ManualClock implements Clock {
  #nowNs: number;

  constructor(startNs = 0) {
    this.#nowNs = startNs;
  }

  nowNs(): number {
    return this.#nowNs;
  }

  /** Moves time forward by `deltaNs` nanoseconds (at least 0). */
  advance(deltaNs: number): void {
    this.advanceTo(this.#nowNs + deltaNs);
  }

  /** Moves time forward to `timeNs`. */
  advanceTo(timeNs: number): void {
    if (!(timeNs >= this.#nowNs) || timeNs === Infinity) {
      throw new RangeError(
        `cannot move a clock from ${this.#nowNs} ns to ${timeNs} ns: it only goes forward`,
      );
    }
    this.#nowNs = timeNs;
  }
}
