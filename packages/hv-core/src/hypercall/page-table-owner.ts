// Whose page tables and pages mmu_update and mmuext_op are about: `foreigndom`. Bits 0–15 the owner of the pages, 16–31 the owner of
// the tables plus one. Ours change a domain's own only.
import { DOMID_SELF, XEN_ENOSYS, XEN_EPERM, XEN_ESRCH } from '@proxeny/abi';
import type { HypercallFrame } from './frame.js';

/** 0 if the pages are the caller's own, or an errno. As in Xen the caller names itself by DOMID_SELF only. */
export function checkPageOwner(call: HypercallFrame, id: number): number {
  if (id === DOMID_SELF) return 0;
  const isOther = id !== call.domain.id && call.hypervisor.domain(id) !== undefined;
  return isOther ? -XEN_EPERM : -XEN_ESRCH;
}

/** 0 if pages and page tables are the caller's own, or an errno. */
export function checkOwners(call: HypercallFrame, foreigndom: number): number {
  const { domain, hypervisor } = call;
  if (domain.p2m) return -XEN_ENOSYS; // translated guests have no page tables of ours
  const tables = (foreigndom >>> 16) - 1;
  if (tables !== -1 && tables !== domain.id)
    return hypervisor.domain(tables) ? -XEN_EPERM : -XEN_ESRCH;
  return checkPageOwner(call, foreigndom & 0xffff);
}
