// mmu_update and update_va_mapping: checked changes of page-table entries, and of the M2P. xen.h. The rules are in frame/page-type.ts.
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_update_va_mapping,
  __HYPERVISOR_update_va_mapping_otherdomain,
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  mmu_update,
  UVMF_ALL,
  UVMF_FLUSHTYPE_MASK,
  UVMF_INVLPG,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { PageType } from '../frame/frame-table.js';
import { ENTRY_BYTES } from '../frame/page-table-entry.js';
import { flushTranslations } from './flush.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { checkOwners, checkPageOwner } from './page-table-owner.js';
import { decodeRequests } from './request-list.js';

/** Writes an entry where `ptr` says, by what the frame there is. */
function updateEntry(
  call: HypercallFrame,
  ptr: number,
  low: number,
  high: number,
  preserveAccessed: boolean,
): number {
  const { frames, types, pageTables, memory } = call.hypervisor;
  const { id } = call.domain;
  const mfn = Math.floor(ptr / PAGE_SIZE);
  if (!frames.getPage(mfn, id)) return -XEN_EINVAL;
  const slot = Math.floor((ptr % PAGE_SIZE) / ENTRY_BYTES);
  const type = types.typeOf(mfn);
  let status = -XEN_EINVAL;
  if (type === PageType.none || type === PageType.writable) {
    // No page table: an ordinary store, if the frame may be written at all.
    status = types.getType(mfn, PageType.writable);
    if (status === 0) {
      memory.view.setUint32(mfn * PAGE_SIZE + slot * ENTRY_BYTES, low, true);
      memory.view.setUint32(mfn * PAGE_SIZE + slot * ENTRY_BYTES + 4, high, true);
      memory.onWrite?.(mfn as never);
      types.putType(mfn);
    }
  } else if (type !== PageType.segmentDescriptors) {
    status = pageTables.update(mfn, slot, low, high, id, preserveAccessed);
  }
  frames.putPage(mfn);
  return status;
}

function performUpdate(call: HypercallFrame): number {
  const { fields } = mmu_update.of(call.word);
  const ptr = fields.ptr.get(call.view);
  const command = fields.ptr.getLow(call.view) & (ENTRY_BYTES - 1);
  const low = fields.val.getLow(call.view);
  const high = fields.val.getHigh(call.view);
  switch (command) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
      return updateEntry(call, ptr, low, high, false);
    case MMU_PT_UPDATE_PRESERVE_AD:
      return updateEntry(call, ptr, low, high, true);
    case MMU_MACHPHYS_UPDATE: {
      const mfn = Math.floor(ptr / PAGE_SIZE);
      if (!call.hypervisor.frames.isOwnedBy(mfn, call.domain.id)) return -XEN_EINVAL;
      call.hypervisor.m2p.set(mfn, high === 0 ? low : Number.POSITIVE_INFINITY);
      return 0;
    }
    default:
      return -XEN_ENOSYS;
  }
}

export const mmuUpdate: Hypercall = {
  number: __HYPERVISOR_mmu_update,
  name: 'mmu_update',
  arguments: 4,
  decode: (call) => {
    const owner = checkOwners(call, call.uint(3));
    if (owner !== 0) return owner;
    return decodeRequests(call, mmu_update.of(call.word).byteLength, performUpdate);
  },
};

/** Arguments: va, val (two registers of a 32-bit guest), flags, and the domain if `isOther`. */
function decodeVaMapping(call: HypercallFrame, isOther: boolean): Decoded {
  const isNarrow = call.word === 32;
  const next = isNarrow ? 3 : 2;
  if (call.domain.p2m) return -XEN_ENOSYS;
  const owner = isOther ? checkPageOwner(call, call.uint(next + 1) & 0xffff) : 0;
  if (owner !== 0) return owner;
  const address = call.pointer(0);
  const low = call.uint(1);
  const high = isNarrow ? call.uint(2) : (call.high[1] as number);
  const flags = call.uint(next);
  const { frames, types, pageTables } = call.hypervisor;
  const table = call.vcpu.pageWalk?.findL1(address, false) ?? -1;
  if (table === -1 || !frames.isOwnedBy(table, call.domain.id)) return -XEN_EINVAL;
  if (!types.isValidated(table, PageType.l1)) return -XEN_EINVAL;
  const slot = Math.floor(address / PAGE_SIZE) & 511;
  return () => {
    const status = pageTables.update(table, slot, low, high, call.domain.id, false);
    if (status === 0 && (flags & UVMF_FLUSHTYPE_MASK) !== 0) {
      const isPage = (flags & UVMF_FLUSHTYPE_MASK) === UVMF_INVLPG;
      flushTranslations(call, (flags & UVMF_ALL) !== 0, isPage ? address : undefined);
    }
    return status;
  };
}

export const updateVaMapping: Hypercall = {
  number: __HYPERVISOR_update_va_mapping,
  name: 'update_va_mapping',
  arguments: 4,
  decode: (call) => decodeVaMapping(call, false),
};

export const updateVaMappingOtherdomain: Hypercall = {
  number: __HYPERVISOR_update_va_mapping_otherdomain,
  name: 'update_va_mapping_otherdomain',
  arguments: 5,
  decode: (call) => decodeVaMapping(call, true),
};
