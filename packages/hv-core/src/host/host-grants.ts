// HostGrants: pages that guests grant to a domain whose devices run in the host. The host reads and writes frames directly, so a mapping
// needs no address: it is a mapping for devices of that domain, and holds the frame until it is let go, whatever the guest does.
import {
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_general_error,
  GNTST_no_device_space,
  GNTST_okay,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { PageType } from '../frame/frame-table.js';
import { resolveGrant } from '../grant/grant-copy.js';
import { giveFrame, takeFrame } from '../grant/grant-mapping.js';
import type { GrantMapping } from '../grant/map-track.js';

/** A granted page the host holds. */
export type HostMapping = Pick<GrantMapping, 'handle' | 'mfn' | 'isReadOnly' | 'ref'>;

export class HostGrants {
  readonly #domain: Domain;

  /** @param domain the grantee: the domain the devices belong to. */
  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Mappings held at the moment. */
  get count(): number {
    return this.#domain.grants.mappings.count;
  }

  /** Maps grant `ref` of domain `ownerId`: the mapping, or a negative GNTST_*. */
  map(ownerId: number, ref: number, isReadOnly: boolean): HostMapping | number {
    const domain = this.#domain;
    const owner = domain.hypervisor.domain(ownerId);
    if (!owner) return GNTST_bad_domain;
    if (domain.grants.mappings.isFull) return GNTST_no_device_space;
    const found = owner.grants.check(ref, domain.id, !isReadOnly);
    if (found < 0) return found;
    const mfn = found as Mfn;
    if (!takeFrame(owner, mfn, isReadOnly)) return GNTST_general_error;
    owner.grants.pin(ref, domain.id, mfn, !isReadOnly);
    return domain.grants.mappings.add({
      owner,
      ref,
      mfn,
      isReadOnly,
      isHost: false,
      isDevice: true,
      hostAddress: 0,
      containsPte: false,
    });
  }

  /** Lets go. A mapping that is gone already, with the devices' domain, is left alone. */
  unmap(mapping: HostMapping): void {
    const { mappings } = this.#domain.grants;
    const held = mappings.get(mapping.handle);
    if (!held || held !== mapping) return;
    giveFrame(held.owner, held.mfn, held.isReadOnly);
    held.owner.grants.unpin(held.ref, !held.isReadOnly);
    mappings.remove(held);
  }

  /** Fills `target` from a granted page, from byte `offset` on, without keeping it; GNTST_*. */
  copyFrom(ownerId: number, ref: number, offset: number, target: Uint8Array): number {
    const at = this.#address(ownerId, ref, offset, target.byteLength, false);
    if (at < 0) return at;
    target.set(this.#domain.hypervisor.memory.bytes.subarray(at, at + target.byteLength));
    return GNTST_okay;
  }

  /** Writes `source` to a granted page, from byte `offset` on, without keeping it; GNTST_*. */
  copyTo(ownerId: number, ref: number, offset: number, source: Uint8Array): number {
    const at = this.#address(ownerId, ref, offset, source.byteLength, true);
    if (at < 0) return at;
    const { memory } = this.#domain.hypervisor;
    memory.bytes.set(source, at);
    memory.onWrite?.(Math.floor(at / PAGE_SIZE) as Mfn);
    return GNTST_okay;
  }

  /** Where in the machine's memory a range of a granted page is; or GNTST_*. */
  #address(ownerId: number, ref: number, offset: number, length: number, isWrite: boolean): number {
    if (offset < 0 || offset + length > PAGE_SIZE) return GNTST_bad_copy_arg;
    const { hypervisor, id } = this.#domain;
    const owner = hypervisor.domain(ownerId);
    if (!owner) return GNTST_bad_domain;
    const page = resolveGrant(owner, ref, id, isWrite, true);
    if (typeof page === 'number') return page;
    if (offset < page.start || offset + length > page.end) return GNTST_general_error;
    if (isWrite) {
      // Nothing of the guest's runs before the copy is over, so the type needs only to be looked at.
      const status = hypervisor.types.getPageAndType(page.mfn, page.owner.id, PageType.writable);
      if (status !== 0) return GNTST_general_error;
      hypervisor.types.putPageAndType(page.mfn);
    }
    return page.mfn * PAGE_SIZE + offset;
  }
}
