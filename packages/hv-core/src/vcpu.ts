// Vcpu: one virtual CPU as the microkernel sees it: whether it can run, what it waits for, its clock and its events. What it computes
// with is its GuestCpu.
// Invariant: it is in the scheduler's queue exactly if it is runnable.
import {
  RUNSTATE_blocked,
  RUNSTATE_offline,
  RUNSTATE_runnable,
  RUNSTATE_running,
  VIRQ_TIMER,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_m2p_strict,
  vcpu_info,
  XEN_ENOSYS,
  XEN_LEGACY_MAX_VCPUS,
} from '@proxeny/abi';
import type { Maddr, Mfn } from '@proxeny/memory';
import type { Domain } from './domain.js';
import type { Port } from './event/event-channel.js';
import { noVirqPorts } from './event/virq.js';
import { PageType } from './frame/frame-table.js';
import { PageWalk } from './frame/page-walk.js';
import { GuestAccess } from './guest-access.js';
import { type GuestCpu, isInterruptCpu } from './guest-cpu.js';
import { HypercallFrame } from './hypercall/frame.js';
import { type Schedulable, SchedulingAccount } from './sched/scheduler.js';
import type { SchedulingParameters } from './sched/scheduling-parameters.js';
import { Timer } from './sched/timer-queue.js';
import { updateVcpuTime } from './time/pvclock.js';
import { Runstate, runstateBytes } from './time/runstate.js';
import { PvState } from './trap/pv-state.js';
import { PvTraps } from './trap/pv-traps.js';
import { CpuRegister, type TrapCpu } from './trap/trap-cpu.js';

/** Waits for no port, or for several at once. */
export const POLL_NONE = 0;
export const POLL_SEVERAL = -1;

/** Page-table guests have a periodic timer from the start: old ones count its ticks. */
const PV_PERIOD_NS = 10_000_000;

export class Vcpu implements Schedulable {
  readonly domain: Domain;
  readonly id: number;
  readonly cpu: GuestCpu;
  readonly account: SchedulingAccount = new SchedulingAccount();
  /** The hypercall it is in, and one inside a multicall. */
  readonly frame: HypercallFrame;
  readonly innerFrame: HypercallFrame;
  /** The guest's linear memory; through its page tables if it has any. */
  readonly access: GuestAccess;
  /** The address space of a page-table guest; null for a translated one. */
  readonly pageWalk: PageWalk | null;
  /** Root of user mode's page tables, in 64-bit page-table guests; -1: none. */
  userRoot: Mfn | -1 = -1;
  /** What a page-table guest has beside registers, and what its CPU calls; null for a translated one. */
  readonly pv: PvState | null;
  readonly traps: PvTraps | null;
  #userAccess: GuestAccess | null = null;
  /** The machine's memory. */
  readonly #bytes: Uint8Array;
  /** Its LDT, as MMUEXT_SET_LDT put it. */
  ldtAddress = 0;
  ldtEntries = 0;
  /** Where its vcpu_info is. */
  info: Maddr;
  /** The frame it registered for that, or -1. */
  infoFrame: Mfn | -1 = -1;
  /** Ports of its virtual interrupts; 0: not bound. */
  readonly virqPorts: Uint32Array = noVirqPorts();
  /** The interrupt vector by which a translated guest hears of events on this vCPU, as it chose; 0: none of its own. */
  upcallVector = 0;
  isInitialised = false;
  isUp = false;
  isBlocked = false;
  /** Gives up the rest of its slice. */
  isYielding = false;
  /** A port, POLL_NONE or POLL_SEVERAL. */
  pollPort: Port = POLL_NONE;
  readonly singleshot: Timer;
  readonly pollTimer: Timer;
  /** 0: none. */
  periodNs = 0;
  lastPeriodNs = 0;
  readonly runstate: Runstate = new Runstate();
  /** Linear addresses of registered copies. */
  runstateArea: number | null = null;
  /** The record that is written there with each slice. */
  #runstateView: DataView | null = null;
  #runstateBytes: Uint8Array | null = null;
  timeArea: number | null = null;
  timeUpdatedNs = Number.NEGATIVE_INFINITY;
  /** The domain's tablesUnmapped when this vCPU's translations were last flushed for it. */
  #tablesFlushed = 0;

  constructor(domain: Domain, id: number, createCpu: (vcpu: Vcpu) => GuestCpu) {
    const { hypervisor } = domain;
    this.#bytes = hypervisor.memory.bytes;
    this.domain = domain;
    this.id = id;
    this.pageWalk = domain.p2m ? null : new PageWalk(hypervisor.memory, domain.word);
    this.access = new GuestAccess(hypervisor.memory, domain.p2m ?? (this.pageWalk as PageWalk));
    this.info = this.#initialInfo();
    this.singleshot = new Timer(() => this.sendVirq(VIRQ_TIMER));
    this.pollTimer = new Timer(() => this.unblock());
    this.frame = new HypercallFrame(this);
    this.innerFrame = new HypercallFrame(this);
    this.pv = domain.p2m ? null : new PvState();
    this.traps = this.pv && new PvTraps(this, this.pv);
    if (this.pv) this.periodNs = PV_PERIOD_NS;
    this.cpu = createCpu(this);
  }

