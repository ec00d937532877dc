// Congestion: how much may be on its way. Slow start, congestion avoidance, fast recovery: RFC 5681, RFC 6582 (NewReno), RFC 6928.
import { sequenceDistance } from './sequence.js';

const INITIAL_SEGMENTS = 10;
const DUPLICATES = 3;

export class Congestion {
  windowBytes: number;
  readonly #mss: number;
  readonly #maxBytes: number;
  #thresholdBytes = Infinity;
  #duplicates = 0;
  #isRecovering = false;
  /** Recovery ends with it; duplicates of what is before it start none. */
  #recoverTo: number;

  /** @param sequence of the first byte */
  constructor(mss: number, maxBytes: number, sequence: number) {
    this.#mss = mss;
    this.#maxBytes = maxBytes;
    this.windowBytes = Math.min(INITIAL_SEGMENTS * mss, maxBytes);
    this.#recoverTo = sequence;
  }

  /** `acked` bytes up to `sequence` are there. True: what follows was lost too, send its first segment again. */
  acknowledged(sequence: number, acked: number, flightBytes: number): boolean {
    this.#duplicates = 0;
    const mss = this.#mss;
    if (this.#isRecovering) {
      if (sequenceDistance(sequence, this.#recoverTo) < 0) {
        this.windowBytes = Math.max(this.windowBytes - acked + mss, mss);
        return true;
      }
      this.#isRecovering = false;
      this.windowBytes = Math.min(this.#thresholdBytes, Math.max(flightBytes, mss) + mss);
      return false;
    }
    const growth =
      this.windowBytes < this.#thresholdBytes ? acked : (mss * acked) / this.windowBytes;
    this.windowBytes = Math.min(this.windowBytes + growth, this.#maxBytes);
    return false;
  }

  /** The same acknowledgement again. True: send the first segment again. */
  duplicate(acknowledged: number, sentUpTo: number, flightBytes: number): boolean {
    const mss = this.#mss;
    if (this.#isRecovering) {
      this.windowBytes = Math.min(this.windowBytes + mss, this.#maxBytes);
      return false;
    }
    this.#duplicates++;
    if (this.#duplicates !== DUPLICATES) return false;
    if (sequenceDistance(acknowledged, this.#recoverTo) < 0) return false;
    this.#isRecovering = true;
    this.#recoverTo = sentUpTo;
    this.#thresholdBytes = Math.max(flightBytes / 2, 2 * mss);
    this.windowBytes = this.#thresholdBytes + DUPLICATES * mss;
    return true;
  }

  timedOut(sentUpTo: number, flightBytes: number): void {
    this.#thresholdBytes = Math.max(flightBytes / 2, 2 * this.#mss);
    this.windowBytes = this.#mss;
    this.#isRecovering = false;
    this.#duplicates = 0;
    this.#recoverTo = sentUpTo;
  }
}
