// Domain: one guest: its vCPUs, frames, event channels, grants, and whether it may run. Made and destroyed by the Hypervisor.
// Invariant: what a domain holds of others (references to frames, channels) is all found from here, so that destroying returns it.
import { SHUTDOWN_crash, shared_info, XEN_LEGACY_MAX_VCPUS } from '@proxeny/abi';
import { type Gfn, type Maddr, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { type DomainLimits, defaultLimits } from './domain-limits.js';
import { assert, HvError } from './error.js';
import { EventChannels } from './event/event-channels.js';
import { FRAME_SHARED, type FrameList, PageType } from './frame/frame-table.js';
import { P2m, P2mKind } from './frame/p2m.js';
import { releaseMappings } from './grant/grant-mapping.js';
import { GrantTable } from './grant/grant-table.js';
import type { GuestCpu } from './guest-cpu.js';
import { HvmParams } from './hvm-params.js';
import type { Hypervisor } from './hypervisor.js';
import { SchedulingParameters } from './sched/scheduling-parameters.js';
import { POLL_NONE, POLL_SEVERAL, Vcpu } from './vcpu.js';
import { Watchdogs } from './watchdog.js';

export interface DomainConfig {
  /** A number that is not in use; the next free one if absent. */
  readonly id?: number;
  readonly name?: string;
  /** Bits of the guest's word; 32 means PAE page tables. */
  readonly word?: 32 | 64;
  /** `pv`: the guest has page tables of machine frames. `translated`: it sees guest frames through a P2M. */
  readonly kind?: 'pv' | 'translated';
  /** How many vCPUs it can have. */
  readonly vcpuCount?: number;
  /** Makes the engine of a vCPU. */
  readonly createCpu?: (vcpu: Vcpu) => GuestCpu;
  readonly limits?: Partial<DomainLimits>;
  /** May act on every domain. */
  readonly isPrivileged?: boolean;
  /** The domain it may act on besides itself. */
  readonly target?: number;
  /** Its share of the CPU; see SchedulingParameters. */
  readonly weight?: number;
  readonly capPercent?: number;
  /** 16 bytes. */
  readonly uuid?: Uint8Array;
  /** Guest frame numbers a translated domain can use: its memory and room for grants. */
  readonly gfnLimit?: number;
}

/** Guest frames beyond its memory that a translated domain gets by default. */
const DEFAULT_EXTRA_GFNS = 4096;

export class Domain {
  readonly hypervisor: Hypervisor;
  readonly id: number;
  readonly name: string;
  readonly word: 32 | 64;
  readonly limits: DomainLimits;
  readonly isPrivileged: boolean;
  readonly target: number;
  readonly uuid: Uint8Array;
  readonly scheduling: SchedulingParameters = new SchedulingParameters();
  /** Its frames; empty again once nobody refers to them. */
  readonly frames: FrameList;
  /** A translated domain's guest frames; null for a page-table guest. */
  readonly p2m: P2m | null;
  readonly sharedInfoFrame: Mfn;
  readonly events: EventChannels;
  readonly grants: GrantTable;
  readonly watchdogs: Watchdogs;
  readonly vcpus: readonly Vcpu[];
  /** Above zero: none of its vCPUs runs. New domains are paused once. */
  pauseCount = 1;
  /** SHUTDOWN_*, once it has shut down. */
  shutdownReason: number | null = null;
  /** What a later shutdown reports, if the guest said so. */
  shutdownCode: number | null = null;
  isDying = false;
  /** Why it crashed, if it was us. */
  crashCause: unknown = null;
  /** Why it crashed, if it was the guest: what it did, for whoever reads the log. */
  crashMessage: string | null = null;
  /** Behaviours switched on by vm_assist: VMASST_TYPE_*. */
  readonly assists: Set<number> = new Set();
  /** Latches every page-table guest has: the index register of the CMOS clock, and PCI's configuration address. */
  cmosIndex = 0;
  pciAddress = 0;
  /** The page it gave for marks of interrupts that need an EOI (physdev_op); -1: none. */
  pirqEoiFrame: Mfn | -1 = -1;
  /** How often a table with pages of its kernel's was taken out of one of its page tables, or lost rights there. */
  tablesUnmapped = 0;
  /** Parameters of a translated guest. */
  readonly hvmParams: HvmParams = new HvmParams();
  /** Its e820 map as XENMEM_memory_map tells it; null: none. */
  memoryMap: Uint8Array | null = null;

  constructor(hypervisor: Hypervisor, id: number, config: DomainConfig) {
    this.hypervisor = hypervisor;
    this.id = id;
    this.name = config.name ?? `domain-${id}`;
    this.word = config.word ?? 64;
    this.limits = Object.freeze({ ...defaultLimits, ...config.limits });
    this.isPrivileged = config.isPrivileged ?? false;
    this.target = config.target ?? -1;
    this.uuid = config.uuid ?? new Uint8Array(16);
    this.scheduling.weight = config.weight ?? this.scheduling.weight;
    this.scheduling.capPercent = config.capPercent ?? 0;
    this.frames = hypervisor.frames.list(id);
    const gfnLimit = config.gfnLimit ?? this.limits.maxFrames + DEFAULT_EXTRA_GFNS;
    this.p2m = config.kind === 'translated' ? new P2m(hypervisor.frames, gfnLimit) : null;
    const sharedInfo = this.allocateShared();
    if (sharedInfo === -1)
      throw new HvError('no-memory', `no frame is left for domain ${this.name}'s shared_info`);
    this.sharedInfoFrame = sharedInfo;
    this.#maskUpcalls();
    this.events = new EventChannels(this);
    this.grants = new GrantTable(this);
    this.watchdogs = new Watchdogs(this);
    const vcpus: Vcpu[] = [];
    const { createCpu } = config;
    for (let i = 0; createCpu && i < (config.vcpuCount ?? 1); i++) {
      vcpus.push(new Vcpu(this, i, createCpu));
    }
    this.vcpus = vcpus;
  }

  /** Where its shared_info is. */
  get sharedInfo(): Maddr {
    return (this.sharedInfoFrame * PAGE_SIZE) as Maddr;
  }

  /** Guests start with upcalls masked. */
  #maskUpcalls(): void {
    const { vcpu_info } = shared_info.of(this.word).fields;
    for (let i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
      this.hypervisor.memory.bytes[this.sharedInfo + i * vcpu_info.stride + 1] = 1;
    }
  }

  get isRunnable(): boolean {
    return this.pauseCount === 0 && this.shutdownReason === null && !this.isDying;
  }

  /** Starts a vCPU whose engine has its first state. */
  start(vcpuId = 0): void {
    const vcpu = this.vcpus[vcpuId];
    if (!vcpu) throw new HvError('bad-argument', `domain ${this.name} has no vCPU ${vcpuId}`);
    vcpu.isInitialised = true;
    vcpu.isUp = true;
    vcpu.updateTime();
    vcpu.refresh();
  }

  pause(): void {
    this.pauseCount++;
    this.#refreshAll();
  }

  unpause(): void {
    assert(this.pauseCount > 0, `domain ${this.id} is not paused`);
    this.pauseCount--;
    this.#refreshAll();
  }

  /** Stops it for good, with the reason for whoever watches; the first reason stays. */
  shutdown(reason: number): void {
    if (this.shutdownReason !== null || this.isDying) return;
    this.shutdownReason = reason === SHUTDOWN_crash ? reason : (this.shutdownCode ?? reason);
    this.#refreshAll();
    this.hypervisor.noteShutdown(this);
  }

  /** Runs on after a suspend. */
  resume(): void {
    this.shutdownReason = null;
    this.#refreshAll();
  }

  /** The guest, or the hypervisor on its behalf, cannot go on. */
  crash(cause: unknown = null): void {
    this.crashCause ??= cause;
    this.shutdown(SHUTDOWN_crash);
  }

  /** The guest did something that it cannot go on from, such as to fault without a handler. */
  crashGuest(message: string): void {
    if (this.shutdownReason === null) this.crashMessage ??= message;
    this.shutdown(SHUTDOWN_crash);
  }

  #refreshAll(): void {
    for (const vcpu of this.vcpus) vcpu.refresh();
  }

  /** Wakes vCPUs that poll for `port`, or for several ports. */
  wakePollers(port: number): void {
    for (const vcpu of this.vcpus) {
      if (vcpu.pollPort === POLL_NONE) continue;
      if (vcpu.pollPort === POLL_SEVERAL || vcpu.pollPort === port) vcpu.unblock();
    }
  }

  // Frames

  /** A frame of the hypervisor's that the guest may map and write, but not give away; -1 if there is none. */
  allocateShared(): Mfn | -1 {
    const { frames, types } = this.hypervisor;
    const mfn = frames.allocate(this.id, FRAME_SHARED);
    if (mfn === -1) return -1;
    frames.getAgain(mfn);
    assert(types.getType(mfn, PageType.writable) === 0, `new frame ${mfn} cannot be writable`);
    return mfn;
  }

  releaseShared(mfn: Mfn): void {
    this.hypervisor.types.putPageAndType(mfn);
    this.hypervisor.frames.putAllocation(mfn);
  }

  /** Frames for its memory; fewer if the machine or its limit has no more. A page-table guest's P2M is the caller's business. */
  allocateFrames(count: number): Mfn[] {
    const found: Mfn[] = [];
    while (found.length < count && this.frames.reserved < this.limits.maxFrames) {
      const mfn = this.hypervisor.frames.allocate(this.id);
      if (mfn === -1) break;
      found.push(mfn);
    }
    return found;
  }

  /** Memory for guest frames `first` to `first + count - 1` of a translated domain. */
  populate(first: number, count: number): void {
    const { p2m } = this;
    if (!p2m)
      throw new HvError('bad-argument', `domain ${this.name} has no P2M: use allocateFrames`);
    const frames = first + count <= p2m.frameLimit ? this.allocateFrames(count) : [];
    if (frames.length < count) {
      for (const mfn of frames) this.hypervisor.frames.putAllocation(mfn);
      throw new HvError(
        'no-memory',
        `domain ${this.name} gets no ${count} frames at ${first}: raise its limits or the machine's memory`,
      );
    }
    for (const [i, mfn] of frames.entries()) {
      this.hypervisor.frames.getAgain(mfn);
      p2m.set((first + i) as Gfn, mfn, P2mKind.ram);
      this.hypervisor.m2p.set(mfn, first + i);
    }
  }

  /** The machine frame the guest calls `gfn` and owns, or -1. */
  findOwnFrame(gfn: number): Mfn | -1 {
    const { frames } = this.hypervisor;
    if (this.p2m) return this.p2m.kindOf(gfn) === P2mKind.ram ? this.p2m.mfnOf(gfn) : -1;
    return frames.isOwnedBy(gfn, this.id) && frames.references[gfn] !== 0 ? (gfn as Mfn) : -1;
  }

  canBeWritable(mfn: Mfn): boolean {
    const type = this.hypervisor.types.typeOf(mfn);
    return type === PageType.none || type === PageType.writable;
  }

  /** Takes a reference and a writable type reference to one of its frames, which `canBeWritable`. */
  lendWritable(mfn: Mfn): void {
    const status = this.hypervisor.types.getPageAndType(mfn, this.id, PageType.writable);
    assert(status === 0, `frame ${mfn} of domain ${this.id} cannot be lent`);
  }

  /** Leaves the FIFO event ABI and returns the frames lent for it. */
  useTwoLevelEvents(): void {
    for (const mfn of this.events.useTwoLevel()) this.hypervisor.types.putPageAndType(mfn);
  }

  /** Returns all it holds. Its own frames may live on while others refer to them. */
  relinquish(): void {
    const { types } = this.hypervisor;
    this.isDying = true;
    for (const vcpu of this.vcpus) {
      vcpu.refresh();
      vcpu.stopTimers();
    }
    this.watchdogs.disarmAll();
    for (const channel of this.events.open()) this.events.close(channel);
    this.useTwoLevelEvents();
    releaseMappings(this);
    this.grants.releaseFrames();
    if (this.pirqEoiFrame !== -1) types.putPageAndType(this.pirqEoiFrame);
    this.pirqEoiFrame = -1;
    for (const vcpu of this.vcpus) {
      if (vcpu.infoFrame !== -1) types.putPageAndType(vcpu.infoFrame);
      vcpu.infoFrame = -1;
      vcpu.info = this.hypervisor.dummyVcpuInfo;
      vcpu.pv?.dropGdt(types);
      vcpu.pv?.dropLdt(types);
      if (vcpu.userRoot !== -1) types.putPageAndType(vcpu.userRoot);
      vcpu.userRoot = -1;
      if (vcpu.pageWalk && vcpu.pageWalk.root !== -1) {
        types.putPageAndType(vcpu.pageWalk.root);
        vcpu.pageWalk.root = -1;
      }
    }
    this.#releaseP2m();
    this.hypervisor.releaseFramesOf(this);
    this.releaseShared(this.sharedInfoFrame);
    types.drain();
  }

  /** Entries own their references: a writable grant's also a type reference. */
  #releaseP2m(): void {
    const { p2m } = this;
    for (let gfn = 0; p2m && gfn <= p2m.highest; gfn++) {
      const mfn = p2m.mfnOf(gfn);
      if (mfn === -1) continue;
      const isWritableGrant = p2m.kindOf(gfn) === P2mKind.grantWritable;
      p2m.forget(gfn as Gfn);
      if (isWritableGrant) this.hypervisor.types.putPageAndType(mfn);
      else this.hypervisor.frames.putPage(mfn);
    }
  }
}
