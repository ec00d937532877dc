// What a device may do to a guest's memory (DMA): bounded reads and writes by guest-physical address.
import type { Gpa } from './address.js';

/** A guest asked a device to touch memory it does not have. Devices turn it into a device status, never into a crash. */
export class GuestAddressError extends Error {
  override readonly name = 'GuestAddressError';
  readonly address: number;
  readonly byteLength: number;
  constructor(address: number, byteLength: number) {
    super(
      `guest-physical range 0x${address.toString(16)}+${byteLength} is outside of guest memory`,
    );
    this.address = address;
    this.byteLength = byteLength;
  }
}

/** Guest-physical memory as a device sees it; little-endian. Every method throws {@link GuestAddressError} outside of RAM. */
export interface GuestMemory {
  /** Size of the guest-physical space that may hold RAM, in bytes. */
  readonly byteLength: number;
  readU8(at: Gpa): number;
  readU16(at: Gpa): number;
  readU32(at: Gpa): number;
  writeU8(at: Gpa, value: number): void;
  writeU16(at: Gpa, value: number): void;
  writeU32(at: Gpa, value: number): void;
  /** Fills `target` from guest memory starting at `at`. */
  copyFrom(at: Gpa, target: Uint8Array): void;
  /** Writes `source` to guest memory starting at `at`. */
  copyTo(at: Gpa, source: Uint8Array): void;
}