  get scheduling(): SchedulingParameters {
    return this.domain.scheduling;
  }

  #initialInfo(): Maddr {
    if (this.id >= XEN_LEGACY_MAX_VCPUS) return this.domain.hypervisor.dummyVcpuInfo;
    const { byteLength } = vcpu_info.of(this.domain.word);
    return (this.domain.sharedInfo + this.id * byteLength) as Maddr;
  }

  get isRunnable(): boolean {
    return this.isUp && !this.isBlocked && this.domain.isRunnable;
  }

  /** Within a slice: it may run on. */
  get goesOn(): boolean {
    return !this.isYielding && this.isRunnable;
  }

  /** Tells the scheduler and the run state what has changed; after every change of what `isRunnable` looks at. */
  refresh(): void {
    const { hypervisor } = this.domain;
    const nowNs = hypervisor.clock.nowNs();
    if (this.isRunnable) {
      hypervisor.scheduler.wake(this);
      if (this.runstate.state !== RUNSTATE_running) this.runstate.change(RUNSTATE_runnable, nowNs);
    } else {
      hypervisor.scheduler.sleep(this);
      const isWaiting = this.isUp && this.domain.isRunnable;
      this.runstate.change(isWaiting ? RUNSTATE_blocked : RUNSTATE_offline, nowNs);
    }
  }

  /** Before and after a slice. */
  setRunning(isRunning: boolean, nowNs: number): void {
    if (isRunning) this.runstate.change(RUNSTATE_running, nowNs);
    else if (this.runstate.state === RUNSTATE_running)
      this.runstate.change(RUNSTATE_runnable, nowNs);
  }

  /** Makes `mfn` the root of the kernel's page tables (L4, or L3 of a PAE guest): 0, an errno or RESTART. */
  setRoot(mfn: Mfn): number {
    const walk = this.pageWalk;
    if (!walk) return -XEN_ENOSYS;
    const { hypervisor, word, id } = this.domain;
    if (mfn === walk.root) {
      this.flush(); // loading it again is how some flush
      return 0;
    }
    const status = hypervisor.types.getPageAndType(
      mfn,
      id,
      word === 64 ? PageType.l4 : PageType.l3,
    );
    if (status !== 0) return status;
    this.#flushUnmapped();
    const old = walk.root;
    walk.root = mfn;
    this.#showM2p(mfn, true);
    this.pv?.dropLdt(hypervisor.types);
    this.loadPageTables();
    if (old !== -1) hypervisor.types.putPageAndType(old);
    // A CPU that was told of the new tables knows itself what of the old ones it must forget.
    if (!this.trapCpu) hypervisor.onTlbFlush?.(this.domain, this);
    return 0;
  }

  /** The guest flushes this CPU's translations. */
  flush(): void {
    const { trapCpu, domain } = this;
    if (!trapCpu?.flushUntold) domain.hypervisor.onTlbFlush?.(domain, this);
    else {
      this.#flushUnmapped();
      trapCpu.flushUntold();
    }
  }
  /** The kernel may count on a new root to flush what it has unmapped. */
  #flushUnmapped(): void {
    const { domain } = this;
    if (domain.tablesUnmapped === this.#tablesFlushed) return;
    this.#tablesFlushed = domain.tablesUnmapped;
    domain.hypervisor.onTlbFlush?.(domain, this);
  }

  /** Makes `mfn` the root of user mode's page tables, a reference to which the caller has taken; -1: none. Returns the old one. */
  setUserRoot(mfn: Mfn | -1): Mfn | -1 {
    const old = this.userRoot;
    this.userRoot = mfn;
    if (mfn !== -1) this.#showM2p(mfn, false);
    return old;
  }

  /** Guests that want it so see the M2P table in kernel mode only. */
  #showM2p(root: Mfn, isKernelRoot: boolean): void {
    const { hypervisor, word, assists } = this.domain;
    if (word === 32 || !assists.has(VMASST_TYPE_m2p_strict)) return;
    if (isKernelRoot) hypervisor.m2p.fillL4(root);
    else hypervisor.m2p.emptyL4(root);
    hypervisor.memory.onWrite?.(root);
  }

  /** The engine, if it has registers and takes traps. */
  get trapCpu(): TrapCpu | null {
    return this.traps?.cpu ?? null;
  }

  /** Tells the CPU which page tables it uses, after a change of root or mode. */
  loadPageTables(): void {
    const isKernelMode = this.pv?.isKernelMode ?? true;
    const root = isKernelMode ? this.pageWalk?.root : this.userRoot;
    if (root !== undefined && root !== -1) this.trapCpu?.setPageTables(root, isKernelMode);
  }

  /** Between kernel and user mode of a 64-bit page-table guest: page tables and GS base change places. */
  switchMode(isKernelMode: boolean): void {
    const { pv, trapCpu } = this;
    if (!pv || !trapCpu || pv.isKernelMode === isKernelMode) return;
    const low = trapCpu.readLow(CpuRegister.gsBase);
    const high = trapCpu.readHigh(CpuRegister.gsBase);
    trapCpu.write(CpuRegister.gsBase, pv.inactiveGsLow, pv.inactiveGsHigh);
    pv.inactiveGsLow = low;
    pv.inactiveGsHigh = high;
    pv.isKernelMode = isKernelMode;
    this.loadPageTables();
  }

  /** Its linear memory as the code that runs sees it: through user mode's page tables while those are in use. */
  get currentAccess(): GuestAccess {
    if (this.userRoot === -1 || !this.pv || this.pv.isKernelMode) return this.access;
    const { memory } = this.domain.hypervisor;
    const walk = new PageWalk(memory, this.domain.word);
    walk.root = this.userRoot;
    this.#userAccess ??= new GuestAccess(memory, walk);
    this.#userAccess.space = walk;
    return this.#userAccess;
  }

  /** IOPL is told and taken as on hardware, with the kernel at level 0. */
  get hasArchitecturalIoLevel(): boolean {
    return this.domain.assists.has(VMASST_TYPE_architectural_iopl);
  }

  // Events. Bytes 0 and 1 of vcpu_info are evtchn_upcall_pending and evtchn_upcall_mask for both word sizes.

  get hasPendingUpcall(): boolean {
    return this.#bytes[this.info] !== 0;
  }

  get isUpcallMasked(): boolean {
    return this.#bytes[this.info + 1] !== 0;
  }

  set isUpcallMasked(isMasked: boolean) {
    this.#bytes[this.info + 1] = isMasked ? 1 : 0;
  }

  get hasDeliverableUpcall(): boolean {
    return this.hasPendingUpcall && !this.isUpcallMasked;
  }

  markEventsPending(): void {
    const isNew = !this.hasPendingUpcall;
    this.#bytes[this.info] = 1;
    if (isNew && isInterruptCpu(this.cpu)) this.cpu.eventsCame();
    this.unblock();
  }

  /** Might {@link deliverUpcall} do something? */
  get awaitsDelivery(): boolean {
    return this.hasDeliverableUpcall || this.pv?.isNmiPending === true;
  }

  /** Enters the guest's callback if there is something to tell and it may be told; a page-table guest's NMI handler before. */
  deliverUpcall(): void {
    const { pv, traps } = this;
    if (pv?.isNmiPending && !pv.isNmiMasked) traps?.enterNmi();
    if (!this.hasDeliverableUpcall || this.domain.shutdownReason !== null) return;
    if (isInterruptCpu(this.cpu)) return; // it looks by itself
    const trapCpu = this.trapCpu;
    if (trapCpu) {
      traps?.enterUpcall(trapCpu);
    } else {
      this.isUpcallMasked = true;
      this.cpu.upcall();
    }
  }

  /** Waits for an event; not if there is one. Unmasks upcalls. */
  block(): void {
    if (isInterruptCpu(this.cpu)) {
      if (this.cpu.canWake()) return;
    } else {
      this.isUpcallMasked = false;
      if (this.hasPendingUpcall) return;
    }
    this.isBlocked = true;
    this.refresh();
  }

  /** Waits for a port (or several), or until a deadline (0: none). */
  poll(port: Port, deadlineNs: number): void {
    this.isBlocked = true;
    this.pollPort = port;
    if (deadlineNs !== 0) this.domain.hypervisor.timers.set(this.pollTimer, deadlineNs);
    this.refresh();
  }

  unblock(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    this.pollPort = POLL_NONE;
    this.domain.hypervisor.timers.stop(this.pollTimer);
    this.refresh();
  }

  sendVirq(virq: number): void {
    const channel = this.domain.events.at(this.virqPorts[virq] as Port);
    if (channel) this.domain.events.setPending(channel);
  }

  // Time

  /** The periodic timer fires only for a vCPU that runs: looked at when it is about to. */
  periodicWork(nowNs: number): void {
    if (this.periodNs === 0 || nowNs - this.lastPeriodNs < this.periodNs) return;
    this.lastPeriodNs = nowNs - ((nowNs - this.lastPeriodNs) % this.periodNs);
    this.sendVirq(VIRQ_TIMER);
  }

  stopTimers(): void {
    const { timers } = this.domain.hypervisor;
    timers.stop(this.singleshot);
    timers.stop(this.pollTimer);
    this.periodNs = 0;
  }

  /** Brings its clock and registered areas up to date. */
  updateTime(): void {
    updateVcpuTime(this);
  }

  updateRunstateArea(nowNs: number): void {
    if (this.runstateArea === null) return;
    const { word } = this.domain;
    this.#runstateView ??= new DataView(new ArrayBuffer(runstateBytes(word)));
    this.#runstateBytes ??= new Uint8Array(this.#runstateView.buffer);
    this.runstate.write(this.#runstateView, 0, word, nowNs);
    this.access.copyTo(this.runstateArea, this.#runstateBytes);
  }
}
