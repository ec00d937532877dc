// Clock: where time comes from. The hypervisor reads no clock of its own, so that a run can be recorded and replayed.

export interface Clock {
  /** System time: ns since the machine started, never going back. */
  nowNs(): number;
  /** The guests' time-stamp counter at this moment; advances `tscHz` a second with the same clock. */
  tsc(): number;
  readonly tscHz: number;
  /** Wall-clock time at system time 0, in ns since 1970 (exact to about a microsecond). */
  readonly wallClockBaseNs: number;
}

/** A clock that stands still until it is moved; for tests and for replay. */
export class ManualClock implements Clock {
  readonly tscHz: number;
  wallClockBaseNs = 0;
  #nowNs = 0;

  constructor(tscHz = 1_000_000_000) {
    this.tscHz = tscHz;
  }

  nowNs(): number {
    return this.#nowNs;
  }

  tsc(): number {
    return Math.floor((this.#nowNs * this.tscHz) / 1e9);
  }

  advance(ns: number): void {
    this.#nowNs += ns;
  }
}
