// Rtc: the MC146818 real-time clock and its 128 bytes of CMOS RAM. Claim at port 0x70, 2 ports, 8 bits wide.
// The oscillator is guest time: seconds begin at `#originNs`. The wall clock sets it at the start and again whenever both are more
// than two seconds apart (a paused machine, a restored snapshot); what the guest sets is kept as a difference to the wall clock.
// Flags are computed when somebody looks; a timer is armed only for interrupts that are enabled and not pending.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import type { Timer, TimerQueue } from '../timer-queue.js';
import { type CmosMemory, cmosMemoryBytes } from './cmos-memory.js';
import { decodeTime, encodeTime, isTimeRegister, nextAlarm, RTC_B_24H } from './rtc-calendar.js';
import { TickRate } from './tick-rate.js';

const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;
const A_UIP = 0x80;
const A_DIVIDER = 0x70;
const A_DIVIDER_32KHZ = 0x20;
const A_RATE = 0x0f;
const B_SET = 0x80;
const B_UIE = 0x10;
const C_IRQF = 0x80;
/** Register B's enables and register C's flags share bits 6-4. */
const PERIODIC = 0x40;
const ALARM = 0x20;
const UPDATE = 0x10;
const D_VALID = 0x80;

const CMOS_BYTES = 128;
const OSCILLATOR_HERTZ = 32768;
const SECOND_NS = 1e9;
/** UIP rises 244 us before an update cycle, which takes 1984 us with a 32.768 kHz crystal (datasheet, table 6). */
const UPDATE_IN_PROGRESS_NS = 2_228_000;
/** The first update follows half a second after the divider leaves reset. */
const DIVIDER_RESET_PHASE_NS = 5e8;
const RESYNC_MS = 2000;

/** What {@link Rtc} is built from. */
export interface RtcOptions {
  readonly timers: TimerQueue;
  /** IRQ8. */
  readonly irq: IrqLine;
  /** Wall clock in ms since 1970, in the time zone the registers shall show; may be fractional. */
  readonly wallClockMs: () => number;
  /** Sizes to publish in CMOS RAM. */
  readonly memory?: CmosMemory;
}

/** Saved state of {@link Rtc}; the clock of the machine must be restored with it. */
export interface RtcState {
  readonly version: 1;
  readonly index: number;
  readonly nmiMasked: boolean;
  readonly cmos: readonly number[];
  readonly originNs: number;
  readonly baseSeconds: number;
  readonly offsetMs: number;
  readonly lastSecond: number;
  readonly lastPeriod: number;
}

/** The real-time clock of a PC. */
export class Rtc implements PortDevice, Stateful<RtcState> {
  readonly #timers: TimerQueue;
  readonly #irq: IrqLine;
  readonly #wallClockMs: () => number;
  readonly #timer: Timer;
  readonly #oscillator: TickRate = new TickRate(OSCILLATOR_HERTZ);
  readonly #cmos = new Uint8Array(CMOS_BYTES);
  #index = 0;
  #nmiMasked = false;
  /** Guest time at which a second began; whole ns. */
  #originNs = 0;
  /** The second that began at `#originNs`. */
  #baseSeconds = 0;
  /** Guest's time minus wall clock. */
  #offsetMs = 0;
  /** Last second and last periodic tick for which flags were computed. */
  #lastSecond = 0;
  #lastPeriod = 0;

  constructor(options: RtcOptions) {
    this.#timers = options.timers;
    this.#irq = options.irq;
    this.#wallClockMs = options.wallClockMs;
    this.#timer = options.timers.create(() => this.#refresh(this.#timers.nowNs()));
    this.#cmos[REG_A] = 0x26; // 32.768 kHz, 1024 Hz periodic rate: what firmware leaves
    this.#cmos[REG_B] = RTC_B_24H;
    this.#cmos[0x14] = 0x06; // equipment: coprocessor, pointing device, no floppy
    for (const [index, value] of cmosMemoryBytes(
      options.memory ?? { below4GiB: 0, above4GiB: 0 },
    )) {
      this.#cmos[index] = value;
    }
    this.#setFromWall(this.#timers.nowNs());
  }

  /** Whether the guest masks NMI (bit 7 of port 0x70). */
  get nmiMasked(): boolean {
    return this.#nmiMasked;
  }

