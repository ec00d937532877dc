// Pic8259: one 8259A interrupt controller (Intel 8259A datasheet, 231468): ICW1-4, OCW1-3, IRR, ISR, priorities.
// Invariants: `lines` is the level of the eight inputs; an edge-triggered request stays latched in IRR when its input falls
// (so a short pulse is never lost), a level-triggered one follows its input. ICW1.LTIM has no effect: the trigger mode of each
// input comes from ELCR, as in every chipset since the PIIX.
import { StateReader } from '../state-reader.js';

/** Saved registers of one 8259A. */
export interface Pic8259State {
  readonly version: 1;
  readonly lines: number;
  readonly irr: number;
  readonly isr: number;
  readonly imr: number;
  readonly elcr: number;
  readonly vectorBase: number;
  /** Input with the highest priority, 0-7. */
  readonly highest: number;
  /** Next initialization word: 0 none, 2, 3 or 4. */
  readonly expectedIcw: 0 | 2 | 3 | 4;
  readonly needsIcw4: boolean;
  readonly single: boolean;
  readonly autoEoi: boolean;
  readonly rotateOnAutoEoi: boolean;
  readonly specialFullyNested: boolean;
  readonly specialMask: boolean;
  readonly readsIsr: boolean;
  readonly poll: boolean;
}

/** One 8259A. The pair on a PC, with its cascade, is `Pic`. */
export class Pic8259 {
  readonly #isMaster: boolean;
  /** ELCR bits that can be set: IRQ 0, 1, 2, 8 and 13 are edge-triggered on every PC. */
  readonly #elcrWritable: number;
  #lines = 0;
  #irr = 0;
  #isr = 0;
  #imr = 0xff; // undefined until ICW1; masked keeps a machine without firmware quiet
  #elcr = 0;
  #vectorBase = 0;
  #highest = 0;
  #expectedIcw: 0 | 2 | 3 | 4 = 0;
  #needsIcw4 = false;
  #single = false;
  #autoEoi = false;
  #rotateOnAutoEoi = false;
  #specialFullyNested = false;
  #specialMask = false;
  #readsIsr = false;
  #poll = false;

  constructor(isMaster: boolean, elcrWritable: number) {
    this.#isMaster = isMaster;
    this.#elcrWritable = elcrWritable;
  }

  /** First of the eight vectors (ICW2). */
  get vectorBase(): number {
    return this.#vectorBase;
  }

  /** Whether ICW1 said that there is no other controller. */
  get single(): boolean {
    return this.#single;
  }

  get elcr(): number {
    return this.#elcr;
  }

  /** Sets the trigger modes: a 1 bit is level-triggered. */
  set elcr(value: number) {
    this.#elcr = value & this.#elcrWritable;
    this.#irr = (this.#irr & ~this.#elcr) | (this.#lines & this.#elcr);
  }

