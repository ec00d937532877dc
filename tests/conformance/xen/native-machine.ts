// NativeMachine: a hypervisor with native guests, for conformance cases. It watches every hypercall: one that returns an error must have
// changed nothing, whatever the case was about.
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_multicall,
  errno_names,
} from '@proxeny/abi';
import {
  type Domain,
  type DomainConfig,
  type HypercallFrame,
  Hypervisor,
  MachineMemory,
  ManualClock,
  P2mKind,
  RESTART,
  stateDigest,
} from '@proxeny/hv-core';
import type { Gfn } from '@proxeny/memory';
import { type NativeCode, NativeCpu, type NativeGuest } from '@proxeny/pv-guest';

/** Hypercalls of several parts, whose earlier parts stay done when a later one fails. */
const inParts: ReadonlySet<number> = new Set([
  __HYPERVISOR_multicall,
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
]);

export interface GuestOptions extends DomainConfig {
  /** Frames of memory, at guest frame 0 on. */
  readonly memoryFrames?: number;
}

export class NativeMachine {
  readonly clock: ManualClock = new ManualClock();
  readonly hypervisor: Hypervisor;
  /** Errors that changed something, or that the hypervisor threw. */
  readonly violations: string[] = [];
  readonly console: string[] = [];
  /** Frames free before any domain was made. */
  readonly freeAtStart: number;

  constructor(options: { frames?: number; watch?: boolean; console?: boolean } = {}) {
    const onConsoleWrite = (_: Domain, bytes: Uint8Array): void => {
      this.console.push(new TextDecoder().decode(bytes));
    };
    this.hypervisor = new Hypervisor({
      memory: new MachineMemory((options.frames ?? 256) * 4096),
      clock: this.clock,
      ...(options.console === false ? {} : { onConsoleWrite }),
    });
    this.freeAtStart = this.hypervisor.frames.freeCount;
    if (options.watch !== false) this.#watch();
  }

  #watch(): void {
    const before: string[] = [];
    this.hypervisor.observer = {
      enter: () => before.push(stateDigest(this.hypervisor)),
      leave: (call: HypercallFrame, result: number) => {
        const digest = before.pop();
        if (result >= 0 || result === RESTART || inParts.has(call.number)) return;
        if (digest !== stateDigest(this.hypervisor)) {
          this.violations.push(
            `hypercall ${call.number}(${call.uint(0)}) returned -${errno_names[-result]} and changed something`,
          );
        }
      },
    };
  }

  /** A translated domain whose vCPUs run native code; vCPU 0 starts when the machine runs. */
  guest(
    kernel: (guest: NativeGuest) => NativeCode<unknown>,
    options: GuestOptions = {},
  ): GuestHandle {
    const { memoryFrames = 16, ...config } = options;
    const handle = new GuestHandle();
    handle.domain = this.hypervisor.createDomain({
      kind: 'translated',
      createCpu: (vcpu) => {
        const cpu = new NativeCpu(vcpu, function* run(guest) {
          handle.value = yield* kernel(guest);
          handle.isDone = true;
        });
        handle.cpus.push(cpu);
        return cpu;
      },
      ...config,
    });
    if (handle.domain.p2m) {
      handle.domain.populate(0, memoryFrames);
      this.#mapSharedInfo(handle.domain, memoryFrames);
    }
    handle.domain.start();
    handle.domain.unpause();
    return handle;
  }

  /** Puts shared_info behind the guest's memory. */
  #mapSharedInfo(domain: Domain, gfn: number): void {
    this.hypervisor.frames.getAgain(domain.sharedInfoFrame);
    domain.p2m?.set(gfn as Gfn, domain.sharedInfoFrame, P2mKind.ram);
  }

  /** Runs until nobody can run; moves the clock to timers that are due within a simulated second. */
  run(): void {
    const { hypervisor, clock } = this;
    const endNs = clock.nowNs() + 1e9;
    for (let rounds = 0; rounds < 1000; rounds++) {
      const { vcpu, wakeNs } = hypervisor.step();
      if (vcpu) clock.advance(1000);
      else if (wakeNs <= clock.nowNs()) continue;
      else if (wakeNs > endNs) break;
      else clock.advance(wakeNs - clock.nowNs());
    }
    for (const domain of hypervisor.domains) {
      if (domain.crashCause) this.violations.push(`domain ${domain.id}: ${domain.crashCause}`);
    }
  }

  /** Runs one guest to its end and returns what its kernel returned. */
  only(kernel: (guest: NativeGuest) => NativeCode<unknown>, options: GuestOptions = {}): unknown {
    const handle = this.guest(kernel, options);
    this.run();
    handle.check();
    return handle.value;
  }

  /** Destroys all domains; what is wrong then, or null. */
  destroyAll(): string | null {
    for (const domain of [...this.hypervisor.domains]) this.hypervisor.destroyDomain(domain);
    const { frames, dyingCount } = this.hypervisor;
    if (dyingCount > 0) return `${dyingCount} domains do not go away`;
    const lost = this.freeAtStart - frames.freeCount;
    return lost === 0 ? frames.findInconsistency() : `${lost} frames are lost`;
  }
}

export class GuestHandle {
  declare domain: Domain;
  readonly cpus: NativeCpu[] = [];
  value: unknown;
  isDone = false;

  /** Throws what the kernel threw. */
  check(): void {
    for (const cpu of this.cpus) if (cpu.error) throw cpu.error;
  }
}
