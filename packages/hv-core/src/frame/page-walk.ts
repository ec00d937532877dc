// PageWalk: the linear addresses of a PV vCPU's kernel, by walking its validated page tables. For the hypervisor's own copies: rights
// are the kernel's, accessed and dirty bits stay as they are, the hypervisor's part of the address space is out of bounds.
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { AddressSpace } from './address-space.js';
import type { MachineMemory } from './machine-memory.js';
import {
  ENTRY_BYTES,
  entryMfn,
  HOLE_32_START,
  HOLE_64_END,
  PTE_PRESENT,
  PTE_WRITABLE,
} from './page-table-entry.js';

const CANONICAL_END = 0x8000_0000_0000;
const TWO_32 = 4294967296;

/** Bits 0 to 31 of an address; arithmetic with whole ones takes longer. */
const lowOf = (address: number): number => (address - Math.floor(address / TWO_32) * TWO_32) | 0;

/** Whether a guest may have mappings of its own at a linear address (signed canonical). */
export function isGuestAddress(address: number, word: 32 | 64): boolean {
  if (word === 32) return address >= 0 && address < HOLE_32_START;
  return address >= HOLE_64_END && address < CANONICAL_END;
}

export class PageWalk implements AddressSpace {
  /** The root: L4, or L3 of a PAE guest; -1: none yet. */
  root: Mfn | -1 = -1;
  readonly #memory: MachineMemory;
  readonly #word: 32 | 64;

  constructor(memory: MachineMemory, word: 32 | 64) {
    this.#memory = memory;
    this.#word = word;
  }

  translate(address: number, isWrite: boolean): number {
    const l1 = this.findL1(address, isWrite);
    if (l1 === -1) return -1;
    const low = lowOf(address);
    const page = this.#follow(l1, (low >>> 12) & 511, isWrite);
    return page < 0 ? -1 : page * PAGE_SIZE + (low & (PAGE_SIZE - 1));
  }

  /** The L1 table that maps `address`, or -1. */
  findL1(address: number, isWrite: boolean): Mfn | -1 {
    if (this.root === -1 || !isGuestAddress(address, this.#word)) return -1;
    const isPae = this.#word === 32;
    const low = lowOf(address);
    const high = Math.floor(address / TWO_32);
    const l3 = isPae ? this.root : this.#follow(this.root, (high >>> 7) & 511, isWrite);
    if (l3 === -1) return -1;
    // The entries of a PAE root have no rights of their own.
    const l2 = this.#follow(l3, ((high << 2) | (low >>> 30)) & 511, isWrite && !isPae);
    if (l2 === -1) return -1;
    return this.#follow(l2, (low >>> 21) & 511, isWrite);
  }

  #follow(table: Mfn, slot: number, isWrite: boolean): Mfn | -1 {
    const at = table * PAGE_SIZE + slot * ENTRY_BYTES;
    const low = this.#memory.view.getUint32(at, true);
    const needed = isWrite ? PTE_PRESENT | PTE_WRITABLE : PTE_PRESENT;
    if ((low & needed) !== needed) return -1;
    const target = entryMfn(low, this.#memory.view.getUint32(at + 4, true));
    return target < this.#memory.frameCount ? target : -1;
  }
}
