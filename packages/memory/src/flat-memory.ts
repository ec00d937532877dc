// FlatMemory: a guest whose RAM is one contiguous array from guest-physical address 0. For stand-alone use and tests.
import type { Gpa } from './address.js';
import { GuestAddressError, type GuestMemory } from './guest-memory.js';

/** Contiguous guest RAM at guest-physical 0 … `byteLength`; little-endian, bounded. */
export class FlatMemory implements GuestMemory {
  /** The RAM itself: byte `n` is guest-physical address `n`. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** @param ram its size in bytes (then it starts zeroed), or the array to use (not copied). */
  constructor(ram: number | Uint8Array) {
    this.bytes = typeof ram === 'number' ? new Uint8Array(ram) : ram;
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  get byteLength(): number {
    return this.bytes.byteLength;
  }

  readU8(at: Gpa): number {
    this.#check(at, 1);
    return this.#view.getUint8(at);
  }

  readU16(at: Gpa): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, true);
  }

  readU32(at: Gpa): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, true);
  }

  writeU8(at: Gpa, value: number): void {
    this.#check(at, 1);
    this.#view.setUint8(at, value);
  }

  writeU16(at: Gpa, value: number): void {
    this.#check(at, 2);
    this.#view.setUint16(at, value, true);
  }

  writeU32(at: Gpa, value: number): void {
    this.#check(at, 4);
    this.#view.setUint32(at, value, true);
  }

  copyFrom(at: Gpa, target: Uint8Array): void {
    this.#check(at, target.byteLength);
    target.set(this.bytes.subarray(at, at + target.byteLength));
  }

  copyTo(at: Gpa, source: Uint8Array): void {
    this.#check(at, source.byteLength);
    this.bytes.set(source, at);
  }

  /** The bytes of a range themselves, not a copy; null outside of RAM. */
  view(at: Gpa, byteLength: number): Uint8Array | null {
    return this.#holds(at, byteLength) ? this.bytes.subarray(at, at + byteLength) : null;
  }

  /** Somebody changed bytes through a view. Nothing is derived of them here. */
  written(_at: Gpa, _byteLength: number): void {}

  #check(at: number, byteLength: number): void {
    if (!this.#holds(at, byteLength)) throw new GuestAddressError(at, byteLength);
  }

  /** Written so that NaN and fractions fail too. */
  #holds(at: number, byteLength: number): boolean {
    return Number.isInteger(at) && at >= 0 && at + byteLength <= this.bytes.byteLength;
  }
}