  /** Sets the level of one input. */
  setLine(input: number, level: boolean): void {
    const bit = 1 << input;
    if (level) {
      if ((this.#lines & bit) === 0) this.#irr |= bit;
      this.#lines |= bit;
    } else {
      this.#lines &= ~bit;
      this.#irr &= ~(bit & this.#elcr);
    }
  }

  /** Latches or drops a request without a change of the input (the cascade input during an acknowledge). */
  setRequest(input: number, requested: boolean): void {
    if (requested) this.#irr |= 1 << input;
    else this.#irr &= ~(1 << input);
  }

  /** Whether a request of `input` has been latched and is not masked. */
  waits(input: number): boolean {
    return (this.#irr & ~this.#imr & (1 << input)) !== 0;
  }

  /** The input that would be served now, 0-7, or -1: this is the INT output. */
  pending(): number {
    const requests = this.#irr & ~this.#imr;
    if (requests === 0) return -1;
    let blocking = this.#isr;
    // Special mask mode: a masked level in service blocks nobody. Special fully nested mode: the slave may interrupt itself.
    if (this.#specialMask) blocking &= ~this.#imr;
    if (this.#specialFullyNested && this.#isMaster) blocking &= ~4;
    for (let i = 0; i < 8; i++) {
      const input = (this.#highest + i) & 7;
      const bit = 1 << input;
      if ((blocking & bit) !== 0) return -1;
      if ((requests & bit) !== 0) return input;
    }
    return -1;
  }

  /** INTA: takes the pending request into service and returns its input, or -1 when it has gone (the caller says IR7). */
  acknowledge(): number {
    const input = this.pending();
    if (input < 0) return -1;
    const bit = 1 << input;
    if ((this.#elcr & bit) === 0) this.#irr &= ~bit;
    if (!this.#autoEoi) this.#isr |= bit;
    else if (this.#rotateOnAutoEoi) this.#highest = (input + 1) & 7;
    return input;
  }

  /** Takes the poll command if one is waiting (OCW3.P): the next read of either port is an acknowledge. */
  takePoll(): boolean {
    const poll = this.#poll;
    this.#poll = false;
    return poll;
  }

  /** Port 0: IRR or ISR. Port 1: IMR. */
  read(port: number): number {
    if (port !== 0) return this.#imr;
    return this.#readsIsr ? this.#isr : this.#irr;
  }

  write(port: number, value: number): void {
    if (port === 0) {
      if ((value & 0x10) !== 0) this.#initialize(value);
      else if ((value & 0x08) !== 0) this.#writeOcw3(value);
      else this.#writeOcw2(value);
    } else if (this.#expectedIcw === 0) {
      this.#imr = value;
    } else {
      this.#writeIcw(value);
    }
  }

  /** ICW1, "what happens" a-f of the datasheet. */
  #initialize(icw1: number): void {
    this.#irr &= this.#elcr; // the edge sense is reset: an input that is high must fall and rise again
    this.#isr = 0;
    this.#imr = 0;
    this.#highest = 0;
    this.#specialMask = false;
    this.#readsIsr = false;
    this.#poll = false;
    this.#autoEoi = false;
    this.#rotateOnAutoEoi = false;
    this.#specialFullyNested = false;
    this.#needsIcw4 = (icw1 & 0x01) !== 0;
    this.#single = (icw1 & 0x02) !== 0;
    this.#expectedIcw = 2;
  }

  #writeIcw(value: number): void {
    if (this.#expectedIcw === 2) {
      this.#vectorBase = value & 0xf8;
      this.#expectedIcw = this.#single ? (this.#needsIcw4 ? 4 : 0) : 3;
    } else if (this.#expectedIcw === 3) {
      this.#expectedIcw = this.#needsIcw4 ? 4 : 0; // the wiring of the cascade is fixed on a PC
    } else {
      this.#autoEoi = (value & 0x02) !== 0;
      this.#specialFullyNested = (value & 0x10) !== 0;
      this.#expectedIcw = 0;
    }
  }

  #writeOcw2(value: number): void {
    const rotate = (value & 0x80) !== 0;
    const specific = (value & 0x40) !== 0;
    const endOfInterrupt = (value & 0x20) !== 0;
    if (!endOfInterrupt) {
      if (!specific) this.#rotateOnAutoEoi = rotate;
      else if (rotate) this.#highest = (value + 1) & 7;
      return;
    }
    const input = specific ? value & 7 : this.#highestInService();
    if (input < 0) return;
    this.#isr &= ~(1 << input);
    if (rotate) this.#highest = (input + 1) & 7;
  }

  #writeOcw3(value: number): void {
    if ((value & 0x04) !== 0) this.#poll = true;
    else if ((value & 0x02) !== 0) this.#readsIsr = (value & 0x01) !== 0;
    if ((value & 0x40) !== 0) this.#specialMask = (value & 0x20) !== 0;
  }

  #highestInService(): number {
    // A level that the special mask hides is not reset by a non-specific EOI.
    const inService = this.#specialMask ? this.#isr & ~this.#imr : this.#isr;
    for (let i = 0; i < 8; i++) {
      const input = (this.#highest + i) & 7;
      if ((inService & (1 << input)) !== 0) return input;
    }
    return -1;
  }

  save(): Pic8259State {
    return {
      version: 1,
      lines: this.#lines,
      irr: this.#irr,
      isr: this.#isr,
      imr: this.#imr,
      elcr: this.#elcr,
      vectorBase: this.#vectorBase,
      highest: this.#highest,
      expectedIcw: this.#expectedIcw,
      needsIcw4: this.#needsIcw4,
      single: this.#single,
      autoEoi: this.#autoEoi,
      rotateOnAutoEoi: this.#rotateOnAutoEoi,
      specialFullyNested: this.#specialFullyNested,
      specialMask: this.#specialMask,
      readsIsr: this.#readsIsr,
      poll: this.#poll,
    };
  }

  /** Checks an untrusted state; the returned function applies it. */
  prepareRestore(state: unknown): () => void {
    const reader = new StateReader(this.#isMaster ? 'pic master' : 'pic slave', state, 1);
    const bytes = ['lines', 'irr', 'isr', 'imr', 'elcr', 'vectorBase'].map((n) => reader.u8(n));
    const highest = reader.integer('highest', 0, 7);
    const expectedIcw = reader.oneOf('expectedIcw', [0, 2, 3, 4]);
    const flags = [
      'needsIcw4',
      'single',
      'autoEoi',
      'rotateOnAutoEoi',
      'specialFullyNested',
      'specialMask',
      'readsIsr',
      'poll',
    ].map((name) => reader.boolean(name));
    if ((bytes[4] & ~this.#elcrWritable) !== 0) reader.reject('elcr', 'a possible trigger mode');
    if ((bytes[5] & 7) !== 0) reader.reject('vectorBase', 'a multiple of 8');
    return () => {
      [this.#lines, this.#irr, this.#isr, this.#imr, this.#elcr, this.#vectorBase] = bytes;
      this.#highest = highest;
      this.#expectedIcw = expectedIcw;
      [this.#needsIcw4, this.#single, this.#autoEoi, this.#rotateOnAutoEoi] = flags;
      [, , , , this.#specialFullyNested, this.#specialMask, this.#readsIsr, this.#poll] = flags;
    };
  }
}
