// PvhCpu: an x86 CPU as the engine of a PVH guest's vCPU: unmodified but for hypercalls, with a local APIC and nothing else around it.
// Its physical memory is the domain's P2M; events come as an interrupt by the vector that the guest chose.
import {
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CALLBACK_TYPE_VECTOR,
  SHUTDOWN_poweroff,
  XEN_EPERM,
} from '@proxeny/abi';
import {
  dispatchInRun,
  GuestExit,
  hypercallPage,
  type InterruptCpu,
  P2mKind,
  type Vcpu,
} from '@proxeny/hv-core';
import type { Gfn, Mfn } from '@proxeny/memory';
import {
  ArchitecturalTraps,
  type Core,
  type CpuPlatform,
  EXIT_HALT,
  EXIT_SHUTDOWN,
  Monitor,
  type SecondStage,
  type StartState,
  X86Cpu,
} from '@proxeny/vcpu-x86';
import type { TimerQueue } from '../../timer-queue.js';
import { GuestApic } from './guest-apic.js';
import type { SharedCpuParts } from './pv-cpu.js';
import { xenLeaf } from './xen-leaves.js';

/** Registers of hypercall arguments, by number. */
const ARGUMENTS_64 = [7, 6, 2, 10, 8, 9];
const ARGUMENTS_32 = [3, 1, 2, 6, 7, 5];
const AX = 0;
/** VMCALL and VMMCALL have three bytes. */
const HYPERCALL_BYTES = 3;
/** Where the guest asks for a page of hypercall stubs. */
const HYPERCALL_MSR = 0x4000_0000;
const CALLBACK_TYPE_SHIFT = 24;

const allOnes = (size: 1 | 2 | 4): number =>
  size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;

class HypercallTraps extends ArchitecturalTraps {
  readonly #call: () => void;

  constructor(core: Core, call: () => void) {
    super(core);
    this.#call = call;
  }

  override hypervisorCall(): number {
    this.#call();
    return 0;
  }
}

export class PvhCpu implements InterruptCpu {
  readonly takesInterrupts = true;
  readonly x86: X86Cpu;
  executed = 0;
  readonly #vcpu: Vcpu;
  readonly #meter: SharedCpuParts['meter'];
  readonly #apic: GuestApic;
  readonly #monitor: Monitor;
  #number = 0;

