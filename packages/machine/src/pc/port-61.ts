// Port61: system control port B of the PC/AT: the gate of timer 2, the speaker, and lines that guests poll to measure time.
// Claim at port 0x61, 1 port.
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import type { Pit } from './pit.js';

/** Ticks of the timer clock between two refresh requests (15.085 us): counter 1's count on every PC. */
const REFRESH_TICKS = 18;

/** Saved state of {@link Port61}; the gate is saved by the timer. */
export interface Port61State {
  readonly version: 1;
  readonly enables: number;
}

/** Port 0x61. Bits: 0 gate 2, 1 speaker data, 2 and 3 NMI enables (kept, no NMI exists), 4 refresh toggle, 5 OUT 2. */
export class Port61 implements PortDevice, Stateful<Port61State> {
  readonly #pit: Pit;
  /** Bits 1-3. */
  #enables = 0;

  constructor(pit: Pit) {
    this.#pit = pit;
  }

  readPort(_offset: number, _size: 1 | 2 | 4): number {
    const refresh = Math.floor(this.#pit.nowTicks() / REFRESH_TICKS) % 2;
    return (
      (this.#pit.gate2 ? 0x01 : 0) | this.#enables | (refresh << 4) | (this.#pit.out2 ? 0x20 : 0)
    );
  }

  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    this.#enables = value & 0x0e;
    this.#pit.gate2 = (value & 0x01) !== 0;
  }

  save(): Port61State {
    return { version: 1, enables: this.#enables };
  }

  restore(state: unknown): void {
    const reader = new StateReader('port 0x61', state, 1);
    const enables = reader.u8('enables');
    if ((enables & ~0x0e) !== 0) reader.reject('enables', 'a set of bits 1-3');
    this.#enables = enables;
  }
}
