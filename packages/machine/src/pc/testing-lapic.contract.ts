// Two local APICs on one bus, under a clock that tests move: for the tests of each part of them.
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { SystemApicBus } from './apic-bus.js';
import { Lapic } from './lapic.js';

const TSC_HZ = 2e9;

/** APIC 0 is the bootstrap processor's, and the one that the short forms below write to. */
export class TestingLapic {
  readonly clock: ManualClock = new ManualClock();
  readonly timers: TimerQueue = new TimerQueue(this.clock);
  readonly bus: SystemApicBus = new SystemApicBus();
  /** What the APICs told their processors, with the APIC's id: `int0`, `nmi1`, `sipi1:16`. */
  readonly events: string[] = [];
  readonly lapic: Lapic = this.#make(0);
  readonly second: Lapic = this.#make(1);

  /** Reads a register at its offset in the xAPIC page. */
  readonly read = (offset: number): number => this.lapic.readMmio(offset, 4);
  readonly write = (offset: number, value: number): void => this.lapic.writeMmio(offset, 4, value);
  readonly enable = (): void => this.write(0xf0, 0x1ff);
  readonly ipiToSelf = (vector: number): void => this.write(0x300, 0x40000 | vector);
  readonly eoi = (): void => this.write(0xb0, 0);
  readonly advance = (ns: number): void => {
    this.clock.advance(ns);
    this.timers.runDue();
  };

  #make(id: number): Lapic {
    const note = (what: string) => () => {
      this.events.push(`${what}${id}`);
    };
    const made = new Lapic({
      id,
      bootstrap: id === 0,
      bus: this.bus,
      timers: this.timers,
      tsc: { nsAtTsc: (tsc) => (tsc * 1e9) / TSC_HZ },
      cpu: {
        interruptPending: note('int'),
        nmi: note('nmi'),
        smi: note('smi'),
        init: note('init'),
        startup: (vector) => this.events.push(`sipi${id}:${vector}`),
      },
    });
    this.bus.attachLapic(made);
    return made;
  }
}
