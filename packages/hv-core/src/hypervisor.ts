// Hypervisor: the machine's frames, its domains, and one scheduling step at a time. It knows no device and no CPU, reads no clock but
// the one it was given, and never throws because of a guest: what goes wrong in a slice crashes that domain.
import { DOMID_FIRST_RESERVED, DOMID_XEN, VIRQ_DOM_EXC } from '@proxeny/abi';
import { type Maddr, PAGE_SIZE } from '@proxeny/memory';
import { Domain, type DomainConfig } from './domain.js';
import { HvError } from './error.js';
import type { EventChannel } from './event/event-channel.js';
import { FRAME_PINNED, FrameTable, NO_FRAME } from './frame/frame-table.js';
import { INVALID_M2P_ENTRY, M2p } from './frame/m2p.js';
import type { MachineMemory } from './frame/machine-memory.js';
import { PageTables } from './frame/page-table-x86.js';
import { PageTypes } from './frame/page-type.js';
import { GuestExit } from './guest-cpu.js';
import { MIN_WORK_PER_CALL, WORK_PER_CALL } from './hypercall/continuation.js';
import { dispatch, perform } from './hypercall/dispatch.js';
import type { HypercallFrame } from './hypercall/frame.js';
import { Credit } from './sched/credit.js';
import type { Scheduler } from './sched/scheduler.js';
import { type Timer, TimerQueue } from './sched/timer-queue.js';
import type { Clock } from './time/clock.js';
import { updateWallClock } from './time/pvclock.js';
import { ReservedDescriptors } from './trap/reserved-descriptors.js';
import type { Vcpu } from './vcpu.js';

export interface HypervisorOptions {
  readonly memory: MachineMemory;
  readonly clock: Clock;
  readonly scheduler?: Scheduler<Vcpu>;
  /** Frames below are not touched. */
  readonly firstFrame?: number;
  /** Page-table entries, grants, ports… a hypercall handles before it lets others run; at least what five page tables have. */
  readonly workPerCall?: number;
  /** Gets what guests print with console_io; without it that call is refused, as by a Xen without debugging. */
  readonly onConsoleWrite?: (domain: Domain, bytes: Uint8Array) => void;
  /** A domain has shut down (see its `shutdownReason`); called between slices. */
  readonly onShutdown?: (domain: Domain) => void;
}

/** Looks on at every hypercall: for traces and tests. Changes nothing. */
export interface HypercallObserver {
  enter(call: HypercallFrame): void;
  /** `result` may be RESTART: the call goes on later. */
  leave(call: HypercallFrame, result: number): void;
}

/** What one step did. */
export interface StepResult {
  /** The vCPU that ran, or null. */
  readonly vcpu: Vcpu | null;
  /** When there may be something to do again, if none ran: Infinity if only an event from outside can tell. */
  readonly wakeNs: number;
}

const TIME_UPDATE_NS = 1e9;
/** A slice while nothing happens but what one guest does. */
const LONG_SLICE_NS = 3_000_000;

export class Hypervisor {
  readonly memory: MachineMemory;
  readonly frames: FrameTable;
  readonly types: PageTypes;
  readonly pageTables: PageTables;
  readonly m2p: M2p;
  /** The hypervisor's entries of page-table guests' GDTs. */
  readonly descriptors: ReservedDescriptors;
  readonly clock: Clock;
  readonly scheduler: Scheduler<Vcpu>;
  readonly timers: TimerQueue = new TimerQueue();
  readonly options: HypervisorOptions;
  readonly workPerCall: number;
  /** Where vCPUs without a vcpu_info of their own have it; no guest sees it. */
  readonly dummyVcpuInfo: Maddr;
  observer: HypercallObserver | null = null;
  /** Translations of `vcpu`'s address space may be stale (without one, of the whole domain): all, or of the page at `address`. */
  onTlbFlush: ((domain: Domain, vcpu: Vcpu | null, address?: number) => void) | null = null;
  readonly #domains: Map<number, Domain> = new Map();
  /** Destroyed, but with frames others still refer to. */
  readonly #dying: Map<number, Domain> = new Map();
  #notifications: EventChannel[] = [];
  #shutdowns: Domain[] = [];
  #nextId = 1;
  /** Measured, so that a slice's time can be told in instructions. */
  #instructionsPerNs = 0.2;
  /** The host heard of nothing before this slice. */
  #isQuiet = false;
  /** Who is in a long slice, and when that is to end. */
  #longRunning: Vcpu | null = null;
  #longUntilNs = 0;

