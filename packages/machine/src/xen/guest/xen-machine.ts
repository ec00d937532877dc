// XenMachine: one memory, one microkernel, its domains with x86 CPUs, and the time they get. Services for the domains (console, xenstore,
// disks) are wired by whoever builds one.
import {
  type Clock,
  type Domain,
  Hypervisor,
  MachineMemory,
  PageType,
  type Vcpu,
} from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';
import {
  BlockCache,
  type CpuEvents,
  type CpuModel,
  cpuEvents,
  Engine,
  VCPU_SIZE,
} from '@proxeny/vcpu-x86';
import type { GuestSampler } from '../../guest-sampler.js';
import { HostClock } from '../../host/clock.js';
import { hostRandomU32 } from '../../host/random.js';
import {
  type MachineStatistics,
  machineStatistics,
  measuringOptions,
} from '../../machine-statistics.js';
import { processLibrary } from '../../process-library.js';
import { RunLoop, type SlicedMachine } from '../../run-loop.js';
import { TimerQueue } from '../../timer-queue.js';
import { PvCpu, type SharedCpuParts } from '../cpu/pv-cpu.js';
import { PvhCpu } from '../cpu/pvh-cpu.js';
import { WorkMeter } from '../cpu/work-meter.js';

const MIB = 1 << 20;
const PAGE = 4096;
/** The lowest addresses stay empty: a pointer that is 0 by mistake meets nothing. */
const CPU_BASE = 0x10000;
const ARENA_BYTES = 32 * MIB;
/** What the microkernel needs for itself: M2P (12 bytes a frame), shared pages, grant tables. */
const OWN_BYTES = 8 * MIB;
/** The time stamp counter of all CPUs, as an X86Cpu has it. */
const TSC_HZ = 1e9;

export interface XenMachineConfig {
  /** Memory for all domains, in bytes. */
  readonly memoryBytes: number;
  readonly model: CpuModel;
  /** Virtual CPUs of all domains, at most. */
  readonly maxCpus?: number;
  /** A domain has shut down; called between slices. */
  readonly onShutdown?: (domain: Domain) => void;
  /** What domains print by console_io; without it they get an error. */
  readonly onConsoleWrite?: (domain: Domain, bytes: Uint8Array) => void;
  /** Asked between slices: a promise holds the domains and their time until it resolves. */
  readonly hold?: () => Promise<void> | null;
  /** Measures where the time goes. */
  readonly sampler?: GuestSampler;
  readonly wallClockMs?: () => number;
  readonly randomU32?: () => number;
}

/** The machine's time as the microkernel asks for it. */
class MachineClock implements Clock {
  readonly tscHz = TSC_HZ;
  readonly wallClockBaseNs: number;
  readonly #clock: HostClock;

  constructor(clock: HostClock, wallClockMs: number) {
    this.#clock = clock;
    this.wallClockBaseNs = wallClockMs * 1e6 - clock.nowNs();
  }

