// PIIX reset control register, port 0xCF9: the FADT's RESET_REG. The port lies inside of the PCI configuration ports, so the
// PCI host forwards byte accesses to it.
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';

const SYSTEM_RESET = 0x02;
const RESET_CPU = 0x04;
const FULL_RESET = 0x08;

/** Saved state of a {@link ResetControl}. */
export interface ResetControlState {
  readonly version: 1;
  readonly value: number;
}

/** One port. Setting bit 2 resets: the whole machine with bit 1 set ("hard"), else the processor ("soft"). */
export class ResetControl implements PortDevice, Stateful<ResetControlState> {
  readonly #reset: (kind: 'hard' | 'soft') => void;
  #value = 0;

  constructor(reset: (kind: 'hard' | 'soft') => void) {
    this.#reset = reset;
  }

  reset(): void {
    this.#value = 0;
  }

  readPort(): number {
    return this.#value;
  }

  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    const rises = (value & ~this.#value & RESET_CPU) !== 0;
    this.#value = value & (SYSTEM_RESET | RESET_CPU | FULL_RESET);
    if (rises) this.#reset(value & SYSTEM_RESET ? 'hard' : 'soft');
  }

  save(): ResetControlState {
    return { version: 1, value: this.#value };
  }

  restore(state: unknown): void {
    this.#value =
      new StateReader('reset control', state, 1).u8('value') &
      (SYSTEM_RESET | RESET_CPU | FULL_RESET);
  }
}
