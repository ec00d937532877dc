// NativeMachine: a hypervisor with native guests, for conformance cases. It watches every hypercall: one that returns an error must have
// changed nothing, whatever the case was about.
import {
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_multicall,
  errno_names,
  grant_table_ops,
  XENMEM_decrease_reservation,
  XENMEM_increase_reservation,
  XENMEM_populate_physmap,
} from '@proxeny/abi';
import {
  type Domain,
  type DomainConfig,
  findMiscount,
  type HypercallFrame,
  Hypervisor,
  MachineMemory,
  ManualClock,
  P2mKind,
  RESTART,
  stateDigest,
} from '@proxeny/hv-core';
import type { Gfn, StructField } from '@proxeny/memory';
import { type NativeCode, NativeCpu, type NativeGuest } from '@proxeny/pv-guest';
import { buildPvMemory, type PvMemory } from './pv-memory.js';

/** Lists of requests: those before the one that failed stay done. */
const lists: ReadonlySet<number> = new Set([__HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op]);

/** What a call must not have changed unless it succeeded. */
interface Before {
  readonly digest: string;
  /** A grant operation's record, whose status is an answer and no change. */
  readonly record: Uint8Array;
}
/** As long as the longest record of a grant operation. */
const RECORD_BYTES = 48;

/** A kernel of these tests; `memory` of a page-table guest only. */
export type TestKernel = (guest: NativeGuest, memory: PvMemory) => NativeCode<unknown>;

export interface GuestOptions extends DomainConfig {
  /** Frames of memory, at guest frame 0 on. */
  readonly memoryFrames?: number;
}

export interface MachineOptions {
  readonly frames?: number;
  readonly watch?: boolean;
  readonly console?: boolean;
  readonly workPerCall?: number;
}

export class NativeMachine {
  readonly clock: ManualClock = new ManualClock();
  readonly hypervisor: Hypervisor;
  /** Errors that changed something, or that the hypervisor threw. */
  readonly violations: string[] = [];
  readonly console: string[] = [];
  /** A frame that page-table guests are told of as another domain's. */
  strangerMfn = -1;
  /** Frames free before any domain was made. */
  readonly freeAtStart: number;

  constructor(options: MachineOptions = {}) {
    const onConsoleWrite = (_: Domain, bytes: Uint8Array): void => {
      this.console.push(new TextDecoder().decode(bytes));
    };
    this.hypervisor = new Hypervisor({
      memory: new MachineMemory((options.frames ?? 256) * 4096),
      clock: this.clock,
      ...(options.workPerCall ? { workPerCall: options.workPerCall } : {}),
      ...(options.console === false ? {} : { onConsoleWrite }),
    });
    this.freeAtStart = this.hypervisor.frames.freeCount;
    if (options.watch !== false) this.#watch();
  }

  #watch(): void {
    const before: Before[] = [];
    this.hypervisor.observer = {
      enter: (call) => {
        const record = new Uint8Array(RECORD_BYTES);
        call.vcpu.access.copyFrom(call.pointer(1), record);
        before.push({ digest: stateDigest(this.hypervisor), record });
      },
      leave: (call, result) => {
        const { digest, record } = before.pop() as Before;
        if (!this.#isFailure(call, result)) return;
        const now = this.#digestWith(call, result === 0 ? record : null);
        if (digest !== now) {
          this.violations.push(
            `hypercall ${call.number}(${call.uint(0)}) returned ${errno_names[-result] ?? result} and changed something`,
          );
        }
      },
    };
  }

  /** Whether the call did nothing, by its result. */
  #isFailure(call: HypercallFrame, result: number): boolean {
    if (result === RESTART || call.number === __HYPERVISOR_multicall) return false;
    if (lists.has(call.number)) return result < 0 && call.uint(1) === 1 && call.pointer(2) === 0;
    if (result < 0) return true;
    if (call.number === __HYPERVISOR_memory_op) {
      const command = call.uint(0);
      const isReservation =
        command === XENMEM_increase_reservation ||
        command === XENMEM_decrease_reservation ||
        command === XENMEM_populate_physmap;
      return result === 0 && isReservation;
    }
    if (call.number !== __HYPERVISOR_grant_table_op || result !== 0) return false;
    const layout = grant_table_ops[call.uint(0)]?.argument?.of(call.word) as
      | StructField
      | undefined;
    const status = layout?.fields.status;
    if (status?.kind !== 'scalar' || call.uint(2) !== 1) return false;
    return status.get(call.view) < 0;
  }

  /** The state with a grant operation's record as it was. */
  #digestWith(call: HypercallFrame, record: Uint8Array | null): string {
    const { access } = call.vcpu;
    const now = new Uint8Array(RECORD_BYTES);
    const isRecord = record !== null && call.number === __HYPERVISOR_grant_table_op;
    if (!isRecord || !access.copyFrom(call.pointer(1), now)) return stateDigest(this.hypervisor);
    access.copyTo(call.pointer(1), record);
    const digest = stateDigest(this.hypervisor);
    access.copyTo(call.pointer(1), now);
    return digest;
  }

  /** A domain, translated unless told otherwise, whose vCPUs run native code; vCPU 0 starts when the machine runs. */
  guest(kernel: TestKernel, options: GuestOptions = {}): GuestHandle {
    const { memoryFrames = options.kind === 'pv' ? 24 : 16, ...config } = options;
    const handle = new GuestHandle();
    const { bytes } = this.hypervisor.memory;
    handle.domain = this.hypervisor.createDomain({
      kind: 'translated',
      createCpu: (vcpu) => {
        const cpu = new NativeCpu(vcpu, function* run(guest) {
          handle.value = yield* kernel(guest, handle.memory as PvMemory);
          handle.isDone = true;
        });
        // Kernels without a handler of their own only take note, or they would be called again and again.
        cpu.guest.onUpcall = () => {
          bytes[vcpu.info] = 0;
          return nothing();
        };
        handle.cpus.push(cpu);
        return cpu;
      },
      ...config,
    });
    if (handle.domain.p2m) {
      handle.domain.populate(0, memoryFrames);
      this.#mapSharedInfo(handle.domain, memoryFrames);
    } else {
      handle.memory = buildPvMemory(handle.domain, memoryFrames);
      handle.memory.strangerMfn = this.strangerMfn;
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
    const miscount = findMiscount(hypervisor);
    if (miscount) this.violations.push(miscount);
  }

  /** Runs one guest to its end and returns what its kernel returned. */
  only(kernel: TestKernel, options: GuestOptions = {}): unknown {
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

function* nothing(): NativeCode {}

export class GuestHandle {
  declare domain: Domain;
  /** Of a page-table guest. */
  memory: PvMemory | null = null;
  readonly cpus: NativeCpu[] = [];
  value: unknown;
  isDone = false;

  /** Throws what the kernel threw. */
  check(): void {
    for (const cpu of this.cpus) if (cpu.error) throw cpu.error;
  }
}
