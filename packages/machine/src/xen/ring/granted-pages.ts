// GrantedPages: pages a guest grants for longer, seen as one range of bytes: the pages of a ring. The guest changes them at any time.
import type { HostGrants, HostMapping, MachineMemory } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';

export class GrantedPages {
  readonly byteLength: number;
  readonly #grants: HostGrants;
  readonly #memory: MachineMemory;
  readonly #pages: HostMapping[];

  private constructor(grants: HostGrants, memory: MachineMemory, pages: HostMapping[]) {
    this.#grants = grants;
    this.#memory = memory;
    this.#pages = pages;
    this.byteLength = pages.length * PAGE_SIZE;
  }

  /** Maps all of `refs` for writing, in order, or none: null. */
  static map(
    grants: HostGrants,
    memory: MachineMemory,
    ownerId: number,
    refs: readonly number[],
  ): GrantedPages | null {
    const pages: HostMapping[] = [];
    for (const ref of refs) {
      const mapping = grants.map(ownerId, ref, false);
      if (typeof mapping === 'number') {
        for (const done of pages) grants.unmap(done);
        return null;
      }
      pages.push(mapping);
    }
    return new GrantedPages(grants, memory, pages);
  }

  #address(offset: number): number {
    const page = this.#pages[Math.floor(offset / PAGE_SIZE)] as HostMapping;
    return page.mfn * PAGE_SIZE + (offset % PAGE_SIZE);
  }

  /** `offset` is a multiple of 4. */
  readU32(offset: number): number {
    return this.#memory.view.getUint32(this.#address(offset), true);
  }

  /** `offset` is a multiple of 4. */
  writeU32(offset: number, value: number): void {
    this.#memory.view.setUint32(this.#address(offset), value, true);
    this.#noteWrite(offset);
  }

  /** Fills `target` from `offset` on; across pages, as slots of rings of several pages lie. */
  copyFrom(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.byteLength; ) {
      const at = this.#address(offset + done);
      const part = Math.min(target.byteLength - done, PAGE_SIZE - (at % PAGE_SIZE));
      target.set(this.#memory.bytes.subarray(at, at + part), done);
      done += part;
    }
  }

  /** Writes `source` from `offset` on. */
  copyTo(offset: number, source: Uint8Array): void {
    for (let done = 0; done < source.byteLength; ) {
      const at = this.#address(offset + done);
      const part = Math.min(source.byteLength - done, PAGE_SIZE - (at % PAGE_SIZE));
      this.#memory.bytes.set(source.subarray(done, done + part), at);
      this.#noteWrite(offset + done);
      done += part;
    }
  }

  #noteWrite(offset: number): void {
    const page = this.#pages[Math.floor(offset / PAGE_SIZE)] as HostMapping;
    this.#memory.onWrite?.(page.mfn);
  }

  /** Unmaps them all; not to be used after. */
  release(): void {
    for (const page of this.#pages.splice(0)) this.#grants.unmap(page);
  }
}
