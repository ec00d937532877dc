// ACPI fixed hardware (ACPI 6.4 §4.8) at the PIIX4's offsets: PM1a event and control blocks, PM timer, GPE0 block, SCI.
// Invariants: the SCI is a level, asserted while an enabled status bit is set and SCI_EN is 1; the timer is never counted, only
// computed from guest time.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import type { Timer, TimerQueue } from '../timer-queue.js';
import { S5_SLEEP_TYPE } from './board-addresses.js';

/** Ports of the block. */
export const ACPI_PM_PORT_COUNT = 0x40;
export const PM_TIMER_HZ = 3579545;

const PM1_STS = 0x0;
const PM1_EN = 0x2;
const PM1_CNT = 0x4;
const PM_TMR = 0x8;
const GPE0_STS = 0xc;
const GPE0_EN = 0xe;

const TMR_STS = 0x0001;
const GBL_STS = 0x0020;
const PWRBTN_STS = 0x0100;
const SLPBTN_STS = 0x0200;
const RTC_STS = 0x0400;
const WAK_STS = 0x8000;
const STATUS_BITS: number = TMR_STS | GBL_STS | PWRBTN_STS | SLPBTN_STS | RTC_STS | WAK_STS;
const ENABLE_BITS: number = TMR_STS | GBL_STS | PWRBTN_STS | SLPBTN_STS | RTC_STS;

const SCI_EN = 0x0001;
const BM_RLD = 0x0002;
const SLP_TYP = 0x1c00;
const SLP_EN = 0x2000;
const CONTROL_BITS: number = SCI_EN | BM_RLD | SLP_TYP;

/** What {@link AcpiPm} needs from the board. */
export interface AcpiPmOptions {
  readonly timers: TimerQueue;
  /** The system control interrupt. */
  readonly sci: IrqLine;
  /** The guest entered S5 (soft off). */
  readonly powerOff: () => void;
  /** Width of the PM timer; must be what the FADT says. 24 when left out. */
  readonly timerBits?: 24 | 32;
}

/** Saved state of an {@link AcpiPm}. */
export interface AcpiPmState {
  readonly version: 1;
  readonly status: number;
  readonly enable: number;
  readonly control: number;
  readonly gpeStatus: number;
  readonly gpeEnable: number;
  /** PM timer tick at which TMR_STS is set next. */
  readonly carryTick: number;
}

/** The power management block; 64 ports. */
export class AcpiPm implements PortDevice, Stateful<AcpiPmState> {
  readonly #timers: TimerQueue;
  readonly #sci: IrqLine;
  readonly #powerOff: () => void;
  readonly #range: number;
  readonly #carry: Timer;
  #status = 0;
  #enable = 0;
  #control = 0;
  #gpeStatus = 0;
  #gpeEnable = 0;
  #carryTick: number;

  constructor(options: AcpiPmOptions) {
    this.#timers = options.timers;
    this.#sci = options.sci;
    this.#powerOff = options.powerOff;
    this.#range = 2 ** (options.timerBits ?? 24);
    this.#carryTick = this.#range / 2;
    this.#carry = options.timers.create(() => this.#update());
  }

  /** The PM timer, as the guest reads it. */
  get timer(): number {
    return this.#ticks() % this.#range;
  }

