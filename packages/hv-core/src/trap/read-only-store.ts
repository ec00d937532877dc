// Writable page tables: a kernel's store to an L1 table that it has mapped read only is done through the checks of mmu_update. The CPU
// has seen that the page is not writable and asks here before it raises a page fault; what the guest cannot have becomes that fault.
// Stores are naturally aligned and of 8 bytes at most; a smaller one changes part of an entry. vm_assist, VMASST_TYPE_writable_pagetables.
import { VMASST_TYPE_writable_pagetables } from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { PageType } from '../frame/frame-table.js';
import { ENTRY_BYTES, entryMfn, PTE_PRESENT, PTE_WRITABLE } from '../frame/page-table-entry.js';
import type { Vcpu } from '../vcpu.js';

/** Whether the store was one to a page table, and is done. */
export function storeReadOnly(
  vcpu: Vcpu,
  address: number,
  size: number,
  low: number,
  high: number,
): boolean {
  const domain = vcpu.domain;
  const walk = vcpu.pageWalk;
  if (!walk || !domain.assists.has(VMASST_TYPE_writable_pagetables)) return false;
  if (size > ENTRY_BYTES || (size & (size - 1)) !== 0 || address % size !== 0) return false;
  const hypervisor = domain.hypervisor;
  const view = hypervisor.memory.view;
  const l1 = walk.findL1(address, false);
  if (l1 === -1) return false;
  const page = Math.floor(address / PAGE_SIZE);
  const at = l1 * PAGE_SIZE + (page & 511) * ENTRY_BYTES;
  const mapping = view.getUint32(at, true);
  if ((mapping & (PTE_PRESENT | PTE_WRITABLE)) !== PTE_PRESENT) return false;
  const table = entryMfn(mapping, view.getUint32(at + 4, true));
  if (!hypervisor.frames.isOwnedBy(table, domain.id)) return false;
  if (!hypervisor.types.isValidated(table, PageType.l1)) return false;

  const offset = address - page * PAGE_SIZE;
  const slot = offset >>> 3;
  const entry = table * PAGE_SIZE + slot * ENTRY_BYTES;
  let newLow = low >>> 0;
  let newHigh = high >>> 0;
  if (size < ENTRY_BYTES) {
    newLow = view.getUint32(entry, true);
    newHigh = view.getUint32(entry + 4, true);
    const shift = (offset & 3) * 8;
    const mask = size === 4 ? -1 : ((1 << (size * 8)) - 1) << shift;
    if ((offset & 4) === 0) newLow = ((newLow & ~mask) | ((low << shift) & mask)) >>> 0;
    else newHigh = ((newHigh & ~mask) | ((low << shift) & mask)) >>> 0;
  }
  const tables = hypervisor.pageTables;
  if (tables.update(table, slot, newLow, newHigh, domain.id, false) === 0) return true;
  // A PAE guest may write the halves of an entry the wrong way round: until the low one comes, the entry is not there.
  if (domain.word === 64 || size !== 4 || (offset & 4) === 0) return false;
  return tables.update(table, slot, (newLow & ~PTE_PRESENT) >>> 0, newHigh, domain.id, false) === 0;
}
