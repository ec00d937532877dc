// PvCpu: an x86 CPU as the engine of a paravirtual guest's vCPU. The only place that knows both the CPU and what the microkernel asks
// of it; what the guest sees of privileged state is the microkernel's business.
import {
  type CpuTraps,
  type Domain,
  dispatchInRun,
  GuestExit,
  type TrapCpu,
  type Vcpu,
} from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import {
  type CpuModel,
  type CpuPlatform,
  type Engine,
  EXIT_SHUTDOWN,
  Monitor,
  type SecondStage,
  X86Cpu,
} from '@proxeny/vcpu-x86';
import { PvDelivery, type PvEvents } from './pv-delivery.js';
import type { WorkMeter } from './work-meter.js';

/** What all CPUs of a machine have in common. */
export interface SharedCpuParts {
  readonly memory: WebAssembly.Memory;
  readonly engine: Engine;
  readonly model: CpuModel;
  /** Frames that guests may see: from `firstFrame` on. */
  readonly firstFrame: number;
  readonly frameCount: number;
  readonly nowNs: () => number;
  readonly randomU32: () => number;
  readonly meter: WorkMeter;
}

/** Registers of hypercall arguments, by number. */
const ARGUMENTS_64 = [7, 6, 2, 10, 8, 9];
const ARGUMENTS_32 = [3, 1, 2, 6, 7, 5];
const AX = 0;
/** SYSCALL and INT 0x82 have two bytes. */
const HYPERCALL_BYTES = 2;

/** Page tables hold machine frames, which the microkernel has checked. */
export class MachineFrames implements SecondStage {
  readonly #first: number;
  readonly #end: number;

  constructor(first: number, end: number) {
    this.#first = first;
    this.#end = end;
  }

  mfnOf(gfn: number): Mfn | -1 {
    return gfn >= this.#first && gfn < this.#end ? (gfn as Mfn) : -1;
  }
}

const allOnes = (size: 1 | 2 | 4): number =>
  size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;

/** There is nothing but memory around a paravirtual guest's CPU. */
function platform(parts: SharedCpuParts): CpuPlatform {
  return {
    portRead: (_port, size) => allOnes(size),
    portWrite: () => {},
    mmioRead: (_at, size) => allOnes(size),
    mmioWrite: () => {},
    acknowledgeInterrupt: () => -1,
    nowNs: parts.nowNs,
    randomU32: parts.randomU32,
    readTaskPriority: () => 0,
    writeTaskPriority: () => {},
    readMsr: () => false,
    writeMsr: () => false,
  };
}

export class PvCpu implements TrapCpu, PvEvents {
  readonly takesTraps = true;
  readonly word: 32 | 64;
  readonly x86: X86Cpu;
  executed = 0;
  isKernelMode = true;
  readonly #vcpu: Vcpu;
  readonly #meter: WorkMeter;
  readonly #monitor: Monitor;
  readonly #arguments: readonly number[];
  /** The number of the hypercall that waits. */
  #number = 0;

  /** @param base machine address of VCPU_SIZE bytes for this CPU */
  constructor(vcpu: Vcpu, parts: SharedCpuParts, base: number) {
    const { word } = vcpu.domain;
    this.#vcpu = vcpu;
    this.#meter = parts.meter;
    this.word = word;
    this.#arguments = word === 64 ? ARGUMENTS_64 : ARGUMENTS_32;
    let delivery: PvDelivery | undefined;
    let monitor: Monitor | undefined;
    const around = platform(parts);
    around.cpuid = (_leaf, _subleaf, registers) => this.#cpuid(registers);
    around.portRead = (port, size) => this.traps.readPort(port, size);
    around.portWrite = (port, size, value) => this.traps.writePort(port, size, value);
    this.x86 = new X86Cpu({
      memory: parts.memory,
      base,
      engine: parts.engine,
      model: parts.model,
      platform: around,
      stage: new MachineFrames(parts.firstFrame, parts.frameCount),
      traps: (core) => {
        monitor = new Monitor(core);
        delivery = new PvDelivery(core, monitor, this);
        core.descriptors = delivery;
        core.mmu.stores = delivery;
        return delivery;
      },
    });
    this.#monitor = monitor as unknown as Monitor;
    this.#monitor.start(word);
  }

