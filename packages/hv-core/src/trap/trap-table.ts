// TrapTable: a vCPU's virtual IDT, as set_trap_table fills it: where the guest wants each vector. xen.h, trap_info.
import { TI_DPL_MASK, TI_IF } from '@proxeny/abi';

export const VECTORS = 256;

/** Where a guest is entered: by a vector, or for events, system calls and the rest (callback.h). */
export class EntryPoint {
  /** Of a 32-bit guest; a 64-bit one is entered with the flat kernel selector. */
  selector = 0;
  /** Halves of the address. */
  low = 0;
  high = 0;
  /** Upcalls are masked on entry. */
  masksEvents = false;

  set(selector: number, low: number, high: number, masksEvents: boolean): void {
    this.selector = selector;
    this.low = low;
    this.high = high;
    this.masksEvents = masksEvents;
  }

  /** No handler: 64-bit guests leave the address 0, 32-bit ones the selector null. */
  isNull(word: 32 | 64): boolean {
    return word === 64 ? this.low === 0 && this.high === 0 : this.selector < 4;
  }

  describe(): readonly unknown[] {
    return [this.selector, this.low, this.high, this.masksEvents];
  }
}

export class TrapTable {
  readonly #entries: readonly EntryPoint[] = Array.from(
    { length: VECTORS },
    () => new EntryPoint(),
  );
  readonly #levels = new Uint8Array(VECTORS);

  at(vector: number): EntryPoint {
    return this.#entries[vector] as EntryPoint;
  }

  /** Who may raise the vector by INT: 0 nobody, 1 and 2 the kernel, 3 everybody. */
  levelOf(vector: number): number {
    return this.#levels[vector] as number;
  }

  /** @param flags TI_*. */
  set(vector: number, flags: number, selector: number, low: number, high: number): void {
    this.at(vector).set(selector, low, high, (flags & TI_IF) !== 0);
    this.#levels[vector] = flags & TI_DPL_MASK;
  }

  clear(): void {
    for (let vector = 0; vector < VECTORS; vector++) this.set(vector, 0, 0, 0, 0);
  }

  describe(): readonly unknown[] {
    return [this.#entries.map((entry) => entry.describe()), [...this.#levels]];
  }
}
