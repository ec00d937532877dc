// RoundTrip: how long to wait for an acknowledgement. RFC 6298; a segment that was sent again is not timed (Karn's algorithm).
import { sequenceDistance } from './sequence.js';

const MS = 1e6;
const INITIAL_NS = 1000 * MS;
/** Guests share one thread with us: they are slower to answer than the shortest times in use elsewhere. */
const MIN_NS = 300 * MS;
const MAX_NS = 60_000 * MS;

export class RoundTrip {
  #smoothedNs = 0;
  #variationNs = 0;
  #timeoutNs = INITIAL_NS;
  #backOff = 1;
  /** The sequence whose acknowledgement is waited for, and since when. */
  #timed: { readonly end: number; readonly sinceNs: number } | null = null;

  /** The retransmission timeout, in ns. */
  get timeoutNs(): number {
    return Math.min(this.#timeoutNs * this.#backOff, MAX_NS);
  }

  /** A segment that ends before `end` is sent for the first time. */
  start(end: number, nowNs: number): void {
    this.#timed ??= { end, sinceNs: nowNs };
  }

  /** Something is sent again: what is timed may be that. */
  stop(): void {
    this.#timed = null;
  }

  acknowledged(sequence: number, nowNs: number): void {
    this.#backOff = 1;
    const timed = this.#timed;
    if (!timed || sequenceDistance(sequence, timed.end) < 0) return;
    this.#timed = null;
    const sampleNs = nowNs - timed.sinceNs;
    if (this.#smoothedNs === 0) {
      this.#smoothedNs = sampleNs;
      this.#variationNs = sampleNs / 2;
    } else {
      this.#variationNs += (Math.abs(this.#smoothedNs - sampleNs) - this.#variationNs) / 4;
      this.#smoothedNs += (sampleNs - this.#smoothedNs) / 8;
    }
    this.#timeoutNs = Math.max(MIN_NS, this.#smoothedNs + 4 * this.#variationNs);
  }

  backOff(): void {
    this.#backOff = Math.min(this.#backOff * 2, 1024);
    this.stop();
  }
}
