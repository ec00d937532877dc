// HostAlarm: the host's monotonic time, and one timer of Node's as the alarm of a network.
import type { Alarm } from '../network/alarmed-timers.js';

export class HostAlarm implements Alarm {
  onAlarm: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  nowNs(): number {
    return performance.now() * 1e6;
  }

  setAlarm(deadlineNs: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (deadlineNs === Infinity) return;
    const delayMs = Math.max(0, Math.ceil((deadlineNs - this.nowNs()) / 1e6));
    this.#timer = setTimeout(() => this.onAlarm?.(), delayMs);
    // A network alone is no reason to go on.
    this.#timer.unref();
  }
}
