// WorkMeter: instructions that all CPUs of a machine have executed, about; also while one of them runs. Guest time is measured by it.
import type { X86Cpu } from '@proxeny/vcpu-x86';
import type { GuestSampler } from '../../guest-sampler.js';

export class WorkMeter {
  #done = 0;
  #granted = 0;
  #running: X86Cpu | null = null;
  #beganMs = 0;
  readonly #sampler: GuestSampler | null;

  constructor(sampler: GuestSampler | null = null) {
    this.#sampler = sampler;
  }

  get instructions(): number {
    return this.#done + this.#progress;
  }
  get #progress(): number {
    return this.#running ? this.#granted - this.#running.budgetLeft : 0;
  }

  /** A CPU starts to run, which sets its budget before it asks for the time. */
  begin(cpu: X86Cpu, budget: number): void {
    this.#granted = budget;
    this.#running = cpu;
    if (this.#sampler) this.#beganMs = performance.now();
  }
  /** It has come back; what it did. */
  end(): number {
    const executed = this.#progress;
    if (this.#running) this.#sampler?.sliceEnded(this.#running, performance.now() - this.#beganMs);
    this.#done += executed;
    this.#running = null;
    return executed;
  }
}
