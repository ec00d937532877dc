// Progress: two domains that compute beside three hostile ones, on a clock that goes on with the work that is done.
import {
  Credit,
  type Domain,
  type GuestCpu,
  GuestExit,
  Hypervisor,
  MachineMemory,
  ManualClock,
} from '@proxeny/hv-core';
import { Random } from '../../conformance/native-oracle/random.js';
import { buildPvMemory } from '../../conformance/xen/pv-memory.js';
import { HostileCalls } from './hostile-calls.js';
import { HostileCpu } from './hostile-cpu.js';
import { GUEST_PAGES } from './hostile-values.js';

/** A nanosecond an instruction. */
class WorkerCpu implements GuestCpu {
  executed = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  run(budget: number): GuestExit {
    this.executed = budget;
    this.#clock.advance(budget);
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

/** What a hypercall costs besides the work it does, in ns. */
const CALL_NS = 100;
const HOSTILE_CALLS_A_SLICE = 10_000;
const RUN_NS = 1e8;
const SLICE_NS = 100_000;

/** Shares of all CPU time that the two workers got, and what each should have. */
export function fairShares(seed: number): { workers: number[]; expected: number } {
  const clock = new ManualClock();
  const hypervisor = new Hypervisor({
    memory: new MachineMemory(400 * 4096),
    clock,
    scheduler: new Credit(SLICE_NS),
  });
  hypervisor.observer = {
    enter: () => {},
    leave: (call) => clock.advance(CALL_NS + Math.max(0, call.workSpent)),
  };
  const random = new Random(seed);
  const ids: number[] = [];
  const workers: Domain[] = [];
  for (let i = 0; i < 2; i++) {
    const domain = hypervisor.createDomain({
      kind: 'translated',
      createCpu: () => new WorkerCpu(clock),
    });
    domain.populate(0, 4);
    workers.push(domain);
    ids.push(domain.id);
  }
  const hostile = (['pv64', 'pv32', 'translated'] as const).map((kind) => {
    const watcher = {
      beginSlice: ({ cpu }: { readonly cpu: GuestCpu }): void => {
        (cpu as HostileCpu).callsLeft = HOSTILE_CALLS_A_SLICE;
      },
    };
    const domain = hypervisor.createDomain({
      kind: kind === 'translated' ? 'translated' : 'pv',
      word: kind === 'pv32' ? 32 : 64,
      createCpu: (vcpu) => new HostileCpu(vcpu, watcher),
      limits: { maxFrames: 48, maxGrantFrames: 3, maxPort: 70 },
      gfnLimit: 64,
    });
    if (domain.p2m) domain.populate(0, GUEST_PAGES);
    else buildPvMemory(domain, GUEST_PAGES);
    ids.push(domain.id);
    return domain;
  });
  for (const domain of hostile) {
    for (const vcpu of domain.vcpus) {
      const { cpu } = vcpu;
      if (cpu instanceof HostileCpu) cpu.calls = new HostileCalls(random, vcpu, ids);
    }
  }
  for (const domain of [...workers, ...hostile]) {
    domain.start();
    domain.unpause();
  }
  while (clock.nowNs() < RUN_NS) {
    hypervisor.step();
    for (const domain of hostile) {
      // Who waits or has ended itself goes on at once: all five want the CPU all the time.
      if (domain.shutdownReason !== null) domain.resume();
      for (const vcpu of domain.vcpus) {
        vcpu.unblock();
        if (!vcpu.isUp) domain.start(vcpu.id);
      }
    }
  }
  return {
    workers: workers.map((domain) => domain.scheduling.runNs / RUN_NS),
    expected: 1 / (workers.length + hostile.length),
  };
}
