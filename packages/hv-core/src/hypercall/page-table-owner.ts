// Whose page tables and pages mmu_update and mmuext_op are about: `foreigndom`. Bits 0–15 the owner of the pages, 16–31 the owner of
// the tables plus one. Ours change a domain's own only.
import { DOMID_SELF, XEN_ENOSYS, XEN_EPERM, XEN_ESRCH } from '@proxeny/abi';
import type { HypercallFrame } from './frame.js';

/** 0 if the call is about the caller itself, or an errno. */
export function checkOwner(call: HypercallFrame, foreigndom: number): number {
  const { domain, hypervisor } = call;
  if (domain.p2m) return -XEN_ENOSYS; // translated guests have no page tables of ours
  const tables = foreigndom >>> 16;
  const pages = foreigndom & 0xffff;
  for (const id of tables === 0 ? [pages] : [pages, tables - 1]) {
    if (id === DOMID_SELF || id === domain.id) continue;
    return hypervisor.domain(id) ? -XEN_EPERM : -XEN_ESRCH;
  }
  return 0;
}
