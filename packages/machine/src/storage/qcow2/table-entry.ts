// Entries of L1 and L2 tables: 64 bits, read as two halves. Bit 63 (COPIED) says that what the entry refers to is referred to once,
// and may be written in place; bit 62 that a cluster is compressed; bit 0 that it reads as zeroes.
import { COMPRESSED_SECTOR_BYTES, ENTRY_BYTES } from './layout.js';

const COPIED_HIGH = 0x8000_0000;
const COMPRESSED_HIGH = 0x4000_0000;
const OFFSET_HIGH = 0x00ff_ffff;
const OFFSET_LOW = 0xffff_fe00;
const ZERO_LOW = 1;
const HIGH = 2 ** 32;

/** Where the sectors of a cluster are. */
export type ClusterKind = 'unallocated' | 'zero' | 'data' | 'compressed';

/** An array of entries. */
export class EntryTable {
  readonly view: DataView;
  readonly entryCount: number;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.entryCount = bytes.byteLength / ENTRY_BYTES;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.view.byteLength);
  }

  #high(index: number): number {
    return this.view.getUint32(index * ENTRY_BYTES);
  }

  #low(index: number): number {
    return this.view.getUint32(index * ENTRY_BYTES + 4);
  }

  isCopied(index: number): boolean {
    return this.#high(index) >= COPIED_HIGH;
  }

  /** What the entry refers to, in bytes from the image's start; 0: nothing. Not for compressed clusters. */
  offset(index: number): number {
    return (this.#high(index) & OFFSET_HIGH) * HIGH + ((this.#low(index) & OFFSET_LOW) >>> 0);
  }

  kind(index: number): ClusterKind {
    const high = this.#high(index);
    if ((high & COMPRESSED_HIGH) !== 0) return 'compressed';
    const low = this.#low(index);
    if ((low & ZERO_LOW) !== 0) return 'zero';
    return (high & OFFSET_HIGH) === 0 && (low & OFFSET_LOW) === 0 ? 'unallocated' : 'data';
  }

  /** Bits that must be 0 are: bits 56 to 61 and 1 to 8 (an L1 entry's bit 0 too). */
  isWellFormed(index: number): boolean {
    const high = this.#high(index);
    if ((high & COMPRESSED_HIGH) !== 0) return true;
    return (high & 0x3f00_0000) === 0 && (this.#low(index) & 0x1fe) === 0;
  }

  set(index: number, offset: number, isCopied: boolean): void {
    const high = Math.floor(offset / HIGH);
    this.view.setUint32(index * ENTRY_BYTES, isCopied ? (high | COPIED_HIGH) >>> 0 : high);
    this.view.setUint32(index * ENTRY_BYTES + 4, offset >>> 0);
  }

  setZero(index: number): void {
    this.set(index, ZERO_LOW, false);
  }

  setCopied(index: number, isCopied: boolean): void {
    const high = this.#high(index);
    const flag = isCopied ? (high | COPIED_HIGH) >>> 0 : high & ~COPIED_HIGH;
    this.view.setUint32(index * ENTRY_BYTES, flag >>> 0);
  }

  /** The bytes of a compressed cluster: from any byte on, to the end of a sector. */
  compressedRange(index: number, clusterBits: number): { at: number; byteLength: number } {
    // The sector count fills the bits from 62 − (clusterBits − 8) to 61: always in the high half.
    const shift = 62 - (clusterBits - 8) - 32;
    const high = this.#high(index) & 0x3fff_ffff;
    const at = (high & ((1 << shift) - 1)) * HIGH + this.#low(index);
    const sectors = (high >>> shift) + 1;
    return {
      at,
      byteLength: sectors * COMPRESSED_SECTOR_BYTES - (at % COMPRESSED_SECTOR_BYTES),
    };
  }
}
