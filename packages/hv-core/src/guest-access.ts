// GuestAccess: the hypervisor's copies to and from a guest's linear memory. Nothing here throws: an address the guest cannot use is
// `false` and becomes -EFAULT. A range is checked whole before its first byte is written.
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { AddressSpace } from './frame/address-space.js';
import type { MachineMemory } from './frame/machine-memory.js';

/** Nothing a hypercall copies in one piece is longer. */
const MAX_COPY = 1 << 20;

function leftInPage(address: number): number {
  const offset = address % PAGE_SIZE;
  return PAGE_SIZE - (offset < 0 ? offset + PAGE_SIZE : offset);
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

  /** Fills `target` from the guest. On false, `target` may be partly filled. */
  copyFrom(address: number, target: Uint8Array): boolean {
    const length = target.byteLength;
    if (!(Number.isSafeInteger(address) && length <= MAX_COPY)) return false;
    for (let done = 0; done < length; ) {
      const from = this.space.translate(address + done, false);
      if (from < 0) return false;
      const size = Math.min(length - done, leftInPage(address + done));
      target.set(this.#memory.bytes.subarray(from, from + size), done);
      done += size;
    }
    return true;
  }

  /** Writes `source` to the guest: all of it or, on false, nothing. */
  copyTo(address: number, source: Uint8Array): boolean {
    const length = source.byteLength;
    if (!this.isAccessible(address, length, true)) return false;
    for (let done = 0; done < length; ) {
      const to = this.space.translate(address + done, true);
      const size = Math.min(length - done, leftInPage(address + done));
      this.#memory.bytes.set(source.subarray(done, done + size), to);
      this.#memory.onWrite?.(Math.floor(to / PAGE_SIZE) as Mfn);
      done += size;
    }
    return true;
  }
}
