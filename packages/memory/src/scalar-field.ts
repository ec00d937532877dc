// @hot
// ScalarField: one integer at a fixed offset of a record, read and written over a DataView or a guest's memory; little-endian.
// Integers of eight bytes come as numbers (exact to 2^53; above, rounded but never below 2^53, so that bounds checks still refuse
// them), as two halves of 32 bits, or as a bigint where speed is of no matter.
import type { Gpa } from './address.js';
import type { GuestMemory } from './guest-memory.js';

const TWO_32 = 4294967296;

/** Who writes a member of a hypercall's argument: the caller (`in`), the hypervisor (`out`), both; `null` where nobody said. */
export type Direction = 'in' | 'out' | 'inout' | null;

/**
 * One integer of a record. `base` is where the record starts in `view`, `at` where it starts in guest memory.
 * Over a DataView a range outside of it throws RangeError (the caller owns the view); over guest memory, GuestAddressError.
 */
export class ScalarField {
  readonly kind = 'scalar' as const;
  /** From the start of the outermost record, in bytes. */
  readonly offset: number;
  /** 1, 2, 4 or 8. */
  readonly byteLength: number;
  readonly isSigned: boolean;
  readonly direction: Direction;

  constructor(offset: number, byteLength: number, isSigned: boolean, direction: Direction) {
    this.offset = offset;
    this.byteLength = byteLength;
    this.isSigned = isSigned;
    this.direction = direction;
  }

  get(view: DataView, base = 0): number {
    const at = base + this.offset;
    switch (this.byteLength) {
      case 1:
        return this.isSigned ? view.getInt8(at) : view.getUint8(at);
      case 2:
        return this.isSigned ? view.getInt16(at, true) : view.getUint16(at, true);
      case 4:
        return this.isSigned ? view.getInt32(at, true) : view.getUint32(at, true);
      default: {
        const high = this.isSigned ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true);
        return high * TWO_32 + view.getUint32(at, true);
      }
    }
  }

  /** Stores `value` modulo two to the field's width; an integer of at most 53 bits and a sign. */
  set(view: DataView, base: number, value: number): void {
    const at = base + this.offset;
    switch (this.byteLength) {
      case 1:
        view.setUint8(at, value);
        return;
      case 2:
        view.setUint16(at, value, true);
        return;
      case 4:
        view.setUint32(at, value, true);
        return;
      default:
        view.setUint32(at, value, true);
        view.setUint32(at + 4, Math.floor(value / TWO_32), true);
    }
  }

  /** Bits 0 to 31, unsigned. */
  getLow(view: DataView, base = 0): number {
    if (this.byteLength < 8) return this.get(view, base) >>> 0;
    return view.getUint32(base + this.offset, true);
  }

  /** Bits 32 to 63, unsigned: 0, or the sign, for a narrower field. */
  getHigh(view: DataView, base = 0): number {
    if (this.byteLength < 8) return this.get(view, base) < 0 ? 0xffff_ffff : 0;
    return view.getUint32(base + this.offset + 4, true);
  }

  /** Stores both halves; a narrower field keeps what it can of `low`. */
  setHalves(view: DataView, base: number, low: number, high: number): void {
    if (this.byteLength < 8) {
      this.set(view, base, low);
      return;
    }
    view.setUint32(base + this.offset, low, true);
    view.setUint32(base + this.offset + 4, high, true);
  }

  /** The exact value, for tools and tests. */
  getBig(view: DataView, base = 0): bigint {
    if (this.byteLength < 8) return BigInt(this.get(view, base));
    const at = base + this.offset;
    return this.isSigned ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
  }

  /** Stores `value` modulo two to the field's width, exactly. */
  setBig(view: DataView, base: number, value: bigint): void {
    if (this.byteLength < 8) this.set(view, base, Number(BigInt.asIntN(32, value)));
    else view.setBigUint64(base + this.offset, BigInt.asUintN(64, value), true);
  }

  read(memory: GuestMemory, at: Gpa): number {
    const place = (at + this.offset) as Gpa;
    switch (this.byteLength) {
      case 1: {
        const value = memory.readU8(place);
        return this.isSigned ? (value << 24) >> 24 : value;
      }
      case 2: {
        const value = memory.readU16(place);
        return this.isSigned ? (value << 16) >> 16 : value;
      }
      case 4: {
        const value = memory.readU32(place);
        return this.isSigned ? value | 0 : value >>> 0;
      }
      default: {
        const high = memory.readU32((place + 4) as Gpa);
        return (this.isSigned ? high | 0 : high >>> 0) * TWO_32 + (memory.readU32(place) >>> 0);
      }
    }
  }

  /** As {@link set}. Eight bytes are two stores of four. */
  write(memory: GuestMemory, at: Gpa, value: number): void {
    const place = (at + this.offset) as Gpa;
    switch (this.byteLength) {
      case 1:
        memory.writeU8(place, value & 0xff);
        return;
      case 2:
        memory.writeU16(place, value & 0xffff);
        return;
      case 4:
        memory.writeU32(place, value >>> 0);
        return;
      default:
        memory.writeU32(place, value >>> 0);
        memory.writeU32((place + 4) as Gpa, Math.floor(value / TWO_32) >>> 0);
    }
  }
}