  nowNs(): number {
    return this.#clock.nowNs();
  }
  tsc(): number {
    return Math.floor(this.#clock.nowNs() * (TSC_HZ / 1e9));
  }
}

export class XenMachine implements SlicedMachine {
  readonly #sampler: GuestSampler | null;
  readonly #meter: WorkMeter;
  readonly clock: HostClock = new HostClock(() => this.#meter.instructions);
  readonly hypervisor: Hypervisor;
  readonly model: CpuModel;
  readonly hold: () => Promise<void> | null;
  readonly #loop = new RunLoop(this);
  readonly #parts: SharedCpuParts;
  /** For what is the guests' own hardware; the microkernel has a queue for its own. */
  readonly #timers: TimerQueue = new TimerQueue(this.clock);
  readonly #cpus: (PvCpu | PvhCpu)[] = [];
  /** Places of CPUs that are gone. */
  readonly #freeBases: number[] = [];
  readonly #blocks: BlockCache;
  readonly #maxCpus: number;
  readonly #engine: Engine;
  #isStopped = false;
  /** What CPUs did that are gone. */
  #past: CpuEvents | undefined;

  constructor(config: XenMachineConfig) {
    this.#sampler = config.sampler ?? null;
    this.#meter = new WorkMeter(this.#sampler);
    const maxCpus = config.maxCpus ?? 4;
    this.#maxCpus = maxCpus;
    this.model = config.model;
    this.hold = config.hold ?? (() => null);
    const arena = CPU_BASE + Math.ceil((VCPU_SIZE * maxCpus) / 65536) * 65536;
    const first = arena + ARENA_BYTES;
    const own = OWN_BYTES + Math.ceil(config.memoryBytes / 256);
    const pages = Math.ceil((first + own + config.memoryBytes) / 65536);
    const memory = new WebAssembly.Memory({ initial: pages });
    const blocks = new BlockCache(memory, arena, first);
    this.#blocks = blocks;
    this.#engine = new Engine({
      blocks,
      model: config.model,
      library: processLibrary,
      ...measuringOptions(config.sampler),
    });
    const machineMemory = new MachineMemory(new Uint8Array(memory.buffer));
    this.hypervisor = new Hypervisor({
      memory: machineMemory,
      clock: new MachineClock(this.clock, (config.wallClockMs ?? Date.now)()),
      firstFrame: first / PAGE,
      ...(config.onConsoleWrite ? { onConsoleWrite: config.onConsoleWrite } : {}),
      ...(config.onShutdown ? { onShutdown: config.onShutdown } : {}),
    });
    this.#parts = {
      memory,
      engine: this.#engine,
      model: config.model,
      firstFrame: first / PAGE,
      frameCount: machineMemory.frameCount,
      nowNs: () => this.clock.nowNs(),
      meter: this.#meter,
      randomU32: config.randomU32 ?? hostRandomU32,
    };
    this.#watchFrames(machineMemory);
  }

  /** Whatever the microkernel does to frames, CPUs and translated code must learn. */
  #watchFrames(memory: MachineMemory): void {
    const { hypervisor } = this;
    const blocks = this.#blocks;
    memory.onWrite = (mfn) => {
      if (blocks.holdsCode(mfn)) blocks.written(mfn * PAGE, PAGE, 'microkernel');
      for (const cpu of this.#cpus) cpu.frameWritten(mfn);
    };
    hypervisor.frames.onRetype = (mfn: Mfn, type: PageType) => {
      if (type === PageType.writable) return; // who could read it still may
      for (const { x86 } of this.#cpus) {
        if (type === PageType.none) x86.core.tlb.forgetFrame(mfn * PAGE);
        else x86.core.tlb.protectFrame(mfn * PAGE);
      }
      if (blocks.holdsCode(mfn)) blocks.written(mfn * PAGE, PAGE, 'retyped');
    };
    hypervisor.pageTables.onKernelPageUnmapped = (mfn, isReadable, wasExecutable) => {
      for (const { x86 } of this.#cpus) {
        if (isReadable) x86.core.tlb.protectFrame(mfn * PAGE);
        else if (wasExecutable) x86.core.forgetCodeFrame(mfn * PAGE);
        else x86.core.tlb.forgetFrame(mfn * PAGE);
      }
    };
    hypervisor.onTlbFlush = (domain, vcpu, address) => {
      for (const each of vcpu ? [vcpu] : domain.vcpus)
        if (each.cpu instanceof PvCpu || each.cpu instanceof PvhCpu) each.cpu.flush(address);
    };
  }

  /** Makes the engine of a page-table guest's vCPU: `createCpu` of its DomainConfig. */
  readonly createPvCpu = (vcpu: Vcpu): PvCpu =>
    this.#add((base) => new PvCpu(vcpu, this.#parts, base));
  /** The same for a translated guest. */
  readonly createPvhCpu = (vcpu: Vcpu): PvhCpu =>
    this.#add((base) => new PvhCpu(vcpu, this.#parts, base, this.#timers));

  #add<Cpu extends PvCpu | PvhCpu>(make: (base: number) => Cpu): Cpu {
    if (this.#cpus.length >= this.#maxCpus)
      throw new RangeError(
        `this machine has room for ${this.#maxCpus} CPUs; give it more (maxCpus)`,
      );
    const base = this.#freeBases.pop() ?? CPU_BASE + this.#cpus.length * VCPU_SIZE;
    new Uint8Array(this.#parts.memory.buffer, base, VCPU_SIZE).fill(0);
    const cpu = make(base);
    this.#cpus.push(cpu);
    return cpu;
  }

  /** Ends a domain, and gives its frames and its CPUs' places back. Only between slices. */
  destroy(domain: Domain): void {
    this.hypervisor.destroyDomain(domain);
    for (const { cpu } of domain.vcpus) {
      if (!(cpu instanceof PvCpu || cpu instanceof PvhCpu)) continue;
      this.#cpus.splice(this.#cpus.indexOf(cpu), 1);
      this.#freeBases.push(cpu.x86.base);
      this.#past = cpuEvents([cpu.x86], this.#past);
      cpu.close();
    }
  }

  get isOver(): boolean {
    return this.#isStopped;
  }
  /** What the CPUs of all domains did so far, those that are gone included. */
  get statistics(): MachineStatistics {
    const cpus = this.#cpus.map(({ x86 }) => x86);
    const { instructions } = this.#meter;
    return machineStatistics(instructions, this.#sampler, this.#engine, cpus, this.#past);
  }
  /** Something has happened outside: ends a sleep. */
  wake(): void {
    this.#loop.wake();
  }
  /** Ends {@link run} at the next turn. */
  stop(): void {
    this.#isStopped = true;
    for (const cpu of this.#cpus) cpu.leave();
    this.#loop.wake();
  }
  /** Runs domains until {@link stop}. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  runSlice(): number {
    this.#timers.runDue();
    const { vcpu, wakeNs } = this.hypervisor.step();
    if (vcpu) return 0;
    this.clock.catchUp();
    return Math.max(Math.min(wakeNs, this.#timers.nextDeadlineNs()), 1);
  }
}
