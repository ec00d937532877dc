// PitChannel: one counter of the 8254 (Intel 231164), computed from time: nothing happens between two accesses.
// Times are ticks of the 1.193182 MHz clock. A count written during tick w is loaded at the clock edge of tick w + 1.
// Invariant: `#start` is the tick at which the counting element held `#period`, as if it had counted from there.
import { StateReader } from '../state-reader.js';

/** Modes 0-5 of the 8254. */
export type PitMode = 0 | 1 | 2 | 3 | 4 | 5;

/** Saved state of one counter. Ticks are those of {@link PitChannel}. */
export interface PitChannelState {
  readonly version: 1;
  readonly control: number;
  readonly register: number;
  readonly hasCount: boolean;
  readonly counting: boolean;
  readonly start: number;
  readonly loadTick: number;
  readonly period: number;
  /** Mode 2 and 3: the count that applies from `nextStart` on; 0 is none. */
  readonly nextPeriod: number;
  readonly nextStart: number;
  readonly gate: boolean;
  /** Ticks counted when the gate stopped the counter; -1 while it runs. */
  readonly stoppedAt: number;
  readonly writesHigh: boolean;
  readonly readsHigh: boolean;
  readonly lowByte: number;
  /** -1 is nothing latched. */
  readonly latchedCount: number;
  readonly latchedStatus: number;
}

const MAX_TICK = Number.MAX_SAFE_INTEGER;

/** One counter of the 8254. */
export class PitChannel {
  /** RW1-0, M2-0 and BCD as written; power-on: mode 3, both bytes, no count. */
  #control = 0x36;
  #mode: PitMode = 3;
  #register = 0;
  /** A count was written since the control word. */
  #hasCount = false;
  /** It is being counted: in modes 1 and 5 a gate edge has started it. */
  #counting = false;
  #start = 0;
  #loadTick = 0;
  #period = 0x10000;
  #nextPeriod = 0;
  #nextStart = 0;
  #gate: boolean;
  #stoppedAt = -1;
  #writesHigh = false;
  #readsHigh = false;
  #lowByte = 0;
  #latchedCount = -1;
  #latchedStatus = -1;

  constructor(gate: boolean) {
    this.#gate = gate;
  }

  get gate(): boolean {
    return this.#gate;
  }

  /** A control word for this counter (bits 7-6 are the counter's number, not looked at); 0 in bits 5-4 latches the count. */
  writeControl(value: number, now: number): void {
    if ((value & 0x30) === 0) {
      this.latchCount(now);
      return;
    }
    this.#control = value & 0x3f;
    this.#mode = modeOf(value);
    this.#hasCount = false;
    this.#counting = false;
    this.#nextPeriod = 0;
    this.#stoppedAt = -1;
    this.#writesHigh = (value & 0x30) === 0x20;
    this.#readsHigh = this.#writesHigh;
    this.#latchedCount = -1;
    this.#latchedStatus = -1;
  }

