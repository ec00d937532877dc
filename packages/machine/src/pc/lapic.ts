// Lapic: one processor's local APIC (SDM 3A chapter 11): its registers, priorities, IPIs and local interrupt pins.
// Invariants: `interruptPending` is right after every call that returns; registers are reached through the xAPIC page
// (`readMmio`, `writeMmio`) or through MSRs (lapic-msr.ts), never by two different sets of rules.
import type { IrqLine, MmioDevice, Stateful } from '../device.js';
import type { TimerQueue } from '../timer-queue.js';
import {
  type ApicBus,
  type ApicReceiver,
  DELIVER_EXT_INT,
  DELIVER_FIXED,
  DELIVER_INIT,
  DELIVER_LOWEST_PRIORITY,
  DELIVER_NMI,
  DELIVER_SMI,
  DELIVER_STARTUP,
} from './apic-bus.js';
import { messageOfIcr } from './lapic-destination.js';
import { LocalVectorTable, LVT_ERROR, LVT_LINT0, LVT_TIMER } from './lapic-lvt.js';
import { LapicRegisterFile } from './lapic-register-file.js';
import * as R from './lapic-registers.js';
import { type LapicMode, type LapicState, readLapicState } from './lapic-state.js';
import { LapicTimer, type TscConversion } from './lapic-timer.js';
import { VectorPriority } from './vector-priority.js';

/** {@link Lapic.acknowledge}: the vector comes from the PIC (ExtINT). */
export const TAKE_FROM_PIC = -1;

/** What a local APIC tells its processor. */
export interface LapicCpu {
  /** {@link Lapic.interruptPending} became true; called from within device code, so only take a note. */
  interruptPending(): void;
  nmi(): void;
  smi(): void;
  /** INIT: wait for a startup message (application processors) or restart (the bootstrap processor). */
  init(): void;
  /** SIPI: start in real mode at `vector` × 4096. */
  startup(vector: number): void;
}

/** What {@link Lapic} is made of and wired to. */
export interface LapicOptions {
  /** APIC id, also the initial one CPUID shows. */
  readonly id: number;
  /** The bootstrap processor: LINT0 starts as ExtINT, unmasked, as firmware leaves it (virtual wire mode). */
  readonly bootstrap: boolean;
  readonly bus: ApicBus;
  readonly cpu: LapicCpu;
  readonly timers: TimerQueue;
  readonly tsc: TscConversion;
  /** Frequency of the timer before its divider; 1 GHz when left out. */
  readonly busHz?: number;
}

/** One processor's local APIC. */
export class Lapic implements MmioDevice, ApicReceiver, Stateful<LapicState> {
  /** LINT0: the PIC's INTR output. */
  readonly lint0: IrqLine = (level) => this.#setLint(0, level);
  /** LINT1: the NMI pin. */
  readonly lint1: IrqLine = (level) => this.#setLint(1, level);
  readonly #initialId: number;
  readonly #bootstrap: boolean;
  readonly #bus: ApicBus;
  readonly #cpu: LapicCpu;
  readonly #timer: LapicTimer;
  readonly #vectors: VectorPriority = new VectorPriority();
  readonly #lvt: LocalVectorTable;
  readonly #registers: LapicRegisterFile;
  /** An ExtINT message from an I/O APIC that the processor has not taken yet. */
  #extInt = false;
  #pending = false;

