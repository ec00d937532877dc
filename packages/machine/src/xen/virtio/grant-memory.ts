// GrantMemory: what a virtio device sees of a guest that is on a channel: the pages that it grants, and nothing else. Byte `offset` of the
// page granted as `ref` has the address ref × 4096 + offset; a range ends within its page. A page is mapped from the first view of it
// to the last one's release, and so often only: the guest can end a grant when the device is done with it.
import type { HostGrants, HostMapping, MachineMemory } from '@proxeny/hv-core';
import { type Gpa, PAGE_SIZE } from '@proxeny/memory';
import { type DeviceMemory, VIRTIO_CHANNEL_GRANT_BYTES } from '@proxeny/virtio';

const MAX_GRANT_REF = 0xffff_ffff;

/** A mapped page, and how many views there are of it. */
interface LentPage {
  readonly mapping: HostMapping;
  viewCount: number;
}

export class GrantMemory implements DeviceMemory {
  readonly #grants: HostGrants;
  readonly #memory: MachineMemory;
  readonly #guestId: number;
  readonly #maxPages: number;
  /** By reference; a page that is only read is mapped for reading, beside a mapping for writing. */
  readonly #pages: Record<'read' | 'write', Map<number, LentPage>> = {
    read: new Map(),
    write: new Map(),
  };

  /** @param maxPages pages that may be mapped at once; beyond, there is no memory */
  constructor(grants: HostGrants, memory: MachineMemory, guestId: number, maxPages: number) {
    this.#grants = grants;
    this.#memory = memory;
    this.#guestId = guestId;
    this.#maxPages = maxPages;
  }

  /** Mapped pages. */
  get pageCount(): number {
    return this.#pages.read.size + this.#pages.write.size;
  }

  view(at: Gpa, byteLength: number, isReadOnly = false): Uint8Array | null {
    const ref = Math.floor(at / VIRTIO_CHANNEL_GRANT_BYTES);
    const offset = at % VIRTIO_CHANNEL_GRANT_BYTES;
    if (ref > MAX_GRANT_REF || offset + byteLength > VIRTIO_CHANNEL_GRANT_BYTES) return null;
    const page = this.#page(ref, isReadOnly);
    if (page === null) return null;
    page.viewCount++;
    const start = page.mapping.mfn * PAGE_SIZE + offset;
    return this.#memory.bytes.subarray(start, start + byteLength);
  }

  written(at: Gpa): void {
    const page = this.#pages.write.get(Math.floor(at / VIRTIO_CHANNEL_GRANT_BYTES));
    if (page) this.#memory.onWrite?.(page.mapping.mfn);
  }

  release(at: Gpa, _byteLength: number, isReadOnly: boolean): void {
    const pages = this.#pages[isReadOnly ? 'read' : 'write'];
    const ref = Math.floor(at / VIRTIO_CHANNEL_GRANT_BYTES);
    const page = pages.get(ref);
    if (!page || --page.viewCount > 0) return;
    pages.delete(ref);
    this.#grants.unmap(page.mapping);
  }

  #page(ref: number, isReadOnly: boolean): LentPage | null {
    const pages = this.#pages[isReadOnly ? 'read' : 'write'];
    const lent = pages.get(ref);
    if (lent) return lent;
    if (this.pageCount >= this.#maxPages) return null;
    const mapping = this.#grants.map(this.#guestId, ref, isReadOnly);
    if (typeof mapping === 'number') return null;
    const page = { mapping, viewCount: 0 };
    pages.set(ref, page);
    return page;
  }
}
