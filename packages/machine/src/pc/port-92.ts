// Port92: system control port A of the PS/2: the fast A20 gate and the fast reset. Claim at port 0x92, 1 port.
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';

const FAST_RESET = 0x01;
const FAST_A20 = 0x02;

/** What {@link Port92} is built from. */
export interface Port92Options {
  /** The A20 gate: called with each level the guest writes (the last writer, this or the 8042, wins). */
  readonly setA20: (enabled: boolean) => void;
  /** The guest pulses the CPU's reset line; the machine acts on it after the slice. */
  readonly reset: () => void;
}

/** Saved state of {@link Port92}. */
export interface Port92State {
  readonly version: 1;
  readonly value: number;
}

/** Port 0x92. Bit 0: a rise resets the CPU; bit 1: A20; the others keep what is written. */
export class Port92 implements PortDevice, Stateful<Port92State> {
  readonly #options: Port92Options;
  #value: number = FAST_A20;

  constructor(options: Port92Options) {
    this.#options = options;
  }

  readPort(_offset: number, _size: 1 | 2 | 4): number {
    return this.#value;
  }

  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    const resets = (value & ~this.#value & FAST_RESET) !== 0;
    this.#value = value;
    this.#options.setA20((value & FAST_A20) !== 0);
    if (resets) this.#options.reset();
  }

  save(): Port92State {
    return { version: 1, value: this.#value };
  }

  /** Restores the register; the A20 gate is the CPU's to restore. */
  restore(state: unknown): void {
    this.#value = new StateReader('port 0x92', state, 1).u8('value');
  }
}
