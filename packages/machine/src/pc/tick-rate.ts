// TickRate: exact conversion between guest nanoseconds and the ticks of an oscillator.
// Why split at seconds: ns x Hz leaves the 53 bits of a double after minutes; (ns mod 1 s) x Hz never does (Hz < 9e6).

const NS_PER_SECOND = 1e9;

/** An oscillator that ticks at `hertz` (an integer up to 9,000,000), tick 0 at guest time 0. */
export class TickRate {
  readonly hertz: number;

  constructor(hertz: number) {
    this.hertz = hertz;
  }

  /** Number of the last tick at or before `ns`. */
  ticksAt(ns: number): number {
    const whole = Math.floor(ns);
    const seconds = Math.floor(whole / NS_PER_SECOND);
    const rest = whole - seconds * NS_PER_SECOND;
    return seconds * this.hertz + Math.floor((rest * this.hertz) / NS_PER_SECOND);
  }

  /** The first whole nanosecond at which tick `tick` has happened. */
  nsAt(tick: number): number {
    const seconds = Math.floor(tick / this.hertz);
    const rest = tick - seconds * this.hertz;
    return seconds * NS_PER_SECOND + Math.ceil((rest * NS_PER_SECOND) / this.hertz);
  }
}
