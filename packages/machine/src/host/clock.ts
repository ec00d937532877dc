// The host's monotonic clock as guest time.
import type { Clock } from '../clock.js';

/** Guest time that follows the host's monotonic clock, and can stand still. */
export class HostClock implements Clock {
  #offsetNs: number = -performance.now() * 1e6;
  #pausedAtNs: number | null = null;

  nowNs(): number {
    return this.#pausedAtNs ?? performance.now() * 1e6 + this.#offsetNs;
  }
  /** Stops guest time until {@link resume}. */
  pause(): void {
    this.#pausedAtNs ??= this.nowNs();
  }
  resume(): void {
    if (this.#pausedAtNs === null) return;
    this.#offsetNs = this.#pausedAtNs - performance.now() * 1e6;
    this.#pausedAtNs = null;
  }
}
