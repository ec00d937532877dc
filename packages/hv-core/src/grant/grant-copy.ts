// GrantCopy: copies bytes between two pages, each granted or the caller's own. Grants may be parts of pages, or stand for a grant of a
// third domain (version 2). A copy is over at once, so nothing needs to stay pinned.
import {
  DOMID_SELF,
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GTF_permit_access,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { PageType } from '../frame/frame-table.js';

/** One end of a copy. */
export interface CopyEnd {
  readonly isGrant: boolean;
  /** The grant, or the caller's frame. */
  readonly frame: number;
  readonly domain: number;
  readonly offset: number;
}

/** A page that may be used, and which of its bytes. */
export interface CopyPage {
  readonly owner: Domain;
  readonly mfn: Mfn;
  readonly start: number;
  readonly end: number;
}

function resolve(caller: Domain, end: CopyEnd, isWrite: boolean): CopyPage | number {
  if (!end.isGrant) {
    if (end.domain !== DOMID_SELF) return GNTST_permission_denied;
    const mfn = caller.findOwnFrame(end.frame);
    return mfn === -1 ? GNTST_bad_page : { owner: caller, mfn, start: 0, end: PAGE_SIZE };
  }
  const owner = end.domain === DOMID_SELF ? caller : caller.hypervisor.domain(end.domain);
  if (!owner) return GNTST_bad_domain;
  return resolveGrant(owner, end.frame, caller.id, isWrite, true);
}

/** The page and bytes that entry `ref` of `owner` lets `grantee` use, or a GNTST_* error. */
export function resolveGrant(
  owner: Domain,
  ref: number,
  grantee: number,
  isWrite: boolean,
  mayBeTransitive: boolean,
): CopyPage | number {
  const { entries } = owner.grants;
  if (ref >= entries.count) return GNTST_bad_gntref;
  const flags = entries.flags(ref);
  const type = flags & GTF_type_mask;
  const isV2 = entries.version === 2;
  const isTransitive = isV2 && type === GTF_transitive;
  const isPart = isV2 && type === GTF_permit_access && (flags & GTF_sub_page) !== 0;
  if (!isTransitive && !isPart) {
    const mfn = owner.grants.check(ref, grantee, isWrite);
    return mfn < 0 ? mfn : { owner, mfn: mfn as Mfn, start: 0, end: PAGE_SIZE };
  }
  if (entries.grantee(ref) !== grantee) return GNTST_general_error;
  if (isWrite && (flags & GTF_readonly) !== 0) return GNTST_general_error;
  if (isTransitive) {
    if (!mayBeTransitive) return GNTST_general_error;
    const further = entries.transitive(ref);
    const third = owner.hypervisor.domain(further.domain);
    if (!third || third === owner) return GNTST_general_error;
    return resolveGrant(third, further.ref, owner.id, isWrite, false);
  }
  const mfn = owner.findOwnFrame(entries.frame(ref));
  if (mfn === -1) return GNTST_bad_page;
  const { start, length } = entries.range(ref);
  return { owner, mfn, start, end: Math.min(PAGE_SIZE, start + length) };
}

/** Copies `length` bytes; GNTST_*. */
export function copyGrant(caller: Domain, from: CopyEnd, to: CopyEnd, length: number): number {
  if (from.offset + length > PAGE_SIZE || to.offset + length > PAGE_SIZE) return GNTST_bad_copy_arg;
  const source = resolve(caller, from, false);
  if (typeof source === 'number') return source;
  const target = resolve(caller, to, true);
  if (typeof target === 'number') return target;
  if (from.offset < source.start || from.offset + length > source.end) return GNTST_general_error;
  if (to.offset < target.start || to.offset + length > target.end) return GNTST_general_error;
  const { types, memory } = caller.hypervisor;
  // A page table is no place for data, whoever granted it.
  const status = types.getPageAndType(target.mfn, target.owner.id, PageType.writable);
  if (status !== 0) return GNTST_general_error;
  const at = source.mfn * PAGE_SIZE + from.offset;
  memory.bytes.copyWithin(target.mfn * PAGE_SIZE + to.offset, at, at + length);
  memory.onWrite?.(target.mfn);
  types.putPageAndType(target.mfn);
  return GNTST_okay;
}
