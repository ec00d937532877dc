// GuestAccess: the hypervisor's copies to and from a guest's linear memory. Nothing here throws: an address the guest cannot use is
// `false` and becomes -EFAULT. A range is checked whole before its first byte is written.
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { AddressSpace } from './frame/address-space.js';
import type { MachineMemory } from './frame/machine-memory.js';

/** Nothing a hypercall copies in one piece is longer. */
const MAX_COPY = 1 << 20;
/** Bytes that are copied one by one: a call that copies takes longer. */
const SHORT = 64;

function leftInPage(address: number): number {
  return (Math.floor(address / PAGE_SIZE) + 1) * PAGE_SIZE - address;
}

export class GuestAccess {
  space: AddressSpace;
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory, space: AddressSpace) {
    this.#memory = memory;
    this.space = space;
  }

  /** Whether the whole range can be read, or written. An empty range always can. */
  isAccessible(address: number, length: number, isWrite: boolean): boolean {
    if (!(Number.isSafeInteger(address) && length >= 0 && length <= MAX_COPY)) return false;
    for (let done = 0; done < length; done += leftInPage(address + done)) {
      if (this.space.translate(address + done, isWrite) < 0) return false;
    }
    return true;
  }

  /** Machine address of a range that can be read and lies in one page; -1: it is none, or lies in several. */
  within(address: number, length: number): number {
    if (!Number.isSafeInteger(address) || length > leftInPage(address)) return -1;
    return this.space.translate(address, false);
  }

  /** Fills `target`, or its first `length` bytes, from the guest. On false, `target` may be partly filled. */
  copyFrom(address: number, target: Uint8Array, length: number = target.byteLength): boolean {
    if (!(Number.isSafeInteger(address) && length <= MAX_COPY)) return false;
    if (length <= SHORT && length <= leftInPage(address)) {
      const from = length === 0 ? 0 : this.space.translate(address, false);
      if (from < 0) return false;
      const { bytes } = this.#memory;
      for (let i = 0; i < length; i++) target[i] = bytes[from + i] as number;
      return true;
    }
    for (let done = 0; done < length; ) {
      const from = this.space.translate(address + done, false);
      if (from < 0) return false;
      const size = Math.min(length - done, leftInPage(address + done));
      target.set(this.#memory.bytes.subarray(from, from + size), done);
      done += size;
    }
    return true;
  }

  /** Writes `source`, or its bytes from `start` to `end`, to the guest: all of it or, on false, nothing. */
  copyTo(address: number, source: Uint8Array, start = 0, end: number = source.byteLength): boolean {
    const length = end - start;
    if (!this.isAccessible(address, length, true)) return false;
    for (let done = 0; done < length; ) {
      const to = this.space.translate(address + done, true);
      const size = Math.min(length - done, leftInPage(address + done));
      const from = start + done;
      const { bytes } = this.#memory;
      if (size > SHORT) bytes.set(source.subarray(from, from + size), to);
      else for (let i = 0; i < size; i++) bytes[to + i] = source[from + i] as number;
      this.#memory.onWrite?.(Math.floor(to / PAGE_SIZE) as Mfn);
      done += size;
    }
    return true;
  }
}
