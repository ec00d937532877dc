// PvTraps: the microkernel's half of CpuTraps for one vCPU of a page-table guest. Each event is emulated, or bounced to the handler the
// guest registered for it, as Xen's trap handlers decide; afterwards events that have come are delivered on top.
// A guest without the handler it needs, or whose kernel stack cannot take the frame, crashes.
import {
  FLAT_RING3_CS,
  FLAT_RING3_CS32,
  FLAT_RING3_CS64,
  FLAT_RING3_SS,
  FLAT_RING3_SS32,
  FLAT_RING3_SS64,
  vcpu_info,
} from '@proxeny/abi';
import type { Maddr } from '@proxeny/memory';
import type { Vcpu } from '../vcpu.js';
import type { CpuTraps } from './cpu-traps.js';
import { descriptorAt } from './descriptor-table.js';
import { EntryFrame, FLAG_DF, FLAG_RF, FLAG_TF, NO_ERROR_CODE } from './entry-frame.js';
import { mayUsePort, PortAccess } from './port-access.js';
import { PrivilegedInstructions } from './privileged-instruction.js';
import type { PvState } from './pv-state.js';
import { storeReadOnly } from './read-only-store.js';
import { CpuRegister, isTrapCpu, type TrapCpu } from './trap-cpu.js';
import { EntryPoint } from './trap-table.js';
import {
  FAULT_USER,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_NMI,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_UD,
} from './vector.js';

const LEGACY_SYSTEM_CALL = 0x80;
/** In the error code of a #GP or of a page fault. */
const ERROR_IDT = 2;
const DR6_STEP = 0x4000;
const TWO_32 = 4294967296;

/** What a nonzero result of TrapCpu.returnTo says. */
const vectorOf = (fault: number): number => fault >>> 16;
const errorOf = (fault: number): number => fault & 0xffff;

export class PvTraps implements CpuTraps {
  readonly vcpu: Vcpu;
  readonly pv: PvState;
  readonly frame: EntryFrame;
  readonly ports: PortAccess;
  readonly #instructions: PrivilegedInstructions;
  #cpu: TrapCpu | null = null;

  constructor(vcpu: Vcpu, pv: PvState) {
    this.vcpu = vcpu;
    this.pv = pv;
    this.frame = new EntryFrame(vcpu, pv);
    this.ports = new PortAccess(this);
    this.#instructions = new PrivilegedInstructions(this);
  }

  /** The engine; null if it has no registers (a native guest's). */
  get cpu(): TrapCpu | null {
    if (!this.#cpu && isTrapCpu(this.vcpu.cpu)) this.#cpu = this.vcpu.cpu;
    return this.#cpu;
  }

  /** Of the code that runs. */
  get isKernelMode(): boolean {
    if (this.vcpu.domain.word === 64) return this.pv.isKernelMode;
    const { cpu } = this;
    return cpu !== null && (cpu.selector(1) & 3) === 1;
  }

  /** At the end of every trap: what else there is to tell, and whether the guest goes on. */
  #finish(): boolean {
    this.vcpu.deliverUpcall();
    return this.vcpu.goesOn;
  }

  // Injection

  /** Enters the guest's handler of an exception. */
  inject(vector: number, errorCode: number): void {
    const cpu = this.cpu;
    if (!cpu) return;
    const entry = this.pv.traps.at(vector);
    if (entry.isNull(this.vcpu.domain.word)) {
      this.vcpu.domain.crashGuest(
        `unhandled exception ${vector} at ${this.#place(cpu)}, error code ${errorCode}`,
      );
      return;
    }
    const isTrap = vector === VECTOR_DB || vector === VECTOR_BP || vector === VECTOR_OF;
    this.frame.flags = isTrap || vector === VECTOR_NMI ? 0 : FLAG_RF;
    this.frame.enter(cpu, entry, errorCode, 0);
  }

  /** A page fault at `address`, whose error code is made the guest's. */
  injectPageFault(address: number, errorCode: number): void {
    const mode = this.isKernelMode ? 0 : FAULT_USER;
    this.setCr2(address >>> 0, Math.floor(address / TWO_32) >>> 0);
    this.inject(VECTOR_PF, (errorCode & ~FAULT_USER) | mode);
  }

  setCr2(low: number, high: number): void {
    const { pv, vcpu } = this;
    pv.cr2Low = low;
    pv.cr2High = high;
    const { arch } = vcpu_info.of(vcpu.domain.word).fields;
    arch.fields.cr2.setHalves(vcpu.domain.hypervisor.memory.view, vcpu.info, low, high);
  }

