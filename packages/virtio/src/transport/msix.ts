// Msix: a function's MSI-X table, pending bits and message control (PCI Local Bus 3.0 §6.8.2).
// Invariants: nothing is sent while MSI-X is off; what a mask holds back is remembered once and sent when the mask goes.
import type { AccessSize } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';

/** Words of a table entry: address (2), data, vector control. */
const ENTRY_WORDS = 4;
const ADDRESS_LOW = 0;
const ADDRESS_HIGH = 1;
const DATA = 2;
const VECTOR_CONTROL = 3;
const VECTOR_MASKED = 1;
/** Message control. */
const MSIX_ENABLE = 0x8000;
const MSIX_MASK_ALL = 0x4000;

/** Sends a message signalled interrupt: a store of `data` to an address, in two halves. */
export type MessageSender = (addressLow: number, addressHigh: number, data: number) => void;

/** Saved state of an {@link Msix}. */
export interface MsixState {
  readonly version: 1;
  readonly control: number;
  readonly table: readonly number[];
  readonly pending: readonly number[];
}

export class Msix {
  readonly vectorCount: number;
  readonly #send: MessageSender;
  readonly #table: Uint32Array;
  readonly #pending: Uint32Array;
  #control = 0;

  constructor(vectorCount: number, send: MessageSender) {
    this.vectorCount = vectorCount;
    this.#send = send;
    this.#table = new Uint32Array(vectorCount * ENTRY_WORDS);
    this.#pending = new Uint32Array(Math.ceil(vectorCount / 32));
    this.reset();
  }

  get isEnabled(): boolean {
    return (this.#control & MSIX_ENABLE) !== 0;
  }

  /** The message control register: of what is written, only enable and mask count. */
  get control(): number {
    return this.#control | (this.vectorCount - 1);
  }

  set control(value: number) {
    this.#control = value & (MSIX_ENABLE | MSIX_MASK_ALL);
    for (let vector = 0; vector < this.vectorCount; vector++) this.#sendPending(vector);
  }

  reset(): void {
    this.#control = 0;
    this.#pending.fill(0);
    this.#table.fill(0);
    for (let vector = 0; vector < this.vectorCount; vector++)
      this.#table[vector * ENTRY_WORDS + VECTOR_CONTROL] = VECTOR_MASKED;
  }

  /** Something happened that `vector` is for; one that is not in the table is nobody's. */
  trigger(vector: number): void {
    if (vector >= this.vectorCount || !this.isEnabled) return;
    this.#pending[vector >>> 5] |= 1 << (vector & 31);
    this.#sendPending(vector);
  }

  readTable(offset: number, size: AccessSize): number {
    return readWords(this.#table, offset, size);
  }

  /** Whole words only, as §6.8.2 asks of software. */
  writeTable(offset: number, size: AccessSize, value: number): void {
    const word = offset >>> 2;
    if (size !== 4 || offset & 3 || word >= this.#table.length) return;
    const isControl = word % ENTRY_WORDS === VECTOR_CONTROL;
    this.#table[word] = isControl ? value & VECTOR_MASKED : value;
    if (isControl) this.#sendPending(Math.floor(word / ENTRY_WORDS));
  }

  readPending(offset: number, size: AccessSize): number {
    return readWords(this.#pending, offset, size);
  }

  save(): MsixState {
    const { control } = this;
    return { version: 1, control, table: [...this.#table], pending: [...this.#pending] };
  }

  /** @throws RangeError */
  restore(state: unknown): void {
    const reader = new SavedState('MSI-X', state, 1);
    const control = reader.integer('control', 0, 0xffff);
    const { length } = this.#table;
    const table = reader.integers('table', 0xffff_ffff, length, length);
    const words = this.#pending.length;
    const pending = reader.integers('pending', 0xffff_ffff, words, words);
    this.#control = control & (MSIX_ENABLE | MSIX_MASK_ALL);
    this.#table.set(table);
    this.#pending.set(pending);
  }

  #sendPending(vector: number): void {
    const bit = 1 << (vector & 31);
    const at = vector * ENTRY_WORDS;
    const isOpen = (this.#control & (MSIX_ENABLE | MSIX_MASK_ALL)) === MSIX_ENABLE;
    const isMasked = (this.#table[at + VECTOR_CONTROL] & VECTOR_MASKED) !== 0;
    if (!isOpen || isMasked || (this.#pending[vector >>> 5] & bit) === 0) return;
    this.#pending[vector >>> 5] &= ~bit;
    this.#send(
      this.#table[at + ADDRESS_LOW],
      this.#table[at + ADDRESS_HIGH],
      this.#table[at + DATA],
    );
  }
}

/** Little-endian bytes of words; beyond their end, 0. */
function readWords(words: Uint32Array, offset: number, size: AccessSize): number {
  const word = words[offset >>> 2] ?? 0;
  const shifted = word >>> (8 * (offset & 3));
  return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
}