  constructor(options: LapicOptions) {
    this.#initialId = options.id;
    this.#bootstrap = options.bootstrap;
    this.#bus = options.bus;
    this.#cpu = options.cpu;
    this.#lvt = new LocalVectorTable((mode, vector, level) => this.receive(mode, vector, level));
    this.#timer = new LapicTimer(options.timers, options.tsc, options.busHz ?? 1e9, () => {
      const waits = this.waits(this.#lvt.entries[LVT_TIMER] & 0xff);
      if (!waits) this.#lvt.fire(LVT_TIMER);
      return !waits;
    });
    this.#registers = new LapicRegisterFile(this.#vectors, this.#lvt, this.#timer);
    this.reset();
  }

  get id(): number {
    return this.#registers.id;
  }

  get bootstrap(): boolean {
    return this.#bootstrap;
  }

  get mode(): LapicMode {
    return this.#registers.mode;
  }

  get timer(): LapicTimer {
    return this.#timer;
  }

  /** PPR. */
  get priority(): number {
    return this.#vectors.processorPriority;
  }

  /** TPR; its high nibble is CR8. */
  get taskPriority(): number {
    return this.#vectors.taskPriority;
  }

  set taskPriority(value: number) {
    this.#vectors.taskPriority = value;
    this.#update();
  }

  /** Whether the processor, with interrupts enabled, has one to take: ask {@link Lapic.acknowledge} which. */
  get interruptPending(): boolean {
    return this.#pending;
  }

  /** Whether `vector` has been requested and the processor has not taken it. */
  waits(vector: number): boolean {
    return this.#vectors.requested.has(vector);
  }

  /** Takes the interrupt: its vector, now in service, or {@link TAKE_FROM_PIC}. */
  acknowledge(): number {
    if (this.#fixedPending()) {
      const vector = this.#vectors.take();
      this.#update();
      return vector;
    }
    if (this.#extIntPending()) {
      this.#extInt = false;
      this.#update();
      return TAKE_FROM_PIC;
    }
    return this.#registers.spurious & 0xff; // the request went away in between: spurious, nothing is in service
  }

  /** Power-on reset. */
  reset(): void {
    this.#registers.mode = 'xapic';
    this.#registers.id = this.#initialId;
    this.#initialize();
    if (this.#bootstrap) this.#lvt.entries[LVT_LINT0] = DELIVER_EXT_INT << 8;
    this.#update();
  }

  /** IA32_APIC_BASE changed the mode; the caller checked the transition (§11.12.5). */
  setMode(mode: LapicMode): void {
    if (mode === this.#registers.mode) return;
    if (mode !== 'x2apic') this.#initialize();
    else {
      this.#registers.id = this.#initialId;
      this.#registers.icrHigh = 0;
    }
    this.#registers.mode = mode;
    this.#update();
  }

  matches(destination: number, logical: boolean): boolean {
    return this.#registers.matches(destination, logical);
  }

  receive(mode: number, vector: number, levelTriggered: boolean): boolean {
    if (this.#registers.mode === 'disabled') return false;
    switch (mode) {
      case DELIVER_FIXED:
      case DELIVER_LOWEST_PRIORITY:
        return this.#accept(vector, levelTriggered);
      case DELIVER_SMI:
        this.#cpu.smi();
        return true;
      case DELIVER_NMI:
        this.#cpu.nmi();
        return true;
      case DELIVER_INIT:
        this.#initialize();
        this.#update();
        this.#cpu.init();
        return true;
      case DELIVER_STARTUP:
        this.#cpu.startup(vector);
        return true;
      case DELIVER_EXT_INT:
        this.#extInt = true;
        this.#update();
        return true;
      default:
        return false;
    }
  }

  readMmio(offset: number, size: 1 | 2 | 4): number {
    const shift = 8 * (offset & 15);
    if (this.#registers.mode !== 'xapic' || shift >= 32)
      return this.#registers.mode === 'xapic' ? 0 : 0xffffffff;
    const number = offset >> 4;
    // Registers are 32 bits every 16 bytes; narrower reads see their part (the SDM leaves it undefined).
    const value = this.isRegister(number) ? this.readRegister(number) : this.#illegalRegister();
    return size === 4 ? value : (value >>> shift) & (size === 2 ? 0xffff : 0xff);
  }

  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    // Only aligned dwords reach a register (§11.4.1).
    if (this.#registers.mode !== 'xapic' || size !== 4 || (offset & 15) !== 0) return;
    const number = offset >> 4;
    if (this.isRegister(number)) this.writeRegister(number, value);
    else this.#illegalRegister();
  }

  /** Whether a register number exists. */
  isRegister(number: number): boolean {
    return this.#registers.has(number);
  }

  /** Reads a register, unsigned. */
  readRegister(number: number): number {
    return this.#registers.read(number);
  }

  /** Writes a register; read-only ones ignore it. */
  writeRegister(number: number, value: number): void {
    if (number >= R.APIC_LVT_TIMER && number <= R.APIC_LVT_ERROR) {
      this.#writeLvt(number - R.APIC_LVT_TIMER, value);
      return;
    }
    switch (number) {
      case R.APIC_ID:
        this.#registers.id = value >>> 24;
        break;
      case R.APIC_TPR:
        this.taskPriority = value;
        break;
      case R.APIC_EOI:
        this.#endOfInterrupt();
        break;
      case R.APIC_LDR:
        this.#registers.logicalDestination = (value & 0xff000000) >>> 0;
        break;
      case R.APIC_DFR:
        this.#registers.destinationFormat = (value | 0x0fffffff) >>> 0;
        break;
      case R.APIC_SVR:
        this.#registers.spurious = value & 0x1ff;
        if ((value & R.SVR_ENABLE) === 0) this.#lvt.maskAll();
        this.#update();
        break;
      case R.APIC_ESR:
        this.#registers.errorStatus = this.#registers.errorPending;
        this.#registers.errorPending = 0;
        break;
      case R.APIC_ICR:
        this.sendIpi(value, this.#registers.icrHigh >>> 24);
        break;
      case R.APIC_ICR_HIGH:
        this.#registers.icrHigh = (value & 0xff000000) >>> 0;
        break;
      case R.APIC_TIMER_INITIAL:
        this.#timer.setInitialCount(value >>> 0);
        break;
      case R.APIC_TIMER_DIVIDE:
        this.#timer.setDivideConfig(value);
        break;
    }
  }

  /** x2APIC: the whole 64-bit ICR at once; `high` is the destination. */
  writeIcr(low: number, high: number): void {
    this.#registers.icrHigh = high >>> 0;
    this.sendIpi(low, high >>> 0);
  }

  /** Sends an interprocessor interrupt: `icr` is the low half of the ICR (§11.6.1). Delivery is immediate. */
  sendIpi(icr: number, destination: number): void {
    this.#registers.icrLow = icr & R.ICR_WRITABLE;
    const mode = (icr >>> 8) & 7;
    const vector = icr & 0xff;
    if (mode <= DELIVER_LOWEST_PRIORITY && vector < 16) {
      this.#error(R.ESR_SEND_ILLEGAL_VECTOR);
      return;
    }
    const message = messageOfIcr(icr, destination, this);
    if (message === 'self') this.receive(mode, vector, false);
    else if (message !== null) this.#bus.deliver(message);
  }

  save(): LapicState {
    return {
      version: 1,
      ...this.#registers.save(),
      taskPriority: this.taskPriority,
      lvt: Array.from(this.#lvt.entries),
      irr: Array.from(this.#vectors.requested.words),
      isr: Array.from(this.#vectors.inService.words),
      tmr: Array.from(this.#vectors.level.words),
      lint: this.#lvt.pins.map(Number),
      extInt: this.#extInt,
      timer: this.#timer.save(),
    };
  }

  restore(state: unknown): void {
    const saved = readLapicState(state);
    this.#timer.restore(saved.timer); // the last that may throw, the first that changes something
    this.#registers.load(saved);
    this.#lvt.entries.set(saved.lvt);
    this.#lvt.pins[0] = saved.lint[0] === 1;
    this.#lvt.pins[1] = saved.lint[1] === 1;
    this.#vectors.requested.load(saved.irr);
    this.#vectors.inService.load(saved.isr);
    this.#vectors.level.load(saved.tmr);
    this.#vectors.taskPriority = saved.taskPriority;
    this.#extInt = saved.extInt;
    this.#update();
  }

  /** State after INIT: all but the id and the mode (§11.4.7.3). */
  #initialize(): void {
    this.#registers.initialize();
    this.#extInt = false;
    this.#vectors.clear();
    this.#lvt.reset();
    this.#timer.reset();
  }

  #accept(vector: number, levelTriggered: boolean): boolean {
    if (!this.#registers.softwareEnabled) return false;
    if (vector < 16) {
      this.#error(R.ESR_RECEIVED_ILLEGAL_VECTOR);
      return true;
    }
    this.#vectors.request(vector, levelTriggered);
    this.#update();
    return true;
  }

  #endOfInterrupt(): void {
    const vector = this.#vectors.finish();
    if (vector >= 0 && this.#vectors.level.has(vector)) {
      this.#lvt.endOfInterrupt(vector);
      this.#bus.endOfInterrupt(vector);
    }
    this.#update();
  }

  #writeLvt(index: number, value: number): void {
    this.#lvt.write(index, value, !this.#registers.softwareEnabled);
    if (index === LVT_TIMER) this.#timer.setMode(Math.min(2, (value >>> 17) & 3));
    this.#update();
  }

  #setLint(pin: 0 | 1, level: boolean): void {
    if (level === this.#lvt.pins[pin]) return;
    this.#lvt.pins[pin] = level;
    if (level && this.#registers.mode !== 'disabled') this.#lvt.pinRose(pin);
    else if (level && pin === 1) this.#cpu.nmi(); // without APIC the pins are INTR and NMI
    this.#update();
  }

  #error(bit: number): void {
    const first = this.#registers.errorPending === 0;
    this.#registers.errorPending |= bit;
    // Only the first error since the last ESR write interrupts, so a bad error vector cannot recurse.
    if (first) this.#lvt.fire(LVT_ERROR);
  }

  #illegalRegister(): number {
    this.#error(R.ESR_ILLEGAL_REGISTER);
    return 0;
  }

  #fixedPending(): boolean {
    return (
      this.#vectors.ready && this.#registers.softwareEnabled && this.#registers.mode !== 'disabled'
    );
  }

  #extIntPending(): boolean {
    if (this.#registers.mode === 'disabled') return this.#lvt.pins[0];
    return this.#extInt || this.#lvt.picInterrupt;
  }

  #update(): void {
    const pending = this.#fixedPending() || this.#extIntPending();
    const rises = pending && !this.#pending;
    this.#pending = pending;
    if (rises) this.#cpu.interruptPending();
  }
}