  /** An instruction was emulated: the guest goes on behind it. */
  finishInstruction(length: number): void {
    const cpu = this.cpu as TrapCpu;
    const low = cpu.readLow(CpuRegister.ip) + length;
    const high = cpu.readHigh(CpuRegister.ip) + (low >= TWO_32 ? 1 : 0);
    cpu.write(CpuRegister.ip, low >>> 0, this.vcpu.domain.word === 32 ? 0 : high >>> 0);
    const flags = cpu.readLow(CpuRegister.flags);
    if ((flags & (FLAG_RF | FLAG_TF)) === 0) return;
    cpu.write(CpuRegister.flags, (flags & ~FLAG_RF) >>> 0, 0);
    if ((flags & FLAG_TF) !== 0) this.debug(DR6_STEP);
  }

  /** A #DB for what `bits` of DR6 say. */
  debug(bits: number): void {
    const cpu = this.cpu as TrapCpu;
    cpu.write(CpuRegister.dr6, (cpu.readLow(CpuRegister.dr6) | bits) >>> 0, 0);
    this.inject(VECTOR_DB, NO_ERROR_CODE);
  }

  #place(cpu: TrapCpu): string {
    const high = cpu.readHigh(CpuRegister.ip).toString(16);
    const low = cpu.readLow(CpuRegister.ip).toString(16).padStart(8, '0');
    return `${cpu.selector(1).toString(16)}:${high === '0' ? '' : high}${low}`;
  }

  /** Enters the event callback, or the NMI handler; upcalls may be delivered. */
  enterUpcall(cpu: TrapCpu): void {
    this.frame.enter(cpu, this.pv.event, NO_ERROR_CODE, 0);
  }

  enterNmi(): void {
    const { pv } = this;
    const cpu = this.cpu;
    pv.isNmiPending = false;
    const entry = pv.traps.at(VECTOR_NMI);
    if (!cpu || entry.isNull(this.vcpu.domain.word)) return;
    pv.isNmiMasked = true;
    this.frame.enter(cpu, entry, NO_ERROR_CODE, 0);
  }

  /**
   * Goes on at CS:rIP and SS:rSP with registers that are in place. If that faults, the fault is the guest's, as if the place it returns
   * to had raised it.
   */
  returnTo(cpu: TrapCpu, cs: number, ss: number): void {
    const fault = cpu.returnTo(cs, ss);
    if (fault === 0) return;
    this.frame.cs = cs;
    this.frame.ss = ss;
    this.inject(vectorOf(fault), errorOf(fault));
  }

  /** Loads the data segments a vCPU starts with; any that will not load leads to the failsafe callback. */
  loadSegments(cpu: TrapCpu, ds: number, es: number, fs: number, gs: number): void {
    let isLoaded = cpu.loadSegment(4, fs) || !cpu.loadSegment(4, 0);
    isLoaded = (cpu.loadSegment(5, gs) || !cpu.loadSegment(5, 0)) && isLoaded;
    isLoaded = (cpu.loadSegment(3, ds) || !cpu.loadSegment(3, 0)) && isLoaded;
    isLoaded = (cpu.loadSegment(0, es) || !cpu.loadSegment(0, 0)) && isLoaded;
    if (!isLoaded) this.frame.enterFailsafe(cpu, ds, es, fs, gs);
  }

  // CpuTraps

  exception(vector: number, errorCode: number): boolean {
    const cpu = this.cpu;
    if (!cpu) return false;
    switch (vector) {
      case VECTOR_GP:
        if (errorCode !== 0 || !this.#instructions.emulate(cpu)) this.inject(vector, errorCode);
        break;
      case VECTOR_UD:
        if (!this.#instructions.emulateForced(cpu)) this.inject(vector, errorCode);
        break;
      case VECTOR_NM:
        if (this.pv.isTaskSwitched) this.inject(vector, errorCode);
        this.pv.isTaskSwitched = false;
        cpu.setTaskSwitched(false);
        break;
      default:
        this.inject(vector, errorCode);
    }
    return this.#finish();
  }

  pageFault(address: number, errorCode: number): boolean {
    this.injectPageFault(address, errorCode);
    return this.#finish();
  }

  softwareInterrupt(vector: number, length: number): boolean {
    const cpu = this.cpu;
    if (!cpu) return false;
    const entry = this.pv.traps.at(vector);
    const isUnchecked =
      vector === VECTOR_BP || vector === VECTOR_OF || (vector === VECTOR_DB && length === 1);
    const isFast = vector === LEGACY_SYSTEM_CALL && !entry.isNull(this.vcpu.domain.word);
    if (isUnchecked || isFast || this.pv.traps.levelOf(vector) >= (this.isKernelMode ? 1 : 3)) {
      const low = cpu.readLow(CpuRegister.ip) + length;
      const high = cpu.readHigh(CpuRegister.ip) + (low >= TWO_32 ? 1 : 0);
      cpu.write(CpuRegister.ip, low >>> 0, this.vcpu.domain.word === 32 ? 0 : high >>> 0);
      this.#enterSoftly(cpu, entry, vector);
    } else {
      this.inject(VECTOR_GP, vector * 8 + ERROR_IDT);
    }
    return this.#finish();
  }

  #enterSoftly(cpu: TrapCpu, entry: EntryPoint, vector: number): void {
    if (!entry.isNull(this.vcpu.domain.word)) this.frame.enter(cpu, entry, NO_ERROR_CODE, 0);
    else this.vcpu.domain.crashGuest(`unhandled interrupt ${vector} before ${this.#place(cpu)}`);
  }

  systemCall(isCompatibility: boolean): boolean {
    const cpu = this.cpu;
    if (!cpu) return false;
    const { pv, frame } = this;
    const isNarrow = this.vcpu.domain.word === 32;
    frame.cs = isNarrow ? FLAT_RING3_CS : isCompatibility ? FLAT_RING3_CS32 : FLAT_RING3_CS64;
    frame.ss = isNarrow ? FLAT_RING3_SS : isCompatibility ? FLAT_RING3_SS32 : FLAT_RING3_SS64;
    let entry = isCompatibility ? pv.syscall32 : pv.syscall;
    if (isNarrow) entry = pv.syscall32;
    if (!entry.isNull(this.vcpu.domain.word)) {
      // A 64-bit guest's flag of `syscall` counts for both.
      masked.set(
        entry.selector,
        entry.low,
        entry.high,
        isNarrow ? entry.masksEvents : pv.syscall.masksEvents,
      );
      frame.enter(cpu, masked, NO_ERROR_CODE, isNarrow ? 0 : FLAG_DF);
    } else {
      const low = cpu.readLow(CpuRegister.ip) - 2;
      const high = cpu.readHigh(CpuRegister.ip) - (low < 0 ? 1 : 0);
      cpu.write(CpuRegister.ip, low >>> 0, isNarrow ? 0 : high >>> 0);
      const vector = isNarrow ? VECTOR_GP : VECTOR_UD;
      frame.enter(cpu, pv.traps.at(vector), isNarrow ? 0 : NO_ERROR_CODE, 0);
    }
    return this.#finish();
  }

  mayUsePort(port: number, size: number): boolean {
    // Breakpoints at ports are the emulation's business.
    return this.pv.portBreakpoints === 0 && mayUsePort(this, port, size);
  }
  readPort(port: number, size: number): number {
    return this.ports.read(port, size);
  }
  writePort(port: number, size: number, value: number): void {
    this.ports.write(port, size, value);
  }

  systemEnter(): boolean {
    const cpu = this.cpu;
    if (!cpu) return false;
    const { pv, frame } = this;
    const isNarrow = this.vcpu.domain.word === 32;
    // The instruction says neither where it was nor on which stack.
    cpu.write(CpuRegister.ip, 0, 0);
    cpu.write(CpuRegister.sp, 0, 0);
    frame.cs = 3;
    frame.ss = isNarrow ? FLAT_RING3_SS : FLAT_RING3_SS64;
    const isKnown = !pv.sysenter.isNull(this.vcpu.domain.word);
    const entry = isKnown ? pv.sysenter : pv.traps.at(VECTOR_GP);
    frame.enter(cpu, entry, isKnown ? NO_ERROR_CODE : 0, 0);
    return this.#finish();
  }

  cpuid(): void {
    const cpu = this.cpu;
    if (cpu) this.#instructions.cpuid(cpu, false);
  }

  storeReadOnly(address: number, size: number, low: number, high: number): boolean {
    return this.isKernelMode && storeReadOnly(this.vcpu, address, size, low, high);
  }

  descriptorAt(selector: number): Maddr | -1 {
    return descriptorAt(this.vcpu, this.pv, selector);
  }
}

/** The entry point of a system call, with the mask that goes with it. */
const masked = new EntryPoint();
