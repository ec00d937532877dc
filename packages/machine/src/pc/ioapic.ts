// Ioapic: an I/O APIC of version 0x20 (82093AA data sheet §3; the EOI register as in ICH) with 24 pins.
// Invariants: a pin's line is `true` while asserted, whatever its polarity bit says; a level-triggered pin sends again only after
// the local APIC's EOI (remote IRR); an edge on a masked pin is lost, as the data sheet says.
import type { IrqLine, MmioDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { type ApicBus, DELIVER_LOWEST_PRIORITY, type EndOfInterruptListener } from './apic-bus.js';

export const IOAPIC_PIN_COUNT = 24;

const SELECT = 0x00;
const WINDOW = 0x10;
const EOI = 0x40;
const ID = 0;
const VERSION = 1;
const ARBITRATION = 2;
const REDIRECTION = 0x10;
const VERSION_VALUE: number = 0x20 | ((IOAPIC_PIN_COUNT - 1) << 16);

const MASKED = 0x10000;
const LEVEL = 0x8000;
const REMOTE_IRR = 0x4000;
const LOGICAL = 0x800;
const WRITABLE_LOW = 0x1afff;
const WRITABLE_HIGH = 0xff000000;

/** Saved state of an {@link Ioapic}. */
export interface IoapicState {
  readonly version: 1;
  readonly select: number;
  readonly id: number;
  /** Low and high half of each pin's redirection entry. */
  readonly entries: readonly number[];
  /** Bit n: pin n's line. */
  readonly lines: number;
}

/** The I/O APIC; 4 KiB of registers. */
export class Ioapic implements MmioDevice, EndOfInterruptListener, Stateful<IoapicState> {
  readonly #bus: ApicBus;
  readonly #initialId: number;
  readonly #low: Uint32Array = new Uint32Array(IOAPIC_PIN_COUNT);
  readonly #high: Uint32Array = new Uint32Array(IOAPIC_PIN_COUNT);
  #id: number;
  #select = 0;
  #lines = 0;

  /** `id` (0-15) is what the MADT or MP table says. */
  constructor(bus: ApicBus, id: number) {
    this.#bus = bus;
    this.#initialId = id & 15;
    this.#id = this.#initialId;
    this.#low.fill(MASKED);
  }

  /** Power-on reset; the lines stay as their devices drive them. */
  reset(): void {
    this.#low.fill(MASKED);
    this.#high.fill(0);
    this.#id = this.#initialId;
    this.#select = 0;
  }

  /** The line of one pin. */
  line(pin: number): IrqLine {
    return (level) => this.setPin(pin, level);
  }

  /** Sets the level of a pin (0-23). */
  setPin(pin: number, level: boolean): void {
    const bit = 1 << pin;
    const was = (this.#lines & bit) !== 0;
    if (was === level) return;
    this.#lines ^= bit;
    if (!level) return;
    if (this.#low[pin] & LEVEL) this.#sendLevel(pin);
    else if ((this.#low[pin] & MASKED) === 0) this.#send(pin);
  }

  /** The vector that a rise of `pin` sends; -1 when it is masked or sends none. */
  vectorOf(pin: number): number {
    const entry = this.#low[pin];
    const sends = (entry & MASKED) === 0 && ((entry >>> 8) & 7) <= DELIVER_LOWEST_PRIORITY;
    return sends ? entry & 0xff : -1;
  }

  /** A local APIC finished `vector`: its level-triggered pins may send again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
      const entry = this.#low[pin];
      if ((entry & 0xff) !== vector || (entry & REMOTE_IRR) === 0) continue;
      this.#low[pin] = entry & ~REMOTE_IRR;
      this.#sendLevel(pin);
    }
  }

  readMmio(offset: number, size: 1 | 2 | 4): number {
    const value =
      offset === SELECT ? this.#select : offset === WINDOW ? this.#read(this.#select) : 0;
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset === SELECT) this.#select = value & 0xff;
    else if (size !== 4)
      return; // the window takes dwords only
    else if (offset === WINDOW) this.#write(this.#select, value);
    else if (offset === EOI) this.endOfInterrupt(value & 0xff);
  }

  save(): IoapicState {
    const entries: number[] = [];
    for (let pin = 0; pin < IOAPIC_PIN_COUNT; pin++) entries.push(this.#low[pin], this.#high[pin]);
    return { version: 1, select: this.#select, id: this.#id, entries, lines: this.#lines };
  }

  restore(state: unknown): void {
    const reader = new StateReader('I/O APIC', state, 1);
    const select = reader.u8('select');
    const id = reader.integer('id', 0, 15);
    const entries = reader.integers(
      'entries',
      0,
      0xffffffff,
      2 * IOAPIC_PIN_COUNT,
      2 * IOAPIC_PIN_COUNT,
    );
    const lines = reader.integer('lines', 0, 2 ** IOAPIC_PIN_COUNT - 1);
    this.#select = select;
    this.#id = id;
    for (let pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
      this.#low[pin] = entries[2 * pin] & (WRITABLE_LOW | REMOTE_IRR);
      this.#high[pin] = entries[2 * pin + 1] & WRITABLE_HIGH;
    }
    this.#lines = lines;
  }

  #read(register: number): number {
    if (register === ID || register === ARBITRATION) return this.#id << 24;
    if (register === VERSION) return VERSION_VALUE;
    const pin = (register - REDIRECTION) >> 1;
    if (pin < 0 || pin >= IOAPIC_PIN_COUNT) return 0xffffffff;
    return register & 1 ? this.#high[pin] : this.#low[pin];
  }

  #write(register: number, value: number): void {
    if (register === ID) this.#id = (value >>> 24) & 15;
    const pin = (register - REDIRECTION) >> 1;
    if (pin < 0 || pin >= IOAPIC_PIN_COUNT) return;
    if (register & 1) {
      this.#high[pin] = value & WRITABLE_HIGH;
      return;
    }
    const kept = this.#low[pin] & REMOTE_IRR;
    this.#low[pin] = (value & WRITABLE_LOW) | kept;
    // Switching to edge clears remote IRR: the way of kernels to force an EOI on APICs without the EOI register.
    if ((value & LEVEL) === 0) this.#low[pin] &= ~REMOTE_IRR;
    this.#sendLevel(pin);
  }

  #sendLevel(pin: number): void {
    const entry = this.#low[pin];
    const ready = (entry & (LEVEL | MASKED | REMOTE_IRR)) === LEVEL;
    if (!ready || (this.#lines & (1 << pin)) === 0) return;
    // Set before sending: the EOI may come from within the delivery.
    const waits = ((entry >>> 8) & 7) <= DELIVER_LOWEST_PRIORITY;
    if (waits) this.#low[pin] |= REMOTE_IRR;
    if (!this.#send(pin) && waits) this.#low[pin] &= ~REMOTE_IRR;
  }

  #send(pin: number): boolean {
    const entry = this.#low[pin];
    const mode = (entry >>> 8) & 7;
    return this.#bus.deliver({
      destination: this.#high[pin] >>> 24,
      logical: (entry & LOGICAL) !== 0,
      mode,
      vector: entry & 0xff,
      levelTriggered: (entry & LEVEL) !== 0 && mode <= DELIVER_LOWEST_PRIORITY,
    });
  }
}
