// Shares: what weights, caps and idle domains come to over a second of a clock that goes on with the work that is done.
import { describe, expect, it } from 'vitest';
import type { Domain, DomainConfig } from '../domain.js';
import { MachineMemory } from '../frame/machine-memory.js';
import { type GuestCpu, GuestExit } from '../guest-cpu.js';
import { Hypervisor } from '../hypervisor.js';
import { ManualClock } from '../time/clock.js';
import type { Vcpu } from '../vcpu.js';
import { RoundRobin } from './round-robin.js';
import type { Scheduler } from './scheduler.js';

const SECOND = 1e9;

/** Computes all the time, a nanosecond an instruction; or waits as soon as it runs. */
class PlainCpu implements GuestCpu {
  executed = 0;
  runs = 0;
  readonly #clock: ManualClock;
  readonly #isIdle: boolean;

  constructor(clock: ManualClock, isIdle: boolean) {
    this.#clock = clock;
    this.#isIdle = isIdle;
  }

  run(budget: number): GuestExit {
    this.runs++;
    this.executed = this.#isIdle ? 1 : budget;
    this.#clock.advance(this.executed);
    return this.#isIdle ? GuestExit.idle : GuestExit.budget;
  }

  hypercallNumber(): number {
    return -1;
  }
  hypercallArguments(): void {}
  setHypercallArg(): void {}
  finishHypercall(): void {}
  restartHypercall(): void {}
  upcall(): void {}
}

class Machine {
  readonly clock: ManualClock = new ManualClock();
  readonly hypervisor: Hypervisor;

  constructor(scheduler?: Scheduler<Vcpu>) {
    this.hypervisor = new Hypervisor({
      memory: new MachineMemory(2048 * 4096),
      clock: this.clock,
      ...(scheduler ? { scheduler } : {}),
    });
  }

  domain(config: DomainConfig = {}, isIdle = false): Domain {
    const domain = this.hypervisor.createDomain({
      kind: 'translated',
      gfnLimit: 4,
      limits: { maxFrames: 4 },
      createCpu: () => new PlainCpu(this.clock, isIdle),
      ...config,
    });
    domain.start();
    domain.unpause();
    return domain;
  }

  /** Runs for a time, and sleeps when there is nothing to do; how many steps that took. */
  run(ns = SECOND): number {
    const endNs = this.clock.nowNs() + ns;
    let steps = 0;
    while (this.clock.nowNs() < endNs) {
      steps++;
      const { vcpu, wakeNs } = this.hypervisor.step();
      if (!vcpu) this.clock.advance(Math.max(0, Math.min(wakeNs, endNs) - this.clock.nowNs()));
    }
    return steps;
  }
}

function share(domain: Domain, ns = SECOND): number {
  return domain.scheduling.runNs / ns;
}

describe('weights', () => {
  it('1:2:4 give shares of a seventh, two and four, within 3 %', () => {
    const machine = new Machine();
    const domains = [256, 512, 1024].map((weight) => machine.domain({ weight }));
    machine.run();
    for (const [i, domain] of domains.entries()) {
      const expected = 2 ** i / 7;
      expect(Math.abs(share(domain) - expected)).toBeLessThan(0.03 * expected);
    }
  });

  it('that are equal give equal shares to ten domains', () => {
    const machine = new Machine();
    const domains = Array.from({ length: 10 }, () => machine.domain());
    machine.run();
    for (const domain of domains) expect(Math.abs(share(domain) - 0.1)).toBeLessThan(0.003);
  });

  it('do not matter to who is alone', () => {
    const machine = new Machine();
    const domain = machine.domain({ weight: 1 });
    machine.run();
    expect(share(domain)).toBeGreaterThan(0.99);
  });

  it('do not let one that slept catch up', () => {
    const machine = new Machine();
    const [sleeper, other] = [machine.domain(), machine.domain()];
    sleeper.pause();
    machine.run();
    sleeper.unpause();
    machine.run();
    expect(Math.abs(share(sleeper) - 0.5)).toBeLessThan(0.015);
    expect(Math.abs(share(other) - 1.5)).toBeLessThan(0.03);
  });

  it('are not looked at by round robin', () => {
    const machine = new Machine(new RoundRobin());
    const domains = [256, 1024].map((weight) => machine.domain({ weight }));
    machine.run();
    for (const domain of domains) expect(Math.abs(share(domain) - 0.5)).toBeLessThan(0.015);
  });
});

describe('a cap of 25 %', () => {
  it('holds within 3 % over a second on an idle machine', () => {
    const machine = new Machine();
    const domain = machine.domain({ capPercent: 25 });
    machine.run();
    expect(Math.abs(share(domain) - 0.25)).toBeLessThan(0.0075);
  });

  it('holds beside others, who get the rest', () => {
    const machine = new Machine();
    const [capped, other] = [machine.domain({ capPercent: 25 }), machine.domain()];
    machine.run();
    expect(Math.abs(share(capped) - 0.25)).toBeLessThan(0.0075);
    expect(Math.abs(share(other) - 0.75)).toBeLessThan(0.0225);
  });

  it('is for all vCPUs of the domain together', () => {
    const machine = new Machine();
    const domain = machine.domain({ capPercent: 25, vcpuCount: 2 });
    domain.start(1);
    machine.run();
    expect(Math.abs(share(domain) - 0.25)).toBeLessThan(0.0075);
  });

  it('does not add to a weight’s share that is smaller', () => {
    const machine = new Machine();
    const domains = Array.from({ length: 10 }, () => machine.domain({ capPercent: 25 }));
    machine.run();
    for (const domain of domains) expect(share(domain)).toBeLessThan(0.103);
  });
});

describe('200 idle domains', () => {
  it('take no steps: when all wait, nothing happens before somebody is called', () => {
    const machine = new Machine();
    const idle = Array.from({ length: 200 }, () => machine.domain({}, true));
    machine.run(1e6);
    expect(machine.run()).toBe(1);
    for (const domain of idle) expect(domain.scheduling.runNs).toBeLessThan(1000);
  });

  it('take nothing from one that computes', () => {
    const machine = new Machine();
    const domain = machine.domain();
    for (let i = 0; i < 200; i++) machine.domain({}, true);
    const steps = machine.run();
    expect(share(domain)).toBeGreaterThan(0.999);
    const alone = new Machine();
    alone.domain();
    expect(steps - alone.run()).toBeLessThanOrEqual(200);
  });
});