  get domain(): Domain {
    return this.#vcpu.domain;
  }
  get traps(): CpuTraps {
    return this.#vcpu.traps as CpuTraps;
  }

  // GuestCpu

  run(budget: number): GuestExit {
    const { x86 } = this;
    this.#meter.begin(x86, budget);
    const exit = x86.run(budget);
    this.executed = this.#meter.end();
    return exit === EXIT_SHUTDOWN ? GuestExit.dead : GuestExit.budget;
  }
  hypercall(): void {
    this.x86.charge(dispatchInRun(this.#vcpu));
    if (!this.#vcpu.goesOn) this.leave();
  }

  /** Its domain is gone: nothing of it is left in the machine. */
  close(): void {
    this.x86.close();
  }
  leave(): void {
    this.x86.requestExit();
  }

  hypercallNumber(): number {
    this.#number = this.#monitor.readLow(AX);
    return this.#number;
  }
  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    this.#monitor.readGeneral(this.#arguments, count, this.word, low, high);
  }
  setHypercallArg(index: number, low: number, high: number): void {
    this.#monitor.write(this.#arguments[index] as number, low, this.word === 64 ? high : 0);
  }
  finishHypercall(result: number): void {
    this.#monitor.setResult(AX, result);
  }
  restartHypercall(): void {
    this.#monitor.write(AX, this.#number, 0);
    this.#monitor.skip(-HYPERCALL_BYTES);
  }
  /** The microkernel makes the event frames of a CPU that takes traps. */
  upcall(): void {}

  // TrapCpu

  readLow(register: number): number {
    return this.#monitor.readLow(register);
  }
  readHigh(register: number): number {
    return this.#monitor.readHigh(register);
  }
  write(register: number, low: number, high: number): void {
    this.#monitor.write(register, low, high);
  }
  selector(segment: number): number {
    return this.#monitor.selector(segment);
  }
  loadSegment(segment: number, selector: number): boolean {
    return this.#monitor.loadSegment(segment, selector);
  }
  returnTo(codeSelector: number, stackSelector: number): number {
    return this.#monitor.returnTo(codeSelector, stackSelector);
  }
  setPageTables(root: Mfn, isKernelMode: boolean): void {
    this.isKernelMode = isKernelMode;
    this.#monitor.setPageTables(root * PAGE_SIZE, this.word === 64 && isKernelMode);
  }
  forgetUserTables(): void {
    this.#monitor.forgetUserTables();
  }
  flushUntold(): void {
    this.#monitor.flushUntold();
  }
  setTaskSwitched(isSet: boolean): void {
    this.#monitor.setTaskSwitched(isSet);
  }
  setControl4(bits: number): void {
    this.#monitor.setControl4(bits);
  }
  setExtendedControl(low: number, high: number): boolean {
    return this.#monitor.setExtendedControl(low, high);
  }
  loadFloatingPoint(image: Uint8Array | null): void {
    this.#monitor.loadFloatingPoint(image);
  }
  readCode(target: Uint8Array): number {
    return this.#monitor.readCode(target);
  }
  cpuid(leaf: number, subleaf: number, out: Uint32Array): void {
    this.#monitor.cpuid(leaf, subleaf, out);
  }
  readMsr(index: number, out: Uint32Array): boolean {
    return this.#monitor.readMsr(index, out);
  }
  readTimeStamp(out: Uint32Array): void {
    this.#monitor.readTimeStamp(out);
  }
  setTimeStampAux(value: number): void {
    this.#monitor.setTimeStampAux(value);
  }

  // The machine's own

  /** Translations may be stale: all, or those of one page. */
  flush(address?: number): void {
    this.#monitor.flush(address);
  }
  /** The hypervisor wrote to a frame: maybe to the root of a PAE guest. */
  frameWritten(mfn: number): void {
    if (this.word === 32 && mfn * PAGE_SIZE === this.#monitor.root) this.#monitor.reloadRoot();
  }

  /** The microkernel answers CPUID in the registers, from where the CPU takes them. */
  #cpuid(registers: Int32Array): void {
    this.traps.cpuid();
    for (const [i, register] of [0, 3, 1, 2].entries())
      registers[i] = this.#monitor.readLow(register);
  }
}
