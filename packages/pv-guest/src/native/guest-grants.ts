// GuestGrants: a native kernel's grant table, version 1: pages it lets another domain use. grant_table.h.
import {
  DOMID_SELF,
  GNTTAB_NR_RESERVED_ENTRIES,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_writing,
  grant_entry_v1,
  XENMAPSPACE_grant_table,
  XENMEM_add_to_physmap,
  xen_add_to_physmap,
} from '@proxeny/abi';
import type { NativeCode } from './native-code.js';
import type { NativeGuest } from './native-guest.js';

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;

export class GuestGrants {
  readonly #guest: NativeGuest;
  readonly #table: number;
  readonly #count: number;
  #next: number = GNTTAB_NR_RESERVED_ENTRIES;
  readonly #free: number[] = [];

  private constructor(guest: NativeGuest, table: number, count: number) {
    this.#guest = guest;
    this.#table = table;
    this.#count = count;
  }

  /** Maps `pages` pages of the table at free pages of a translated guest, from `address` on. */
  static *setUp(guest: NativeGuest, address: number, pages = 1): NativeCode<GuestGrants> {
    for (let page = 0; page < pages; page++) {
      const { result } = yield* guest.memoryOp(XENMEM_add_to_physmap, xen_add_to_physmap, {
        domid: DOMID_SELF,
        space: XENMAPSPACE_grant_table,
        idx: page,
        gpfn: address / PAGE_BYTES + page,
      });
      if (result !== 0) throw new Error(`the grant table cannot be mapped: ${result}`);
    }
    return new GuestGrants(guest, address, (pages * PAGE_BYTES) / ENTRY_BYTES);
  }

  /** Lets `domain` use the page at `address`; the grant's reference. */
  grant(domain: number, address: number, isReadOnly = false): number {
    const ref = this.#free.pop() ?? this.#next++;
    if (ref >= this.#count) throw new Error(`all ${this.#count} grants are in use`);
    const { fields } = grant_entry_v1.of(64);
    const entry = new DataView(new ArrayBuffer(ENTRY_BYTES));
    fields.domid.set(entry, 0, domain);
    fields.frame.set(entry, 0, address / PAGE_BYTES);
    fields.flags.set(entry, 0, GTF_permit_access | (isReadOnly ? GTF_readonly : 0));
    this.#guest.write(this.#table + ref * ENTRY_BYTES, new Uint8Array(entry.buffer));
    return ref;
  }

  /** Whether the other domain holds it at the moment. */
  isInUse(ref: number): boolean {
    const flags = this.#guest.read32(this.#table + ref * ENTRY_BYTES) & 0xffff;
    return (flags & (GTF_reading | GTF_writing)) !== 0;
  }

  /** Ends a grant; false, and nothing done, while it is in use. */
  end(ref: number): boolean {
    if (this.isInUse(ref)) return false;
    this.#guest.write(this.#table + ref * ENTRY_BYTES, new Uint8Array(ENTRY_BYTES));
    this.#free.push(ref);
    return true;
  }
}
