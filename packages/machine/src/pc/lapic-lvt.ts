// The local vector table and the two local interrupt pins of a local APIC (SDM 3A §11.5.1): timer, thermal, performance, LINT0,
// LINT1, error. LINT0 in ExtINT mode passes the PIC's output on as a level; it is never stored here.
import { DELIVER_EXT_INT, DELIVER_FIXED } from './apic-bus.js';
import { LVT_LEVEL, LVT_MASKED, LVT_REMOTE_IRR, LVT_WRITABLE } from './lapic-registers.js';

export const LVT_COUNT = 6;
export const LVT_TIMER = 0;
export const LVT_LINT0 = 3;
export const LVT_LINT1 = 4;
export const LVT_ERROR = 5;

/** The table of one local APIC. */
export class LocalVectorTable {
  readonly entries: Uint32Array = new Uint32Array(LVT_COUNT);
  /** Levels of LINT0 and LINT1. */
  readonly pins: [boolean, boolean] = [false, false];
  readonly #deliver: (mode: number, vector: number, levelTriggered: boolean) => boolean;

  /** `deliver` is the APIC's own reception of a message; it tells whether it was accepted. */
  constructor(deliver: (mode: number, vector: number, levelTriggered: boolean) => boolean) {
    this.#deliver = deliver;
  }

  /** State after INIT: everything masked. */
  reset(): void {
    this.entries.fill(LVT_MASKED);
  }

  /** What software disabling the APIC does. */
  maskAll(): void {
    for (let i = 0; i < LVT_COUNT; i++) this.entries[i] |= LVT_MASKED;
  }

  /** A guest's write; with `forceMask` (APIC software-disabled) the mask bit cannot be cleared. */
  write(index: number, value: number, forceMask: boolean): void {
    const kept = this.entries[index] & LVT_REMOTE_IRR;
    this.entries[index] = (value & LVT_WRITABLE[index]) | kept | (forceMask ? LVT_MASKED : 0);
    if (index !== LVT_LINT0 && index !== LVT_LINT1) return;
    if ((value & LVT_LEVEL) === 0) this.entries[index] &= ~LVT_REMOTE_IRR;
    this.#level(index);
  }

  /** An event (edge) at an entry's source. */
  fire(index: number): void {
    const entry = this.entries[index];
    const mode = index === LVT_TIMER || index === LVT_ERROR ? DELIVER_FIXED : (entry >>> 8) & 7;
    if ((entry & LVT_MASKED) === 0 && mode !== DELIVER_EXT_INT) {
      this.#deliver(mode, entry & 0xff, false);
    }
  }

  /** Delivers what a pin's rise means. The caller stored the level in `pins`. */
  pinRose(pin: 0 | 1): void {
    const entry = this.entries[LVT_LINT0 + pin];
    const fixedLevel = ((entry >>> 8) & 7) === DELIVER_FIXED && (entry & LVT_LEVEL) !== 0;
    if (fixedLevel) this.#level(LVT_LINT0 + pin);
    else this.fire(LVT_LINT0 + pin);
  }

  /** Whether LINT0 passes an interrupt of the PIC. */
  get picInterrupt(): boolean {
    const entry = this.entries[LVT_LINT0];
    return this.pins[0] && (entry & LVT_MASKED) === 0 && ((entry >>> 8) & 7) === DELIVER_EXT_INT;
  }

  /** A level-triggered vector was finished: a pin that is still high delivers again. */
  endOfInterrupt(vector: number): void {
    for (let index = LVT_LINT0; index <= LVT_LINT1; index++) {
      if ((this.entries[index] & 0xff) !== vector) continue;
      this.entries[index] &= ~LVT_REMOTE_IRR;
      this.#level(index);
    }
  }

  /** A level-triggered pin is delivered while high, once between two EOIs. */
  #level(index: number): void {
    const entry = this.entries[index];
    const ready = (entry & (LVT_LEVEL | LVT_MASKED | LVT_REMOTE_IRR)) === LVT_LEVEL;
    if (!this.pins[index - LVT_LINT0] || !ready || ((entry >>> 8) & 7) !== DELIVER_FIXED) return;
    if (this.#deliver(DELIVER_FIXED, entry & 0xff, true)) this.entries[index] |= LVT_REMOTE_IRR;
  }
}