  constructor(options: HypervisorOptions) {
    this.options = options;
    this.workPerCall = options.workPerCall ?? WORK_PER_CALL;
    if (!(this.workPerCall >= MIN_WORK_PER_CALL))
      throw new HvError(
        'bad-argument',
        `${this.workPerCall} as workPerCall: give ${MIN_WORK_PER_CALL} or more`,
      );
    this.memory = options.memory;
    this.clock = options.clock;
    this.scheduler = options.scheduler ?? new Credit<Vcpu>();
    this.frames = new FrameTable(options.memory, options.firstFrame);
    this.types = new PageTypes(this.frames);
    this.m2p = new M2p(this.frames);
    this.descriptors = new ReservedDescriptors(this.frames);
    this.pageTables = new PageTables(this.types, this.m2p, (owner) => this.#wordOf(owner));
    this.pageTables.onDescriptorsUnmapped = (owner) => this.#dropLdts(owner);
    this.pageTables.onTableUnmapped = (owner) => {
      const domain = this.#domains.get(owner);
      if (domain) domain.tablesUnmapped++;
    };
    this.frames.onFree = (mfn) => this.m2p.set(mfn, INVALID_M2P_ENTRY);
    this.frames.onListEmpty = (owner) => this.#dying.delete(owner);
    const dummy = this.frames.allocate(DOMID_XEN);
    if (dummy === -1) throw new HvError('no-memory', 'machine memory is too small: give more');
    this.dummyVcpuInfo = (dummy * PAGE_SIZE) as Maddr;
  }

  #wordOf(owner: number): 32 | 64 {
    return (this.#domains.get(owner) ?? this.#dying.get(owner))?.word ?? 64;
  }

  /** A frame of descriptors is mapped at one place less: LDTs of its owner are found anew. */
  #dropLdts(owner: number): void {
    const domain = this.#domains.get(owner) ?? this.#dying.get(owner);
    for (const vcpu of domain?.vcpus ?? []) vcpu.pv?.dropLdt(this.types);
  }

  get domains(): Iterable<Domain> {
    return this.#domains.values();
  }

  /** Domains that are destroyed but whose frames others still refer to. */
  get dyingCount(): number {
    return this.#dying.size;
  }

  /** A domain that lives, or undefined. */
  domain(id: number): Domain | undefined {
    return this.#domains.get(id);
  }

  /** Whether a domain of this number lives, or frames of one that did. */
  isInUse(id: number): boolean {
    return this.#domains.has(id) || this.#dying.has(id);
  }

  /**
   * Makes a domain, paused, without memory.
   * @throws HvError `exists`, `bad-argument` or `no-memory`.
   */
  createDomain(config: DomainConfig = {}): Domain {
    const id = config.id ?? this.#findFreeId();
    if (!Number.isInteger(id) || id < 0 || id >= DOMID_FIRST_RESERVED)
      throw new HvError('bad-argument', `domain id ${id}: give 0 to ${DOMID_FIRST_RESERVED - 1}`);
    if (this.isInUse(id))
      throw new HvError(
        'exists',
        `domain ${id} exists already: leave the id out to get a free one`,
      );
    const { weight = 256, capPercent = 0, vcpuCount = 1 } = config;
    if (!(weight >= 1 && weight <= 65_535))
      throw new HvError('bad-argument', `weight ${weight} of domain ${id}: give 1 to 65535`);
    if (!(capPercent >= 0)) throw new HvError('bad-argument', `cap ${capPercent} of domain ${id}`);
    if (!(Number.isInteger(vcpuCount) && vcpuCount >= 1 && vcpuCount <= 8192))
      throw new HvError('bad-argument', `${vcpuCount} vCPUs of domain ${id}: give 1 to 8192`);
    const domain = new Domain(this, id, config);
    this.#domains.set(id, domain);
    updateWallClock(domain);
    return domain;
  }

