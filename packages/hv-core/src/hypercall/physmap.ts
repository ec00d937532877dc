// memory_op: add_to_physmap and remove_from_physmap: what a translated guest sees at a guest frame. memory.h, XENMAPSPACE_*.
import {
  MEMOP_EXTENT_SHIFT,
  XEN_EACCES,
  XEN_EILSEQ,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  xen_add_to_physmap,
  xen_remove_from_physmap,
} from '@proxeny/abi';
import type { Gfn, Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { FRAME_SHARED } from '../frame/frame-table.js';
import { P2mKind } from '../frame/p2m.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';
import { removeFrame } from './reservation.js';

/** What a page costs, in page-table entries. */
const PAGE_WORK = 16;

/** A frame of the domain's grant table, which grows for it; -1 if there is none of that number. */
function grantFrame(domain: Domain, index: number): Mfn | -1 {
  const { entries } = domain.grants;
  if (index >= XENMAPIDX_grant_table_status) {
    return entries.statusFrames[index - XENMAPIDX_grant_table_status] ?? -1;
  }
  if (index < entries.frames.length) return entries.frames[index] as Mfn;
  return index < domain.limits.maxGrantFrames && domain.grants.grow(index + 1)
    ? (entries.frames[index] as Mfn)
    : -1;
}

/** What is at the target goes: memory is freed, a page of the hypervisor's is no longer seen. Grants stay in the way. */
function makeRoom(domain: Domain, gfn: number): boolean {
  const kind = domain.p2m?.kindOf(gfn);
  if (kind === P2mKind.none) return true;
  return kind === P2mKind.ram && removeFrame(domain, gfn);
}

/** Shows a page of the hypervisor's at `gfn`, and nowhere else. */
function showShared(domain: Domain, gfn: number, mfn: Mfn): number {
  const { frames, m2p } = domain.hypervisor;
  const before = m2p.get(mfn);
  if (before === gfn && domain.p2m?.mfnOf(gfn) === mfn) return 0;
  if (!makeRoom(domain, gfn)) return -XEN_EINVAL;
  if (domain.p2m?.mfnOf(before) === mfn) domain.p2m.clear(before as Gfn);
  frames.getAgain(mfn);
  domain.p2m?.set(gfn as Gfn, mfn, P2mKind.ram);
  m2p.set(mfn, gfn);
  return 0;
}

/** Moves memory from one guest frame to another. */
function moveMemory(domain: Domain, from: number, to: number): number {
  const { p2m } = domain;
  if (!p2m || p2m.kindOf(from) !== P2mKind.ram) return -XEN_EINVAL;
  const mfn = p2m.mfnOf(from) as Mfn;
  if (from === to) return 0;
  if (!makeRoom(domain, to)) return -XEN_EINVAL;
  p2m.forget(from as Gfn);
  p2m.set(to as Gfn, mfn, P2mKind.ram);
  domain.hypervisor.m2p.set(mfn, to);
  return 0;
}

/** What adding one page comes to: an errno, or the change. */
export function planPage(
  call: HypercallFrame,
  target: Domain,
  space: number,
  index: number,
  gfn: number,
): Decoded {
  const { p2m } = target;
  if (!p2m) return -XEN_EACCES;
  const kind = p2m.kindOf(gfn);
  if (gfn >= p2m.frameLimit) return -XEN_EINVAL;
  if (kind === P2mKind.grantReadOnly || kind === P2mKind.grantWritable) return -XEN_EINVAL;
  switch (space) {
    case XENMAPSPACE_shared_info:
      if (index !== 0) return -XEN_EINVAL;
      return () => showShared(target, gfn, target.sharedInfoFrame);
    case XENMAPSPACE_grant_table: {
      const isStatus = index >= XENMAPIDX_grant_table_status;
      const { entries } = target.grants;
      const number = isStatus ? index - XENMAPIDX_grant_table_status : index;
      const room = isStatus ? entries.statusFrames.length : target.limits.maxGrantFrames;
      const isThere = number < (isStatus ? room : entries.frames.length);
      const missing = isThere ? 0 : number + 1 - entries.frames.length;
      // Version 2 needs a status frame for each eight frames besides.
      if (number >= room || missing * 2 > call.hypervisor.frames.freeCount) return -XEN_EINVAL;
      return () => {
        const mfn = grantFrame(target, index);
        return mfn === -1 ? -XEN_EINVAL : showShared(target, gfn, mfn);
      };
    }
    case XENMAPSPACE_gmfn:
      if (p2m.kindOf(index) !== P2mKind.ram) return -XEN_EINVAL;
      return () => moveMemory(target, index, gfn);
    default:
      return -XEN_EINVAL;
  }
}

/** `start` pages of a range are done already. */
export function addToPhysmap(call: HypercallFrame, start: number): Decoded {
  const { fields } = xen_add_to_physmap.of(call.word);
  const space = fields.space.get(call.view);
  if (space === XENMAPSPACE_gmfn_foreign) return -XEN_ENOSYS; // by add_to_physmap_batch only
  const target = findTarget(call.domain, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  if (!target.p2m || space === XENMAPSPACE_dev_mmio) return -XEN_EACCES;
  const index = fields.idx.get(call.view);
  const gfn = fields.gpfn.get(call.view);
  if (space !== XENMAPSPACE_gmfn_range) return planPage(call, target, space, index, gfn);
  const size = fields.size.get(call.view);
  if (size < start) return -XEN_EILSEQ;
  return () => {
    for (let done = start; done < size; done++) {
      if (done > start && call.spend(PAGE_WORK)) {
        call.setArgument(0, XENMEM_add_to_physmap + done * 2 ** MEMOP_EXTENT_SHIFT);
        return call.restart();
      }
      const planned = planPage(call, target, XENMAPSPACE_gmfn, index + done, gfn + done);
      const status = typeof planned === 'number' ? planned : planned();
      if (status !== 0) return status;
    }
    return 0;
  };
}

export function removeFromPhysmap(call: HypercallFrame): Decoded {
  const { fields } = xen_remove_from_physmap.of(call.word);
  const target = findTarget(call.domain, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  const { p2m } = target;
  if (!p2m) return -XEN_EACCES;
  const gfn = fields.gpfn.get(call.view);
  const mfn = p2m.mfnOf(gfn);
  if (mfn === -1) return -XEN_ENOENT;
  if (p2m.kindOf(gfn) !== P2mKind.ram) return -XEN_EINVAL;
  return () => {
    const { frames, m2p } = call.hypervisor;
    if (((frames.flags[mfn] as number) & FRAME_SHARED) === 0)
      m2p.set(mfn, Number.POSITIVE_INFINITY);
    p2m.clear(gfn as Gfn);
    return 0;
  };
}