  /** Sets a byte of CMOS RAM, 0x0E-0x7F without the century (0x32), as firmware's setup would. */
  setCmos(index: number, value: number): void {
    if (!Number.isInteger(index) || index < 0x0e || index >= CMOS_BYTES || isTimeRegister(index)) {
      throw new RangeError(`rtc: CMOS byte ${index} cannot be set; use 0x0E-0x7F without 0x32`);
    }
    this.#cmos[index] = value;
  }

  readPort(offset: number, _size: 1 | 2 | 4): number {
    if (offset === 0) return 0xff; // the index register is write-only
    return this.#read(this.#index, this.#timers.nowNs());
  }

  writePort(offset: number, _size: 1 | 2 | 4, value: number): void {
    if (offset === 0) {
      this.#index = value & 0x7f;
      this.#nmiMasked = (value & 0x80) !== 0;
    } else {
      this.#write(this.#index, value, this.#timers.nowNs());
    }
  }

  #read(index: number, now: number): number {
    if (index === REG_A) return this.#cmos[REG_A] | (this.#updateInProgress(now) ? A_UIP : 0);
    if (index === REG_C) {
      this.#observe(now);
      const flags = this.#cmos[REG_C];
      this.#cmos[REG_C] = 0;
      this.#refresh(now);
      return flags;
    }
    if (index === REG_D) return D_VALID;
    if (this.#running && isTimeRegister(index)) {
      this.#observe(now);
      encodeTime(this.#cmos, this.#seconds(now), this.#cmos[REG_B]);
    }
    return this.#cmos[index];
  }

  #write(index: number, value: number, now: number): void {
    if (index === REG_C || index === REG_D) return;
    this.#observe(now);
    const wasRunning = this.#running;
    const wasDividing = this.#dividing;
    // The registers show the last second when the clock stops, and the other fields when one is set while it runs.
    if (wasRunning) encodeTime(this.#cmos, this.#seconds(now), this.#cmos[REG_B]);
    if (index === REG_A) {
      this.#cmos[REG_A] = value & ~A_UIP;
      if (!wasDividing && this.#dividing) this.#originNs = Math.floor(now) - DIVIDER_RESET_PHASE_NS;
    } else if (index === REG_B) {
      this.#cmos[REG_B] = (value & B_SET) !== 0 ? value & ~B_UIE : value;
    } else {
      this.#cmos[index] = value;
    }
    if (this.#running && (!wasRunning || isTimeRegister(index))) this.#setFromRegisters(now);
    this.#lastPeriod = this.#periods(now);
    this.#refresh(now);
  }

  get #dividing(): boolean {
    return (this.#cmos[REG_A] & A_DIVIDER) === A_DIVIDER_32KHZ;
  }

  get #running(): boolean {
    return this.#dividing && (this.#cmos[REG_B] & B_SET) === 0;
  }

  #seconds(now: number): number {
    return this.#baseSeconds + Math.floor((now - this.#originNs) / SECOND_NS);
  }

  #updateInProgress(now: number): boolean {
    if (!this.#running) return false;
    const elapsed = now - this.#originNs;
    return (
      elapsed - Math.floor(elapsed / SECOND_NS) * SECOND_NS >= SECOND_NS - UPDATE_IN_PROGRESS_NS
    );
  }

  /** Ticks of the 32.768 kHz oscillator in a period, 0 when there is none. */
  get #periodTicks(): number {
    const rate = this.#cmos[REG_A] & A_RATE;
    if (rate === 0 || !this.#dividing) return 0;
    return 1 << (rate < 3 ? rate + 6 : rate - 1);
  }

  #periods(now: number): number {
    const ticks = this.#periodTicks;
    return ticks === 0 ? 0 : Math.floor(this.#oscillator.ticksAt(now - this.#originNs) / ticks);
  }

