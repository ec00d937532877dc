// PvMemory: a new PV guest's memory by pseudo-physical frame, for its builder.
import type { Domain } from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';

export class PvMemory {
  /** The machine frame behind each pseudo-physical one. */
  readonly mfns: readonly Mfn[];
  readonly view: DataView;
  readonly #domain: Domain;

  constructor(domain: Domain, mfns: readonly Mfn[]) {
    this.#domain = domain;
    this.mfns = mfns;
    this.view = domain.hypervisor.memory.view;
  }

  /** Machine address of frame `pfn`. */
  at(pfn: number): number {
    return this.mfns[pfn] * PAGE_SIZE;
  }

  /** Writes `bytes` from byte `offset` of the guest's memory on. */
  write(offset: number, bytes: Uint8Array): void {
    const { memory } = this.#domain.hypervisor;
    for (let done = 0; done < bytes.length; ) {
      const pfn = Math.floor((offset + done) / PAGE_SIZE);
      const inPage = (offset + done) % PAGE_SIZE;
      const size = Math.min(bytes.length - done, PAGE_SIZE - inPage);
      memory.bytes.set(bytes.subarray(done, done + size), this.at(pfn) + inPage);
      memory.onWrite?.(this.mfns[pfn]);
      done += size;
    }
  }

  /** Writes page-table entry `slot` of the table in frame `table`: frame `target` with `flags`. */
  writeEntry(table: number, slot: number, target: number, flags: number): void {
    const mfn = this.mfns[target];
    const at = this.at(table) + slot * 8;
    this.view.setUint32(at, ((mfn << 12) | flags) >>> 0, true);
    this.view.setUint32(at + 4, mfn >>> 20, true);
  }
}
