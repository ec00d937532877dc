// Long slices: of a guest that is alone and to whom nothing happens.
import { describe, expect, it } from 'vitest';
import type { Domain } from '../domain.js';
import { MachineMemory } from '../frame/machine-memory.js';
import { type GuestCpu, GuestExit } from '../guest-cpu.js';
import { HostPort } from '../host/host-port.js';
import { Hypervisor } from '../hypervisor.js';
import { ManualClock } from '../time/clock.js';
import type { Vcpu } from '../vcpu.js';

const SHORT_NS = 1e6;
const LONG_NS = 3e6;

/** A nanosecond an instruction. In the middle of a slice it does what it is told to, and leaves if it may not go on then. */
class HalfwayCpu implements GuestCpu {
  executed = 0;
  halfway: (vcpu: Vcpu) => void = () => {};
  readonly #vcpu: Vcpu;
  readonly #clock: ManualClock;

  constructor(vcpu: Vcpu, clock: ManualClock) {
    this.#vcpu = vcpu;
    this.#clock = clock;
  }

  run(budget: number): GuestExit {
    this.#clock.advance(budget / 2);
    this.halfway(this.#vcpu);
    this.executed = this.#vcpu.goesOn ? budget : budget / 2;
    this.#clock.advance(this.executed - budget / 2);
    return GuestExit.budget;
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
  readonly hypervisor: Hypervisor = new Hypervisor({
    memory: new MachineMemory(2048 * 4096),
    clock: this.clock,
  });

  /** A page-table guest without a periodic timer. */
  guest(): { domain: Domain; cpu: HalfwayCpu; vcpu: Vcpu } {
    const domain = this.hypervisor.createDomain({
      kind: 'pv',
      word: 64,
      limits: { maxFrames: 4 },
      createCpu: (vcpu) => new HalfwayCpu(vcpu, this.clock),
    });
    domain.start();
    domain.unpause();
    const [vcpu] = domain.vcpus;
    vcpu.periodNs = 0;
    return { domain, vcpu, cpu: vcpu.cpu as HalfwayCpu };
  }

  /** How long the next slice lasts, once instructions are known to take a nanosecond. */
  slice(): number {
    const beforeNs = this.clock.nowNs();
    this.hypervisor.step();
    return this.clock.nowNs() - beforeNs;
  }
  settle(): void {
    for (let i = 0; i < 200; i++) this.hypervisor.step();
  }
}

/** Nanoseconds of a slice, but for what the estimate of the speed is wrong by. */
const about = (ns: number): unknown => expect.closeTo(ns, -4);

describe('a slice', () => {
  it('is long for a guest that is alone, and short beside another one, even one that sleeps', () => {
    const machine = new Machine();
    machine.guest();
    machine.settle();
    expect(machine.slice()).toEqual(about(LONG_NS));
    const { vcpu } = machine.guest();
    vcpu.block();
    expect(machine.slice()).toEqual(about(SHORT_NS));
  });
  it('is short for a guest with a cap, a periodic timer, or an event that waits', () => {
    const machine = new Machine();
    const { domain, vcpu } = machine.guest();
    machine.settle();
    vcpu.periodNs = 1e12;
    expect(machine.slice()).toEqual(about(SHORT_NS));
    vcpu.periodNs = 0;
    domain.scheduling.capPercent = 90;
    expect(machine.slice()).toEqual(about(SHORT_NS));
    domain.scheduling.capPercent = 0;
    vcpu.isUpcallMasked = true;
    vcpu.markEventsPending();
    expect(machine.slice()).toEqual(about(SHORT_NS));
  });
  it('ends when a timer is due that was set before, or is set meanwhile', () => {
    const machine = new Machine();
    const { vcpu, cpu } = machine.guest();
    const { hypervisor, clock } = machine;
    machine.settle();
    hypervisor.setTimer(vcpu.singleshot, clock.nowNs() + 2e6);
    expect(machine.slice()).toEqual(about(2e6));
    hypervisor.timers.stop(vcpu.singleshot);
    cpu.halfway = () => hypervisor.setTimer(vcpu.singleshot, clock.nowNs() + 0.5e6);
    expect(machine.slice()).toEqual(about(LONG_NS / 2));
    cpu.halfway = () => {};
    expect(machine.slice()).toEqual(about(0.5e6));
    hypervisor.timers.stop(vcpu.singleshot);
    cpu.halfway = () => hypervisor.setTimer(vcpu.singleshot, clock.nowNs() + 5e6);
    expect(machine.slice()).toEqual(about(LONG_NS));
  });
  it('ends when the host is told something, and the next one is short', () => {
    const machine = new Machine();
    const { domain, cpu } = machine.guest();
    const host = machine.hypervisor.createDomain({ id: 0, kind: 'translated' });
    const far = domain.events.allocUnbound(0);
    const port = HostPort.bind(host, domain.id, far.port);
    let heard = 0;
    port?.onEvent(() => heard++);
    machine.settle();
    heard = 0;
    cpu.halfway = () => domain.events.send(far);
    expect(machine.slice()).toEqual(about(LONG_NS / 2));
    cpu.halfway = () => {};
    expect(machine.slice()).toEqual(about(SHORT_NS));
    expect(heard).toBe(1);
    expect(machine.slice()).toEqual(about(LONG_NS));
  });
});
