// Pit: the 8254 interval timer of a PC at ports 0x40-0x43. Counter 0 drives IRQ0, counter 1 was memory refresh, counter 2 is the
// speaker's, gated by port 0x61. Counts are computed from guest time; only IRQ0 needs a timer.
// Invariants: IRQ0 edges are scheduled from the ideal ticks of the counter, so they never drift. When the host comes late, or the
// interrupt before still waits to be taken, each edge is delivered on its own afterwards, at up to four times the programmed rate,
// until none is left (guests count them as time); more than a second of them is dropped.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import type { Timer, TimerQueue } from '../timer-queue.js';
import { PitChannel, type PitChannelState } from './pit-channel.js';
import { TickRate } from './tick-rate.js';

/** The clock of the 8254, in Hz: a third of the 3.579545 MHz colour burst. */
export const PIT_HERTZ = 1193182;

/** Shortest time between two interrupts, in ns: a guest cannot make the host run more than 20,000 timers a second. */
const MIN_INTERVAL_NS = 50_000;
/** Lost edges older than this are dropped, in ns. */
const MAX_BACKLOG_NS = 1e9;

/** Saved state of {@link Pit}; times are guest time, so the clock must be restored with it. */
export interface PitState {
  readonly version: 1;
  readonly channels: readonly PitChannelState[];
  readonly irqLevel: boolean;
  /** Ideal tick of the next edge of IRQ0; -1 is none. */
  readonly riseTick: number;
  /** When it will be delivered, in guest ns. */
  readonly wakeNs: number;
}

/** The three counters of the PC's 8254. */
export class Pit implements PortDevice, Stateful<PitState> {
  readonly #rate: TickRate = new TickRate(PIT_HERTZ);
  readonly #channels: readonly PitChannel[] = [
    new PitChannel(true),
    new PitChannel(true),
    new PitChannel(false),
  ];
  readonly #timers: TimerQueue;
  readonly #irq: IrqLine;
  readonly #waits: () => boolean;
  readonly #timer: Timer;
  #irqLevel = true; // OUT is high before the first control word: programming mode 2 or 3 makes no edge
  #riseTick = Infinity;

  /** `irq` is IRQ0: the OUT pin of counter 0. `waits`: an edge of IRQ0 has reached an interrupt controller and no CPU has taken it. */
  constructor(timers: TimerQueue, irq: IrqLine, waits: () => boolean = () => false) {
    this.#timers = timers;
    this.#waits = waits;
    this.#irq = irq;
    this.#timer = timers.create(() => this.#deliver());
  }

  /** The current tick of the 1.193182 MHz clock. */
  nowTicks(): number {
    return this.#rate.ticksAt(this.#timers.nowNs());
  }

  /** The GATE pin of counter 2 (port 0x61 bit 0). */
  get gate2(): boolean {
    return this.#channels[2].gate;
  }

  set gate2(level: boolean) {
    this.#channels[2].setGate(level, this.nowTicks());
  }

  /** The OUT pin of counter 2 (port 0x61 bit 5). */
  get out2(): boolean {
    return this.#channels[2].out(this.nowTicks());
  }

  readPort(offset: number, _size: 1 | 2 | 4): number {
    // The control word cannot be read (datasheet, figure 6: no operation).
    return offset === 3 ? 0xff : this.#channels[offset].read(this.nowTicks());
  }

  writePort(offset: number, _size: 1 | 2 | 4, value: number): void {
    const now = this.nowTicks();
    if (offset === 3) {
      const which = value >> 6;
      if (which === 3) {
        this.#readBack(value, now);
        return;
      }
      this.#channels[which].writeControl(value, now);
      if (which === 0 && (value & 0x30) !== 0) this.#schedule(now);
    } else {
      this.#channels[offset].writeCount(value, now);
      if (offset === 0) this.#schedule(now);
    }
  }

  /** Read-back command: bits 3-1 choose counters, a zero bit 5 latches counts, a zero bit 4 latches status. */
  #readBack(value: number, now: number): void {
    for (let i = 0; i < 3; i++) {
      if ((value & (2 << i)) === 0) continue;
      if ((value & 0x20) === 0) this.#channels[i].latchCount(now);
      if ((value & 0x10) === 0) this.#channels[i].latchStatus(now);
    }
  }

  /** After a write to counter 0: the line follows OUT and the next edge is planned anew. */
  #schedule(now: number): void {
    this.#setIrq(this.#channels[0].out(now));
    this.#riseTick = this.#channels[0].nextRise(now);
    this.#arm(0);
  }

  #arm(earliestNs: number): void {
    if (this.#riseTick === Infinity) this.#timer.cancel();
    else this.#timer.rearm(Math.max(this.#rate.nsAt(this.#riseTick), earliestNs));
  }

  #deliver(): void {
    const channel = this.#channels[0];
    const nowNs = this.#timers.nowNs();
    const intervalNs = (channel.riseInterval * 1e9) / PIT_HERTZ;
    const behindNs = nowNs - this.#rate.nsAt(this.#riseTick);
    if (intervalNs > 0 && behindNs <= MAX_BACKLOG_NS && this.#waits()) {
      this.#arm(nowNs + Math.max(MIN_INTERVAL_NS, intervalNs / 4));
      return;
    }
    this.#setIrq(false);
    this.#setIrq(true);
    this.#riseTick = channel.nextRise(this.#riseTick);
    if (this.#riseTick === Infinity) return;
    const lateNs = nowNs - this.#rate.nsAt(this.#riseTick);
    if (lateNs > MAX_BACKLOG_NS) this.#riseTick = channel.nextRise(this.#rate.ticksAt(nowNs));
    this.#arm(nowNs + Math.max(MIN_INTERVAL_NS, lateNs > 0 ? intervalNs / 4 : 0));
  }

  #setIrq(level: boolean): void {
    if (level === this.#irqLevel) return;
    this.#irqLevel = level;
    this.#irq(level);
  }

  save(): PitState {
    const armed = this.#timer.armed;
    return {
      version: 1,
      channels: this.#channels.map((channel) => channel.save()),
      irqLevel: this.#irqLevel,
      riseTick: armed ? this.#riseTick : -1,
      wakeNs: armed ? this.#timer.deadlineNs : 0,
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('pit', state, 1);
    const channels = reader.states('channels', 3);
    const apply = channels.map((saved, i) => this.#channels[i].prepareRestore(saved));
    const irqLevel = reader.boolean('irqLevel');
    const riseTick = reader.integer('riseTick', -1, Number.MAX_SAFE_INTEGER);
    const wakeNs = reader.finite('wakeNs');
    for (const applyChannel of apply) applyChannel();
    this.#irqLevel = irqLevel;
    this.#riseTick = riseTick < 0 ? Infinity : riseTick;
    this.#timer.rearm(riseTick < 0 ? Infinity : wakeNs);
  }
}
