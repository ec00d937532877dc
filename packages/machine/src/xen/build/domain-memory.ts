// DomainMemory: a new domain's memory by guest frame, for its builder.
import type { Domain } from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';

export class DomainMemory {
  readonly #domain: Domain;
  readonly #mfnOf: (pfn: number) => Mfn;

  /** @param mfnOf the machine frame behind each guest frame there is. */
  constructor(domain: Domain, mfnOf: (pfn: number) => Mfn) {
    this.#domain = domain;
    this.#mfnOf = mfnOf;
  }

  mfnOf(pfn: number): Mfn {
    return this.#mfnOf(pfn);
  }

  /** Writes `bytes` from byte `offset` of the guest's memory on. */
  write(offset: number, bytes: Uint8Array): void {
    const { memory } = this.#domain.hypervisor;
    for (let done = 0; done < bytes.length; ) {
      const pfn = Math.floor((offset + done) / PAGE_SIZE);
      const mfn = this.#mfnOf(pfn);
      const inPage = (offset + done) % PAGE_SIZE;
      // Frames of a new domain lie in long runs.
      let size = PAGE_SIZE - inPage;
      let frames = 1;
      while (done + size < bytes.length && this.#mfnOf(pfn + frames) === mfn + frames) {
        size += PAGE_SIZE;
        frames++;
      }
      size = Math.min(size, bytes.length - done);
      memory.bytes.set(bytes.subarray(done, done + size), mfn * PAGE_SIZE + inPage);
      for (let i = 0; i < frames; i++) memory.onWrite?.((mfn + i) as Mfn);
      done += size;
    }
  }

  /** Writes page-table entry `slot` of the table in frame `table`: frame `target` with `flags`. */
  writeEntry(table: number, slot: number, target: number, flags: number): void {
    const mfn = this.#mfnOf(target);
    const { view } = this.#domain.hypervisor.memory;
    const at = this.#mfnOf(table) * PAGE_SIZE + slot * 8;
    view.setUint32(at, ((mfn << 12) | flags) >>> 0, true);
    view.setUint32(at + 4, mfn >>> 20, true);
  }
}
