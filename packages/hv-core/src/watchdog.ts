// Watchdogs: two timers a domain may arm with SCHEDOP_watchdog; one that is not poked in time shuts the domain down.
import { SHUTDOWN_watchdog } from '@proxeny/abi';
import type { Domain } from './domain.js';
import { Timer } from './sched/timer-queue.js';

const WATCHDOG_COUNT = 2;

export class Watchdogs {
  readonly #domain: Domain;
  readonly #timers: (Timer | null)[] = [];

  constructor(domain: Domain) {
    this.#domain = domain;
    for (let i = 0; i < WATCHDOG_COUNT; i++) this.#timers.push(null);
  }

  /** The id of one that is not in use, or 0. */
  findFree(): number {
    return this.#timers.indexOf(null) + 1;
  }

  isInUse(id: number): boolean {
    return id >= 1 && id <= WATCHDOG_COUNT && this.#timers[id - 1] !== null;
  }

  /** Arms watchdog `id`, or pokes it. */
  arm(id: number, timeoutNs: number): void {
    const { hypervisor } = this.#domain;
    const timer = this.#timers[id - 1] ?? new Timer(() => this.#domain.shutdown(SHUTDOWN_watchdog));
    this.#timers[id - 1] = timer;
    hypervisor.timers.set(timer, hypervisor.clock.nowNs() + timeoutNs);
  }

  disarm(id: number): void {
    const timer = this.#timers[id - 1];
    if (timer) this.#domain.hypervisor.timers.stop(timer);
    this.#timers[id - 1] = null;
  }

  disarmAll(): void {
    for (let id = 1; id <= WATCHDOG_COUNT; id++) this.disarm(id);
  }
}
