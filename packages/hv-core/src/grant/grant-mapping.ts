// GrantMappings: a domain maps and unmaps pages granted to it: into its P2M, or into a page-table entry of its own.
// A mapping for CPUs holds a reference to the frame (and a writable type reference unless read only), which the entry it was put into
// gives back when it goes; a mapping for devices holds the same for itself.
import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST_bad_dev_addr,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_handle,
  GNTST_general_error,
  GNTST_no_device_space,
  GNTST_okay,
} from '@proxeny/abi';
import { type Gfn, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { PageType } from '../frame/frame-table.js';
import { P2mKind } from '../frame/p2m.js';
import {
  ENTRY_BYTES,
  entryHigh,
  entryLow,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_USER,
  PTE_WRITABLE,
} from '../frame/page-table-entry.js';
import type { Vcpu } from '../vcpu.js';
import type { GrantMapping } from './map-track.js';

/** What `map` answers, besides its status. */
export interface MapResult {
  handle: number;
  mfn: Mfn;
}

/** A page-table entry: its table and slot. */
interface EntryPlace {
  readonly table: Mfn;
  readonly slot: number;
}

/** The references a mapping holds; false, and none taken, if the frame cannot be used so. */
export function takeFrame(domain: Domain, mfn: Mfn, isReadOnly: boolean): boolean {
  const { frames, types } = domain.hypervisor;
  if (!frames.getPage(mfn, domain.id)) return false;
  if (isReadOnly || types.getType(mfn, PageType.writable) === 0) return true;
  frames.putPage(mfn);
  return false;
}

export function giveFrame(domain: Domain, mfn: Mfn, isReadOnly: boolean): void {
  const { frames, types } = domain.hypervisor;
  if (isReadOnly) frames.putPage(mfn);
  else types.putPageAndType(mfn);
}

/** Where a page-table guest wants the mapping; null if that is no L1 entry of its own. */
function findEntry(vcpu: Vcpu, address: number, containsPte: boolean): EntryPlace | null {
  const { frames, types } = vcpu.domain.hypervisor;
  let place: EntryPlace;
  if (containsPte) {
    if (address % ENTRY_BYTES !== 0) return null;
    const table = Math.floor(address / PAGE_SIZE) as Mfn;
    place = { table, slot: (address % PAGE_SIZE) / ENTRY_BYTES };
  } else {
    const table = vcpu.pageWalk?.findL1(address, false) ?? -1;
    if (table === -1) return null;
    place = { table, slot: Math.floor(address / PAGE_SIZE) & 511 };
  }
  const isOwn = frames.isOwnedBy(place.table, vcpu.domain.id);
  return isOwn && types.isValidated(place.table, PageType.l1) ? place : null;
}

/** Maps grant `ref` of domain `ownerId`; GNTST_*, and on GNTST_okay `out` is filled in. */
export function mapGrant(
  vcpu: Vcpu,
  ownerId: number,
  ref: number,
  flags: number,
  hostAddress: number,
  out: MapResult,
): number {
  const { domain } = vcpu;
  const isHost = (flags & GNTMAP_host_map) !== 0;
  const isDevice = (flags & GNTMAP_device_map) !== 0;
  const isReadOnly = (flags & GNTMAP_readonly) !== 0;
  const containsPte = (flags & GNTMAP_contains_pte) !== 0;
  if (!isHost && !isDevice) return GNTST_bad_gntref;
  const forPageTables = GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte;
  if (domain.p2m && (flags & forPageTables) !== 0) return GNTST_general_error;
  const owner = domain.hypervisor.domain(ownerId);
  if (!owner) return GNTST_bad_domain;
  if (domain.grants.mappings.isFull) return GNTST_no_device_space;
  const mfn = owner.grants.check(ref, domain.id, !isReadOnly);
  if (mfn < 0) return mfn;
  const place = isHost && !domain.p2m ? findEntry(vcpu, hostAddress, containsPte) : null;
  const gfn = isHost && domain.p2m ? Math.floor(hostAddress / PAGE_SIZE) : -1;
  if (isHost && (domain.p2m ? !canHold(domain, gfn) : !place)) return GNTST_general_error;

  if (isHost && !takeFrame(owner, mfn as Mfn, isReadOnly)) return GNTST_general_error;
  if (isDevice && !takeFrame(owner, mfn as Mfn, isReadOnly)) {
    if (isHost) giveFrame(owner, mfn as Mfn, isReadOnly);
    return GNTST_general_error;
  }
  if (place) putEntry(domain, place, mfn as Mfn, flags);
  if (gfn >= 0) putGfn(domain, gfn as Gfn, mfn as Mfn, isReadOnly);
  owner.grants.pin(ref, domain.id, mfn as Mfn, !isReadOnly);
  const mapping = domain.grants.mappings.add({
    owner,
    ref,
    mfn: mfn as Mfn,
    isReadOnly,
    isHost,
    isDevice,
    hostAddress,
    containsPte,
  });
  out.handle = mapping.handle;
  out.mfn = mfn as Mfn;
  return GNTST_okay;
}

/** A guest frame that is empty or memory, and not itself a grant. */
function canHold(domain: Domain, gfn: number): boolean {
  const kind = domain.p2m?.kindOf(gfn);
  if (kind === P2mKind.none) return gfn >= 0 && gfn < (domain.p2m?.frameLimit ?? 0);
  return kind === P2mKind.ram;
}

/** Memory that was at the guest frame stays the domain's, but it sees it no more. */
function putGfn(domain: Domain, gfn: Gfn, mfn: Mfn, isReadOnly: boolean): void {
  domain.p2m?.clear(gfn);
  domain.p2m?.set(gfn, mfn, isReadOnly ? P2mKind.grantReadOnly : P2mKind.grantWritable);
}

function putEntry(domain: Domain, place: EntryPlace, mfn: Mfn, flags: number): void {
  let bits = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
  if ((flags & GNTMAP_readonly) === 0) bits |= PTE_WRITABLE;
  if ((flags & GNTMAP_application_map) !== 0) bits |= PTE_USER;
  // GNTMAP_guest_avail0 on: three bits at 9, the others at 53.
  bits |= ((flags >>> 16) & 7) << 9;
  const high = (entryHigh(mfn) | (((flags >>> 19) & 0x1ff) << 21)) >>> 0;
  domain.hypervisor.pageTables.putForeign(
    place.table,
    place.slot,
    entryLow(mfn, bits),
    high,
    domain.word,
  );
}

/** Undoes what addresses name of mapping `handle`; GNTST_*. */
export function unmapGrant(
  vcpu: Vcpu,
  handle: number,
  hostAddress: number,
  deviceAddress: number,
): number {
  const { domain } = vcpu;
  const mapping = domain.grants.mappings.get(handle);
  if (!mapping) return GNTST_bad_handle;
  const endsHost = hostAddress !== 0 && mapping.isHost;
  const endsDevice = deviceAddress !== 0 && mapping.isDevice;
  if (endsDevice && deviceAddress !== mapping.mfn * PAGE_SIZE) return GNTST_bad_dev_addr;
  if (endsHost && !takeOut(vcpu, mapping, hostAddress)) return GNTST_general_error;
  if (endsHost) {
    mapping.isHost = false;
    giveFrame(mapping.owner, mapping.mfn, mapping.isReadOnly);
  }
  if (endsDevice) {
    mapping.isDevice = false;
    giveFrame(mapping.owner, mapping.mfn, mapping.isReadOnly);
  }
  if (!mapping.isHost && !mapping.isDevice) {
    mapping.owner.grants.unpin(mapping.ref, !mapping.isReadOnly);
    domain.grants.mappings.remove(mapping);
  }
  return GNTST_okay;
}

/** Takes a mapping out of the P2M or the page table; false if it is not there. Its references pass to the caller. */
function takeOut(vcpu: Vcpu, mapping: GrantMapping, hostAddress: number): boolean {
  const { domain } = vcpu;
  if (domain.p2m) {
    const gfn = Math.floor(hostAddress / PAGE_SIZE);
    const expected = mapping.isReadOnly ? P2mKind.grantReadOnly : P2mKind.grantWritable;
    if (domain.p2m.kindOf(gfn) !== expected || domain.p2m.mfnOf(gfn) !== mapping.mfn) return false;
    domain.p2m.forget(gfn as Gfn);
    return true;
  }
  const place = findEntry(vcpu, hostAddress, mapping.containsPte);
  if (!place) return false;
  const { pageTables } = domain.hypervisor;
  return pageTables.takeForeign(place.table, place.slot, mapping.mfn, mapping.isReadOnly);
}

/**
 * Lets go of everything a dying domain maps. What P2M and page tables hold they give back themselves: a guest may have undone a mapping
 * through another's address, so a mapping does not know where its entry is.
 */
export function releaseMappings(domain: Domain): void {
  for (const mapping of domain.grants.mappings.all()) {
    if (mapping.isDevice) giveFrame(mapping.owner, mapping.mfn, mapping.isReadOnly);
    mapping.owner.grants.unpin(mapping.ref, !mapping.isReadOnly);
    domain.grants.mappings.remove(mapping);
  }
}