  #findFreeId(): number {
    for (let tries = 0; tries < DOMID_FIRST_RESERVED; tries++) {
      const id = this.#nextId;
      this.#nextId = id + 1 < DOMID_FIRST_RESERVED ? id + 1 : 1;
      if (!this.isInUse(id)) return id;
    }
    throw new HvError('no-domain', 'all domain numbers are in use: destroy a domain first');
  }

  /** Ends a domain and returns all it holds. */
  destroyDomain(domain: Domain): void {
    if (this.#domains.get(domain.id) !== domain) return;
    this.#dying.set(domain.id, domain);
    this.types.workLeft = Number.POSITIVE_INFINITY;
    this.types.releaseParked();
    domain.relinquish();
    this.#domains.delete(domain.id);
    if (domain.frames.count === 0) this.#dying.delete(domain.id);
  }

  /** Takes pins and allocations from all frames of a domain that is being destroyed. */
  releaseFramesOf(domain: Domain): void {
    const { frames } = this;
    for (let mfn = domain.frames.first; mfn !== NO_FRAME; ) {
      const next = frames.nextOwned(mfn);
      const flags = frames.flags[mfn] as number;
      frames.getAgain(mfn); // so that it stays in the list while we look at it
      if ((flags & FRAME_PINNED) !== 0) {
        frames.flags[mfn] = flags & ~FRAME_PINNED;
        this.types.putPageAndType(mfn);
      }
      if (mfn !== domain.sharedInfoFrame) frames.putAllocation(mfn);
      frames.putPage(mfn);
      mfn = next;
    }
  }

  /** A channel of the host's became pending: its listener is called between slices. */
  queueNotification(channel: EventChannel): void {
    this.#notifications.push(channel);
    this.#endLongSlice();
  }

  /** Sets a timer for a vCPU, maybe from within a slice, which ends if it is a long one and lasts longer. */
  setTimer(timer: Timer, deadlineNs: number): void {
    this.timers.set(timer, deadlineNs);
    if (deadlineNs < this.#longUntilNs) this.#endLongSlice();
  }

  #endLongSlice(): void {
    if (this.#longRunning) this.#longRunning.isYielding = true;
  }

  noteShutdown(domain: Domain): void {
    this.#shutdowns.push(domain);
    const control = this.#domains.get(0);
    if (control && control !== domain) this.sendGlobalVirq(control, VIRQ_DOM_EXC);
  }

  sendGlobalVirq(domain: Domain, virq: number): void {
    domain.vcpus[0]?.sendVirq(virq);
  }

  /** Fires timers, tells the host what happened, then runs one vCPU for a slice. */
  step(): StepResult {
    const nowNs = this.clock.nowNs();
    this.timers.run(nowNs);
    this.types.workLeft = this.workPerCall;
    this.types.drain();
    this.#notify();
    const vcpu = this.scheduler.next(nowNs);
    if (!vcpu) {
      const wakeNs = Math.min(this.timers.nextDeadlineNs, this.scheduler.nextWakeNs(nowNs));
      return { vcpu, wakeNs };
    }
    this.#runSlice(vcpu, nowNs);
    return { vcpu, wakeNs: nowNs };
  }

  /** Steps until nothing can run without time passing or an event from outside, or `maxSteps` are done; how many were. */
  runUntilIdle(maxSteps = 10_000): number {
    for (let steps = 0; steps < maxSteps; steps++) {
      const { vcpu, wakeNs } = this.step();
      if (!vcpu && wakeNs > this.clock.nowNs() && this.#notifications.length === 0) return steps;
    }
    return maxSteps;
  }

  #notify(): void {
    if (this.#shutdowns.length > 0) {
      const shutdowns = this.#shutdowns;
      this.#shutdowns = [];
      for (const domain of shutdowns) this.options.onShutdown?.(domain);
    }
    this.#isQuiet = this.#notifications.length === 0;
    if (this.#isQuiet) return;
    const notifications = this.#notifications;
    this.#notifications = [];
    for (const channel of notifications) {
      channel.isNotified = false;
      channel.listener?.();
    }
  }

  /**
   * May a vCPU have a long slice? Nobody else could run, nothing is to be told to it, and all that is to happen while it runs is known to
   * {@link timers}. To begin and end a slice takes as long as some thousand instructions.
   */
  #mayRunLong(vcpu: Vcpu): boolean {
    if (!this.#isQuiet || vcpu.pv === null || vcpu.periodNs !== 0) return false;
    return vcpu.scheduling.capPercent === 0 && !vcpu.hasPendingUpcall && this.#isAlone(vcpu);
  }

  #isAlone(vcpu: Vcpu): boolean {
    for (const { vcpus } of this.#domains.values()) {
      for (const other of vcpus) if (other !== vcpu && other.isUp) return false;
    }
    return true;
  }

  #runSlice(vcpu: Vcpu, nowNs: number): void {
    const isLong = this.#mayRunLong(vcpu);
    const sliceNs = Math.min(
      isLong ? LONG_SLICE_NS : this.scheduler.sliceNs(vcpu, nowNs),
      Math.max(0, this.timers.nextDeadlineNs - nowNs),
    );
    if (isLong) {
      this.#longRunning = vcpu;
      this.#longUntilNs = nowNs + sliceNs;
    }
    const budget = Math.max(1000, Math.floor(sliceNs * this.#instructionsPerNs));
    let instructions = 0;
    vcpu.setRunning(true, nowNs);
    try {
      vcpu.periodicWork(nowNs);
      if (nowNs - vcpu.timeUpdatedNs >= TIME_UPDATE_NS) vcpu.updateTime();
      vcpu.updateRunstateArea(nowNs);
      instructions = this.#run(vcpu, budget);
    } catch (error) {
      vcpu.domain.crash(error);
    }
    this.#longRunning = null;
    this.#longUntilNs = 0;
    const afterNs = this.clock.nowNs();
    vcpu.setRunning(false, afterNs);
    const spentNs = afterNs - nowNs;
    if (spentNs > 10_000 && instructions > 1000) {
      this.#instructionsPerNs += (instructions / spentNs - this.#instructionsPerNs) / 8;
    }
    this.scheduler.account(vcpu, instructions, spentNs, afterNs);
  }

  /** Performs the hypercall whose number and arguments `call` holds: its result, or RESTART. For calls that hold others. */
  perform(call: HypercallFrame): number {
    return perform(call);
  }

  #run(vcpu: Vcpu, budget: number): number {
    const { cpu } = vcpu;
    let instructions = 0;
    vcpu.isYielding = false;
    while (instructions < budget && vcpu.goesOn) {
      vcpu.deliverUpcall();
      const exit = cpu.run(budget - instructions);
      instructions += cpu.executed;
      switch (exit) {
        case GuestExit.hypercall:
          instructions += dispatch(vcpu);
          break;
        case GuestExit.idle:
          vcpu.block();
          break;
        case GuestExit.dead:
          vcpu.domain.crash();
          break;
        default:
          return instructions;
      }
    }
    return instructions;
  }
}