  #setFromWall(now: number): void {
    const ms = this.#wallClockMs() + this.#offsetMs;
    this.#baseSeconds = Math.floor(ms / 1000);
    this.#originNs = Math.floor(now - (ms - this.#baseSeconds * 1000) * 1e6);
    this.#lastSecond = this.#seconds(now);
    this.#lastPeriod = this.#periods(now);
  }

  #setFromRegisters(now: number): void {
    const elapsed = now - this.#originNs;
    const seconds = decodeTime(this.#cmos, this.#cmos[REG_B]);
    this.#baseSeconds = seconds - Math.floor(elapsed / SECOND_NS);
    this.#offsetMs = this.#baseSeconds * 1000 + elapsed / 1e6 - this.#wallClockMs();
    this.#lastSecond = seconds;
  }

  /** Sets the flags for what happened since the last look. */
  #observe(now: number): void {
    if (this.#running) {
      const ms = this.#baseSeconds * 1000 + (now - this.#originNs) / 1e6;
      if (Math.abs(this.#wallClockMs() + this.#offsetMs - ms) > RESYNC_MS) this.#setFromWall(now);
      const second = this.#seconds(now);
      if (second > this.#lastSecond) {
        this.#cmos[REG_C] |= UPDATE;
        const alarm = nextAlarm(this.#cmos, this.#cmos[REG_B], this.#lastSecond);
        if (alarm <= second) this.#cmos[REG_C] |= ALARM;
        this.#lastSecond = second;
      }
    }
    const periods = this.#periods(now);
    if (periods !== this.#lastPeriod) this.#cmos[REG_C] |= PERIODIC;
    this.#lastPeriod = periods;
  }

  /** Brings flags, line and timer up to date. */
  #refresh(now: number): void {
    this.#observe(now);
    const enabled = this.#cmos[REG_B] & (PERIODIC | ALARM | UPDATE);
    const flags = this.#cmos[REG_C] & (PERIODIC | ALARM | UPDATE);
    const isPending = (flags & enabled) !== 0;
    this.#cmos[REG_C] = flags | (isPending ? C_IRQF : 0);
    this.#irq(isPending);
    this.#timer.rearm(this.#nextEventNs(enabled & ~flags));
  }

  #nextEventNs(wanted: number): number {
    let next = Infinity;
    const ticks = this.#periodTicks;
    if ((wanted & PERIODIC) !== 0 && ticks !== 0) {
      next = this.#originNs + this.#oscillator.nsAt((this.#lastPeriod + 1) * ticks);
    }
    if (!this.#running) return next;
    let second = Infinity;
    if ((wanted & UPDATE) !== 0) second = this.#lastSecond + 1;
    else if ((wanted & ALARM) !== 0)
      second = nextAlarm(this.#cmos, this.#cmos[REG_B], this.#lastSecond);
    return Math.min(next, this.#originNs + (second - this.#baseSeconds) * SECOND_NS);
  }

  save(): RtcState {
    return {
      version: 1,
      index: this.#index,
      nmiMasked: this.#nmiMasked,
      cmos: Array.from(this.#cmos),
      originNs: this.#originNs,
      baseSeconds: this.#baseSeconds,
      offsetMs: this.#offsetMs,
      lastSecond: this.#lastSecond,
      lastPeriod: this.#lastPeriod,
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('rtc', state, 1);
    const max = Number.MAX_SAFE_INTEGER;
    const farSeconds = 1e12; // a Date holds 8.64e12 s; registers reach the year 9999 or somewhat beyond
    const index = reader.integer('index', 0, 0x7f);
    const nmiMasked = reader.boolean('nmiMasked');
    const cmos = reader.bytes('cmos', CMOS_BYTES, CMOS_BYTES);
    const originNs = reader.integer('originNs', -max, max);
    const baseSeconds = reader.integer('baseSeconds', -farSeconds, farSeconds);
    const offsetMs = reader.finite('offsetMs');
    if (Math.abs(offsetMs) > farSeconds * 1000) reader.reject('offsetMs', 'a sane offset');
    const lastSecond = reader.integer('lastSecond', -2 * farSeconds, 2 * farSeconds);
    const lastPeriod = reader.integer('lastPeriod', -max, max);
    this.#index = index;
    this.#nmiMasked = nmiMasked;
    this.#cmos.set(cmos);
    this.#originNs = originNs;
    this.#baseSeconds = baseSeconds;
    this.#offsetMs = offsetMs;
    this.#lastSecond = lastSecond;
    this.#lastPeriod = lastPeriod;
    this.#irq((cmos[REG_C] & C_IRQF) !== 0);
    // Any event due before the wall clock is looked at comes with the first timer run.
    this.#timer.rearm(this.#nextEventNs(cmos[REG_B] & (PERIODIC | ALARM | UPDATE) & ~cmos[REG_C]));
  }
}