  /** Whether ACPI mode is on (SCI_EN). */
  get acpiEnabled(): boolean {
    return (this.#control & SCI_EN) !== 0;
  }

  /** Sets or clears SCI_EN: what the system management code behind SMI_CMD does. */
  setAcpiEnabled(enabled: boolean): void {
    this.#control = enabled ? this.#control | SCI_EN : this.#control & ~SCI_EN;
    this.#update();
  }

  /** Presses the power button; an operating system that listens shuts down. */
  pressPowerButton(): void {
    this.#status |= PWRBTN_STS;
    this.#update();
  }

  /** Sets general-purpose event `event` (0-15). */
  raiseEvent(event: number): void {
    this.#gpeStatus |= 1 << (event & 15);
    this.#update();
  }

  /** Back to power-on: everything off. The PM timer goes on counting. */
  reset(): void {
    this.#status = 0;
    this.#enable = 0;
    this.#control = 0;
    this.#gpeStatus = 0;
    this.#gpeEnable = 0;
    this.#nextCarry();
    this.#update();
  }

  readPort(offset: number, size: 1 | 2 | 4): number {
    if (offset >= PM_TMR && offset + size <= PM_TMR + 4) {
      return truncate(this.timer >>> (8 * (offset - PM_TMR)), size);
    }
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#readByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  writePort(offset: number, size: 1 | 2 | 4, value: number): void {
    // Registers are 16 bits wide; a narrower write touches only its byte, a wider one two registers, lower first.
    for (let at = offset & ~1; at < offset + size; at += 2) {
      const shift = 8 * (at - offset);
      let part = shift < 0 ? value << -shift : value >>> shift;
      let mask = 0;
      for (let i = 0; i < 2; i++)
        if (at + i >= offset && at + i < offset + size) mask |= 0xff << (8 * i);
      part &= mask;
      this.#writeRegister(at, part, mask);
    }
    this.#update();
  }

  save(): AcpiPmState {
    return {
      version: 1,
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      gpeStatus: this.#gpeStatus,
      gpeEnable: this.#gpeEnable,
      carryTick: this.#carryTick,
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('ACPI PM', state, 1);
    const status = reader.u16('status');
    const enable = reader.u16('enable');
    const control = reader.u16('control');
    const gpeStatus = reader.u16('gpeStatus');
    const gpeEnable = reader.u16('gpeEnable');
    const carryTick = reader.integer('carryTick', 0, Number.MAX_SAFE_INTEGER);
    this.#status = status & STATUS_BITS;
    this.#enable = enable & ENABLE_BITS;
    this.#control = control & CONTROL_BITS;
    this.#gpeStatus = gpeStatus;
    this.#gpeEnable = gpeEnable;
    this.#carryTick = carryTick;
    this.#update();
  }

  #readByte(at: number): number {
    const shift = 8 * (at & 1);
    switch (at & ~1) {
      case PM1_STS:
        this.#update();
        return (this.#status >> shift) & 0xff;
      case PM1_EN:
        return (this.#enable >> shift) & 0xff;
      case PM1_CNT:
        return (this.#control >> shift) & 0xff;
      case PM_TMR:
      case PM_TMR + 2:
        return (this.timer >>> (8 * (at - PM_TMR))) & 0xff;
      case GPE0_STS:
        return (this.#gpeStatus >> shift) & 0xff;
      case GPE0_EN:
        return (this.#gpeEnable >> shift) & 0xff;
      default:
        return 0;
    }
  }

  #writeRegister(at: number, value: number, mask: number): void {
    switch (at) {
      case PM1_STS:
        this.#update();
        this.#status &= ~value;
        if (value & TMR_STS) this.#nextCarry();
        break;
      case PM1_EN:
        this.#enable = ((this.#enable & ~mask) | value) & ENABLE_BITS;
        break;
      case PM1_CNT:
        this.#control = ((this.#control & ~mask) | value) & CONTROL_BITS;
        // Sleep types other than S5 are not offered by \_S1.._S4, so a guest that asks for them is ignored.
        if (value & SLP_EN && (this.#control & SLP_TYP) >> 10 === S5_SLEEP_TYPE) this.#powerOff();
        break;
      case GPE0_STS:
        this.#gpeStatus &= ~value;
        break;
      case GPE0_EN:
        this.#gpeEnable = (this.#gpeEnable & ~mask) | value;
        break;
    }
  }

  /** Brings TMR_STS, its timer and the SCI line up to date. */
  #update(): void {
    if (this.#ticks() >= this.#carryTick) this.#status |= TMR_STS;
    const pending =
      (this.#status & this.#enable) !== 0 || (this.#gpeStatus & this.#gpeEnable) !== 0;
    const timerMatters = (this.#enable & TMR_STS) !== 0 && (this.#status & TMR_STS) === 0;
    this.#carry.rearm(timerMatters ? nsOfTick(this.#carryTick) : Number.POSITIVE_INFINITY);
    this.#sci(pending && (this.#control & SCI_EN) !== 0);
  }

  /** TMR_STS is set whenever the timer's top bit changes (§4.8.3.3). */
  #nextCarry(): void {
    const half = this.#range / 2;
    this.#carryTick = (Math.floor(this.#ticks() / half) + 1) * half;
  }

  #ticks(): number {
    return tickAt(this.#timers.nowNs());
  }
}

/** Whole seconds and the rest apart: the product stays exact for as long as the clock is. */
function tickAt(ns: number): number {
  const seconds = Math.floor(ns / 1e9);
  return seconds * PM_TIMER_HZ + Math.floor(((ns - seconds * 1e9) * PM_TIMER_HZ) / 1e9);
}

/** The first nanosecond of a tick. */
function nsOfTick(tick: number): number {
  const seconds = Math.floor(tick / PM_TIMER_HZ);
  return seconds * 1e9 + Math.ceil(((tick - seconds * PM_TIMER_HZ) * 1e9) / PM_TIMER_HZ);
}

function truncate(value: number, size: 1 | 2 | 4): number {
  return size === 4 ? value >>> 0 : size === 2 ? value & 0xffff : value & 0xff;
}