  /** A byte of the count. */
  writeCount(value: number, now: number): void {
    const access = this.#control & 0x30;
    if (access === 0x30 && !this.#writesHigh) {
      this.#lowByte = value;
      this.#writesHigh = true;
      // Mode 0: the first byte stops the counter and OUT goes low at once.
      if (this.#mode === 0) this.#counting = false;
      return;
    }
    if (access === 0x30) {
      this.#register = this.#lowByte | (value << 8);
      this.#writesHigh = false;
    } else {
      this.#register = access === 0x20 ? value << 8 : value;
    }
    this.#loadRegister(now);
  }

  /** A byte of the count or the latched status. */
  read(now: number): number {
    if (this.#latchedStatus >= 0) {
      const status = this.#latchedStatus;
      this.#latchedStatus = -1;
      return status;
    }
    const access = this.#control & 0x30;
    const count = this.#latchedCount >= 0 ? this.#latchedCount : this.count(now);
    const high = access === 0x20 || (access === 0x30 && this.#readsHigh);
    if (access === 0x30) this.#readsHigh = !this.#readsHigh;
    // A latched count of two bytes is released by its second byte.
    if (access !== 0x30 || !this.#readsHigh) this.#latchedCount = -1;
    return high ? count >> 8 : count & 0xff;
  }

  latchCount(now: number): void {
    if (this.#latchedCount < 0) this.#latchedCount = this.count(now);
  }

  latchStatus(now: number): void {
    if (this.#latchedStatus >= 0) return;
    this.#advance(now);
    const isNull = !this.#counting || now < this.#loadTick || this.#nextPeriod !== 0;
    this.#latchedStatus = (this.out(now) ? 0x80 : 0) | (isNull ? 0x40 : 0) | this.#control;
  }

  /** Sets the level of the GATE pin. */
  setGate(level: boolean, now: number): void {
    if (level === this.#gate) return;
    this.#advance(now);
    this.#gate = level;
    const triggered = this.#mode === 1 || this.#mode === 5;
    if (!level) {
      if (this.#counting && !triggered) this.#stoppedAt = Math.max(0, now - this.#start);
    } else if (triggered) {
      if (this.#hasCount) this.#trigger(now);
    } else if (this.#stoppedAt >= 0) {
      if (this.#mode === 2 || this.#mode === 3) this.#reload(now + 1);
      else this.#start = Math.max(now - this.#stoppedAt, this.#loadTick);
      this.#stoppedAt = -1;
    }
  }

  /** The level of the OUT pin. */
  out(now: number): boolean {
    this.#advance(now);
    if (!this.#counting) return this.#mode !== 0;
    if (now < this.#loadTick) return this.#mode !== 0;
    const elapsed = this.#elapsed(now);
    const period = this.#period;
    switch (this.#mode) {
      case 0:
      case 1:
        return elapsed >= period;
      case 2:
        return !this.#gate || elapsed % period !== period - 1;
      case 3:
        return !this.#gate || elapsed % period < (period + 1) >> 1;
      default:
        return elapsed !== period;
    }
  }

  /** The counting element, as its two bytes read. */
  count(now: number): number {
    this.#advance(now);
    const modulus = this.#isBcd ? 10000 : 0x10000;
    let value = this.#period;
    if (this.#counting && now >= this.#loadTick) {
      const elapsed = this.#elapsed(now);
      if (this.#mode === 2) value -= elapsed % this.#period;
      else if (this.#mode === 3) value = squareWaveCount(this.#period, elapsed % this.#period);
      else value = modulus - 1 - ((elapsed + modulus - 1 - (value % modulus)) % modulus);
    }
    value %= modulus;
    return this.#isBcd ? toBcd(value) : value;
  }

  /** The first tick after `after` at which OUT rises, Infinity when it will not without another access. */
  nextRise(after: number): number {
    this.#advance(after);
    if (!this.#counting || this.#stoppedAt >= 0) return Infinity;
    const period = this.#period;
    const elapsed = after - this.#start;
    switch (this.#mode) {
      case 0:
      case 1:
        return elapsed < period ? this.#start + period : Infinity;
      case 2:
      case 3: {
        if (period === 1) return Infinity; // not a legal count; OUT does not move
        const rise = this.#start + Math.max(1, Math.floor(elapsed / period) + 1) * period;
        if (this.#nextPeriod === 0 || rise <= this.#nextStart) return rise;
        // Mode 3 takes the new count at the half: this cycle ends by the new count.
        return this.#nextStart + (this.#nextPeriod >> 1);
      }
      default:
        return elapsed <= period ? this.#start + period + 1 : Infinity;
    }
  }

  /** Ticks between two rises of OUT, or 0 when it is not periodic. */
  get riseInterval(): number {
    return this.#mode === 2 || this.#mode === 3 ? this.#period : 0;
  }

  get #isBcd(): boolean {
    return (this.#control & 1) !== 0;
  }

  #elapsed(now: number): number {
    return this.#stoppedAt >= 0 ? this.#stoppedAt : Math.max(0, now - this.#start);
  }

  #periodOfRegister(): number {
    if (!this.#isBcd) return this.#register === 0 ? 0x10000 : this.#register;
    const r = this.#register;
    const value = (r >> 12) * 1000 + ((r >> 8) & 15) * 100 + ((r >> 4) & 15) * 10 + (r & 15);
    return value === 0 ? 10000 : value;
  }

  #loadRegister(now: number): void {
    this.#advance(now);
    this.#hasCount = true;
    switch (this.#mode) {
      case 1:
      case 5:
        // Waits for the gate. A shot that is running is not disturbed.
        if (!this.#counting) this.#period = this.#periodOfRegister();
        return;
      case 2:
      case 3:
        if (this.#counting && now >= this.#loadTick && this.#gate) {
          this.#nextPeriod = this.#periodOfRegister();
          this.#nextStart = this.#cycleEnd(now);
          return;
        }
        break;
    }
    this.#reload(now + 1);
    this.#stoppedAt = this.#gate ? -1 : 0;
  }

  #trigger(now: number): void {
    const isLow = this.#counting && !this.out(now);
    this.#reload(now + 1);
    if (isLow && this.#mode === 1) this.#loadTick = now; // OUT stays low over a new trigger
  }

  #reload(tick: number): void {
    this.#period = this.#periodOfRegister();
    this.#nextPeriod = 0;
    this.#start = tick;
    this.#loadTick = tick;
    this.#counting = true;
  }

  /** Where a new count takes over: the end of the cycle, in mode 3 of the half cycle. */
  #cycleEnd(now: number): number {
    const period = this.#period;
    const elapsed = now - this.#start;
    const cycle = this.#start + Math.floor(elapsed / period) * period;
    const half = (period + 1) >> 1;
    return this.#mode === 3 && elapsed % period < half ? cycle + half : cycle + period;
  }

  #advance(now: number): void {
    if (this.#nextPeriod === 0 || now < this.#nextStart) return;
    const tookOverAtHalf = (this.#nextStart - this.#start) % this.#period !== 0;
    this.#period = this.#nextPeriod;
    this.#nextPeriod = 0;
    this.#start = this.#nextStart - (tookOverAtHalf ? (this.#period + 1) >> 1 : 0);
  }

  save(): PitChannelState {
    return {
      version: 1,
      control: this.#control,
      register: this.#register,
      hasCount: this.#hasCount,
      counting: this.#counting,
      start: this.#start,
      loadTick: this.#loadTick,
      period: this.#period,
      nextPeriod: this.#nextPeriod,
      nextStart: this.#nextStart,
      gate: this.#gate,
      stoppedAt: this.#stoppedAt,
      writesHigh: this.#writesHigh,
      readsHigh: this.#readsHigh,
      lowByte: this.#lowByte,
      latchedCount: this.#latchedCount,
      latchedStatus: this.#latchedStatus,
    };
  }

  /** Checks an untrusted state; the returned function applies it. */
  prepareRestore(state: unknown): () => void {
    const reader = new StateReader('pit channel', state, 1);
    const control = reader.integer('control', 0x10, 0x3f);
    const register = reader.u16('register');
    const hasCount = reader.boolean('hasCount');
    const counting = reader.boolean('counting');
    const start = reader.integer('start', -MAX_TICK, MAX_TICK);
    const loadTick = reader.integer('loadTick', 0, MAX_TICK);
    const period = reader.integer('period', 1, 0x10000);
    const nextPeriod = reader.integer('nextPeriod', 0, 0x10000);
    const nextStart = reader.integer('nextStart', 0, MAX_TICK);
    const gate = reader.boolean('gate');
    const stoppedAt = reader.integer('stoppedAt', -1, MAX_TICK);
    const writesHigh = reader.boolean('writesHigh');
    const readsHigh = reader.boolean('readsHigh');
    const lowByte = reader.u8('lowByte');
    const latchedCount = reader.integer('latchedCount', -1, 0xffff);
    const latchedStatus = reader.integer('latchedStatus', -1, 0xff);
    return () => {
      this.#control = control;
      this.#mode = modeOf(control);
      this.#register = register;
      this.#hasCount = hasCount;
      this.#counting = counting;
      this.#start = start;
      this.#loadTick = loadTick;
      this.#period = period;
      this.#nextPeriod = nextPeriod;
      this.#nextStart = nextStart;
      this.#gate = gate;
      this.#stoppedAt = stoppedAt;
      this.#writesHigh = writesHigh;
      this.#readsHigh = readsHigh;
      this.#lowByte = lowByte;
      this.#latchedCount = latchedCount;
      this.#latchedStatus = latchedStatus;
    };
  }
}

/** Modes 6 and 7 are 2 and 3: M2 is not looked at when M1 is set. */
function modeOf(control: number): PitMode {
  const mode = (control >> 1) & 7;
  return (mode > 5 ? mode - 4 : mode) as PitMode;
}

/** Mode 3 counts down by two, twice a cycle; an odd count starts from one less (datasheet, mode 3). */
function squareWaveCount(period: number, phase: number): number {
  const half = (period + 1) >> 1;
  return (period & ~1) - 2 * (phase < half ? phase : phase - half);
}

function toBcd(value: number): number {
  return (
    (Math.floor(value / 1000) << 12) |
    ((Math.floor(value / 100) % 10) << 8) |
    ((Math.floor(value / 10) % 10) << 4) |
    (value % 10)
  );
}
