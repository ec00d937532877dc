// The host's monotonic clock as guest time, without the host's short pauses.
// Guests measure time by reading two clocks close together (TSC against PIT, clocksource watchdogs). A pause of the host
// between two reads (garbage collection, compilation, a visit of the event loop) looks to them as if the machine had stopped:
// calibrations fail, good clocks are called unstable. So guest time moves from one reading to the next by no more than what
// the guest's work accounts for; the rest is a lag that is made up soon after.
// Invariants: guest time never decreases; it is never ahead of the host's, and behind it by at most MAX_LAG_NS.
import { performance } from 'node:perf_hooks';
import type { Clock } from '../clock.js';

/** A reading (an access to a device and its way there) may take this many times what readings usually take. */
const USUAL_READINGS = 4;
/** What readings take at first, and at most. */
const READING_NS = 500;
const SLOWEST_READING_NS = 20_000;
/** Only readings that follow the one before within so many instructions tell what a reading takes. */
const CLOSE_INSTRUCTIONS = 50;
/** An instruction may take this long; slower ones are pauses. */
const INSTRUCTION_NS = 40;
/** Longer pauses cannot be hidden without harm to timers: what exceeds this is seen by the guest. */
const MAX_LAG_NS = 80e6;
/** While behind, guest time runs this much faster than the host's. */
const CATCH_UP = 1.25;

/** Guest time that follows the host's monotonic clock, and can stand still. */
export class HostClock implements Clock {
  readonly #workDone: () => number;
  readonly #hostNs: () => number;
  #lastHostNs: number;
  #lastWork = 0;
  #guestNs = 0;
  #lagNs = 0;
  #readingNs = READING_NS;
  #paused = false;

  /**
   * @param workDone instructions that the guest has executed; steps back count as none
   * @param hostNs the host's monotonic time in ns
   */
  constructor(workDone: () => number, hostNs: () => number = () => performance.now() * 1e6) {
    this.#workDone = workDone;
    this.#hostNs = hostNs;
    this.#lastHostNs = hostNs();
  }

  nowNs(): number {
    if (this.#paused) return this.#guestNs;
    const hostNs = this.#hostNs();
    const work = this.#workDone();
    const passedNs = Math.max(0, hostNs - this.#lastHostNs);
    const instructions = Math.max(0, work - this.#lastWork);
    const readingNs = USUAL_READINGS * this.#readingNs;
    const accountedNs = readingNs + instructions * INSTRUCTION_NS;
    if (instructions <= CLOSE_INSTRUCTIONS) {
      const sampleNs = Math.min(passedNs, readingNs, SLOWEST_READING_NS);
      // Falls fast and rises slowly: code that runs for the first time is slow, too.
      this.#readingNs += (sampleNs - this.#readingNs) / (sampleNs < this.#readingNs ? 8 : 256);
    }
    this.#lastHostNs = hostNs;
    this.#lastWork = work;
    const behindNs = this.#lagNs + passedNs;
    // Too far behind, the whole lag goes at once: one jump now, and room for the pauses to come.
    const stepNs =
      behindNs - accountedNs > MAX_LAG_NS
        ? behindNs
        : Math.min(accountedNs, passedNs * CATCH_UP, behindNs);
    this.#lagNs = behindNs - stepNs;
    this.#guestNs += stepNs;
    return this.#guestNs;
  }
  /** Makes up the whole lag: for a guest that is halted, which notices nothing. */
  catchUp(): void {
    if (this.#paused) return;
    this.#guestNs += this.#lagNs + Math.max(0, this.#hostNs() - this.#lastHostNs);
    this.#restart();
  }
  /** Stops guest time until {@link resume}. */
  pause(): void {
    this.nowNs();
    this.#paused = true;
  }
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const lagNs = this.#lagNs;
    this.#restart();
    this.#lagNs = lagNs;
  }

  #restart(): void {
    this.#lagNs = 0;
    this.#lastHostNs = this.#hostNs();
    this.#lastWork = this.#workDone();
  }
}