  /** @param base machine address of VCPU_SIZE bytes for this CPU */
  constructor(vcpu: Vcpu, parts: SharedCpuParts, base: number, timers: TimerQueue) {
    this.#vcpu = vcpu;
    this.#meter = parts.meter;
    this.#apic = new GuestApic(vcpu.id, parts.model.features.has('x2apic'), timers, () => {
      vcpu.unblock();
      this.#updateLine();
    });
    this.x86 = new X86Cpu({
      memory: parts.memory,
      base,
      engine: parts.engine,
      model: parts.model,
      platform: this.#platform(parts),
      stage: this.#stage(),
      traps: (core) => new HypercallTraps(core, () => this.#called()),
    });
    this.#monitor = new Monitor(this.x86.core);
    vcpu.access.space = {
      translate: (address, isWrite) => this.#monitor.translate(address, isWrite),
    };
  }

  /** Puts the CPU where an image wants to be entered. */
  start(entry: StartState): void {
    this.x86.start(entry);
  }

  #stage(): SecondStage {
    const { p2m } = this.#vcpu.domain;
    return {
      mfnOf: (gfn: Gfn, write: boolean): Mfn | -1 => {
        if (!p2m) return -1;
        return write && p2m.kindOf(gfn) === P2mKind.grantReadOnly ? -1 : p2m.mfnOf(gfn);
      },
    };
  }

  #platform(parts: SharedCpuParts): CpuPlatform {
    return {
      portRead: (_port, size) => allOnes(size),
      portWrite: () => {},
      mmioRead: (at, size) => this.#apic.read(at, size) ?? allOnes(size),
      mmioWrite: (at, size, value) => this.#apic.write(at, size, value),
      acknowledgeInterrupt: () => this.#acknowledge(),
      nowNs: parts.nowNs,
      randomU32: parts.randomU32,
      readTaskPriority: () => this.#apic.taskPriority,
      writeTaskPriority: (value) => {
        this.#apic.taskPriority = value;
      },
      readMsr: (index, out) => this.#apic.readMsr(index, out),
      writeMsr: (index, low, high) =>
        index === HYPERCALL_MSR
          ? this.#placePage(low, high)
          : this.#apic.writeMsr(index, low, high),
      cpuid: (leaf, subleaf, registers) => xenLeaf(this.#vcpu, leaf, subleaf, registers),
    };
  }

  /** WRMSR of the hypercall page's address: page 0 is the only one. */
  #placePage(low: number, high: number): boolean {
    const { domain } = this.#vcpu;
    const gfn = high * 0x10_0000 + (low >>> 12);
    if ((low & 0xfff) !== 0) return false;
    const mfn = domain.findOwnFrame(gfn);
    if (mfn === -1) return false;
    const { memory } = domain.hypervisor;
    memory.frame(mfn).set(hypercallPage('vmcall'));
    memory.onWrite?.(mfn);
    return true;
  }

  // Interrupts

  /** The vector by which the guest hears of events, -1 if it has not chosen one; per vCPU, or for all. */
  get #callbackVector(): number {
    const { domain } = this.#vcpu;
    const high = domain.hvmParams.high(HVM_PARAM_CALLBACK_IRQ);
    if (high >>> CALLBACK_TYPE_SHIFT !== HVM_PARAM_CALLBACK_TYPE_VECTOR) return -1;
    return domain.hvmParams.low(HVM_PARAM_CALLBACK_IRQ) & 0xff;
  }
  get #hasEvent(): boolean {
    return this.#vcpu.hasPendingUpcall && this.#callbackVector >= 0;
  }
  /** A vector of the vCPU's own is sent to its local APIC, once for each time that events come. */
  eventsCame(): void {
    const { upcallVector } = this.#vcpu;
    if (upcallVector !== 0) this.#apic.send(upcallVector);
    this.#updateLine();
  }
  #updateLine(): void {
    const { upcallVector } = this.#vcpu;
    this.x86.setInterruptLine(this.#apic.isPending || (upcallVector === 0 && this.#hasEvent));
  }
  canWake(): boolean {
    this.#updateLine();
    return this.x86.hasInterrupt;
  }
  #acknowledge(): number {
    const isEvent = this.#vcpu.upcallVector === 0 && this.#hasEvent;
    const vector = isEvent ? this.#callbackVector : this.#apic.acknowledge();
    // The event stays until the handler has looked: the line falls then, at the next time somebody asks.
    this.x86.setInterruptLine(this.#apic.isPending);
    return vector;
  }

  // GuestCpu

  run(budget: number): GuestExit {
    const { x86 } = this;
    this.#updateLine();
    this.#meter.begin(x86, budget);
    const exit = x86.run(budget);
    this.executed = this.#meter.end();
    if (exit === EXIT_SHUTDOWN) return GuestExit.dead;
    return exit === EXIT_HALT ? this.#halted() : GuestExit.budget;
  }
  /** HLT with interrupts off is how a vCPU goes down; the last one takes its domain along. */
  #halted(): GuestExit {
    if (!this.x86.takesInterrupts) this.#vcpu.domain.shutdown(SHUTDOWN_poweroff);
    return GuestExit.idle;
  }

  /** Its domain is gone: nothing of it is left in the machine. */
  close(): void {
    this.#apic.close();
    this.x86.close();
  }
  leave(): void {
    this.x86.requestExit();
  }

  #called(): void {
    // Only the kernel's: its programs get an error, as Xen gives it.
    if (this.x86.core.cpl !== 0) {
      this.#monitor.setResult(AX, -XEN_EPERM);
      return;
    }
    this.x86.charge(dispatchInRun(this.#vcpu));
    this.#updateLine();
    if (!this.#vcpu.goesOn) this.leave();
  }
  get #arguments(): readonly number[] {
    return this.x86.core.mode64 ? ARGUMENTS_64 : ARGUMENTS_32;
  }
  hypercallNumber(): number {
    this.#number = this.#monitor.readLow(AX);
    return this.#number;
  }
  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    const bits = this.x86.core.mode64 ? 64 : 32;
    this.#monitor.readGeneral(this.#arguments, count, bits, low, high);
  }
  setHypercallArg(index: number, low: number, high: number): void {
    this.#monitor.write(this.#arguments[index], low, this.x86.core.mode64 ? high : 0);
  }
  finishHypercall(result: number): void {
    this.#monitor.setResult(AX, result);
  }
  restartHypercall(): void {
    this.#monitor.write(AX, this.#number, 0);
    this.#monitor.skip(-HYPERCALL_BYTES);
  }
  /** Events come as interrupts: {@link eventsCame}. */
  upcall(): void {}

  // The machine's own

  flush(address?: number): void {
    if (address === undefined) this.x86.core.flushTlb(false);
    else this.x86.core.flushPage(address);
  }
  frameWritten(): void {}
}
