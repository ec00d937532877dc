// FramePage: a guest's page that a service of the host reads and writes. The frame is held as a writable one: the guest can neither
// give it away nor make it a page table before the service lets go.
import { type Domain, PageType } from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { SharedPage } from '../shared-page.js';

export class FramePage implements SharedPage {
  readonly #domain: Domain;
  readonly #mfn: Mfn;
  #isReleased = false;

  private constructor(domain: Domain, mfn: Mfn) {
    this.#domain = domain;
    this.#mfn = mfn;
  }

  /** Null if the frame is not the domain's, or in use as something that may not be written. */
  static hold(domain: Domain, mfn: Mfn): FramePage | null {
    const { types } = domain.hypervisor;
    const status = types.getPageAndType(mfn, domain.id, PageType.writable);
    return status === 0 ? new FramePage(domain, mfn) : null;
  }

  get #base(): number {
    return this.#mfn * PAGE_SIZE;
  }
  #wrote(): void {
    this.#domain.hypervisor.memory.onWrite?.(this.#mfn);
  }

  readU32(offset: number): number {
    return this.#domain.hypervisor.memory.view.getUint32(this.#base + offset, true);
  }
  writeU32(offset: number, value: number): void {
    this.#domain.hypervisor.memory.view.setUint32(this.#base + offset, value, true);
    this.#wrote();
  }
  copyFrom(offset: number, target: Uint8Array): void {
    const from = this.#base + offset;
    target.set(this.#domain.hypervisor.memory.bytes.subarray(from, from + target.length));
  }
  copyTo(offset: number, source: Uint8Array): void {
    this.#domain.hypervisor.memory.bytes.set(source, this.#base + offset);
    this.#wrote();
  }

  /** Lets go of the frame; the page must not be used any more. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#domain.hypervisor.types.putPageAndType(this.#mfn);
  }
}
