// memory_op: reservations, the guest's physical map, and where the M2P is. memory.h. Bits 6 and up of the command say where a long
// operation goes on.
import {
  __HYPERVISOR_memory_op,
  DOMID_SELF,
  MEMOP_CMD_MASK,
  MEMOP_EXTENT_SHIFT,
  memory_ops,
  shared_info,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
  XENMEM_acquire_resource,
  XENMEM_add_to_physmap,
  XENMEM_add_to_physmap_batch,
  XENMEM_claim_pages,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_exchange,
  XENMEM_get_pod_target,
  XENMEM_get_sharing_freed_pages,
  XENMEM_get_sharing_shared_pages,
  XENMEM_get_vnumainfo,
  XENMEM_increase_reservation,
  XENMEM_machine_memory_map,
  XENMEM_machphys_compat_mfn_list,
  XENMEM_machphys_mapping,
  XENMEM_machphys_mfn_list,
  XENMEM_maximum_gpfn,
  XENMEM_maximum_ram_page,
  XENMEM_maximum_reservation,
  XENMEM_memory_map,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  XENMEM_set_memory_map,
  XENMEM_set_pod_target,
  xen_foreign_memory_map,
  xen_machphys_mapping,
  xen_machphys_mfn_list,
  xen_mem_acquire_resource,
  xen_memory_domain,
  xen_memory_map,
  xen_memory_reservation,
  xen_pod_target,
  xen_vnuma_topology_info,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import { HOLE_32_START } from '../frame/page-table-entry.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, DecodeRecord, Hypercall } from './hypercall.js';
import { decodeExchange } from './memory-exchange.js';
import { addToPhysmap, removeFromPhysmap } from './physmap.js';
import { addToPhysmapBatch } from './physmap-batch.js';
import { decodeOperation, subOperations } from './record.js';
import { decodeReservation } from './reservation.js';

/** Size of an e820 entry. */
const E820_BYTES = 20;
/** Where the windows on the M2P end. */
const M2P_END_32 = 0xffe0_0000;
const M2P_END_64_HIGH = 0xffff_8040;
const M2P_ENTRIES_64 = 2 ** 35;

/** As long as Xen keeps one. */
const MAX_E820_ENTRIES = 1024;
/** Operations whose number may carry progress. */
const continued: ReadonlySet<number> = new Set([
  XENMEM_add_to_physmap,
  XENMEM_add_to_physmap_batch,
]);

function startOf(call: HypercallFrame): number {
  return call.uint(0) >>> MEMOP_EXTENT_SHIFT;
}

function findDomain(call: HypercallFrame, id: number): Domain | undefined {
  return id === DOMID_SELF ? call.domain : call.hypervisor.domain(id);
}

/** An operation on one domain that answers with a number. */
function ofDomain(answer: (domain: Domain) => number): DecodeRecord {
  return (call) => {
    const target = findTarget(
      call.domain,
      xen_memory_domain.of(call.word).fields.domid.get(call.view),
    );
    return typeof target === 'number' ? target : answer(target);
  };
}

function maximumGpfn(domain: Domain): number {
  if (domain.p2m) return domain.p2m.highest;
  const { arch } = shared_info.of(64).fields;
  const layout = domain.word === 64 ? arch : shared_info.of(32).fields.arch;
  return layout.fields.max_pfn.get(domain.hypervisor.memory.view, domain.sharedInfo) - 1;
}

function memoryMap(call: HypercallFrame): Decoded {
  const { fields } = xen_memory_map.of(call.word);
  const { memoryMap: map } = call.domain;
  if (!map) return -XEN_ENOSYS;
  const count = Math.min(fields.nr_entries.get(call.view), map.byteLength / E820_BYTES);
  const buffer = call.recordPointer(fields.buffer);
  if (!call.vcpu.access.isAccessible(buffer, count * E820_BYTES, true)) return -XEN_EFAULT;
  return () => {
    call.vcpu.access.copyTo(buffer, map.subarray(0, count * E820_BYTES));
    fields.nr_entries.set(call.view, 0, count);
    return 0;
  };
}

function machphysMapping(call: HypercallFrame): Decoded {
  const { v_start, v_end, max_mfn } = xen_machphys_mapping.of(call.word).fields;
  return () => {
    if (call.word === 32) {
      v_start.set(call.view, 0, HOLE_32_START);
      v_end.set(call.view, 0, M2P_END_32);
      max_mfn.set(call.view, 0, (M2P_END_32 - HOLE_32_START) / 4 - 1);
    } else {
      v_start.setHalves(call.view, 0, 0, 0xffff_8000);
      v_end.setHalves(call.view, 0, 0, M2P_END_64_HIGH);
      max_mfn.set(call.view, 0, M2P_ENTRIES_64 - 1);
    }
    return 0;
  };
}

/** The frames of the M2P table that guests of `word` see. */
function mfnList(call: HypercallFrame, word: 32 | 64): Decoded {
  const { fields } = xen_machphys_mfn_list.of(call.word);
  const extents = call.hypervisor.m2p.extents(word);
  const count = Math.min(fields.max_extents.get(call.view), extents.length);
  const width = call.word / 8;
  const list = call.recordPointer(fields.extent_start);
  if (!call.vcpu.access.isAccessible(list, count * width, true)) return -XEN_EFAULT;
  return () => {
    const bytes = new Uint8Array(count * width);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) view.setUint32(i * width, extents[i] as number, true);
    call.vcpu.access.copyTo(list, bytes);
    fields.nr_extents.set(call.view, 0, count);
    return 0;
  };
}

function setMemoryMap(call: HypercallFrame): Decoded {
  const { domid, map } = xen_foreign_memory_map.of(call.word).fields;
  const count = map.fields.nr_entries.get(call.view);
  if (count > MAX_E820_ENTRIES) return -XEN_EINVAL;
  const target = findTarget(call.domain, domid.get(call.view));
  if (typeof target === 'number') return target;
  const bytes = new Uint8Array(count * E820_BYTES);
  if (!call.vcpu.access.copyFrom(call.recordPointer(map.fields.buffer), bytes)) return -XEN_EFAULT;
  return () => {
    target.memoryMap = count === 0 ? null : bytes;
    return 0;
  };
}

/** Memory is never populated on demand. */
function podTarget(call: HypercallFrame): Decoded {
  const target = findDomain(call, xen_pod_target.of(call.word).fields.domid.get(call.view));
  if (!target) return -XEN_ESRCH;
  return target.p2m ? -XEN_EPERM : -XEN_EINVAL;
}

function claimPages(call: HypercallFrame): Decoded {
  const { fields } = xen_memory_reservation.of(call.word);
  const isPlain =
    call.recordPointer(fields.extent_start) === 0 &&
    fields.extent_order.get(call.view) === 0 &&
    fields.mem_flags.get(call.view) === 0;
  if (!isPlain || !call.hypervisor.domain(fields.domid.get(call.view))) return -XEN_EINVAL;
  return -XEN_EPERM;
}

/** No domain has NUMA nodes of its own. */
function vnumaInfo(call: HypercallFrame): Decoded {
  const { fields } = xen_vnuma_topology_info.of(call.word);
  if (fields.pad.get(call.view) !== 0) return -XEN_EINVAL;
  const target = findTarget(call.domain, fields.domid.get(call.view));
  return typeof target === 'number' ? target : -XEN_EOPNOTSUPP;
}

/** Resources are for the domain that models another. */
function acquireResource(call: HypercallFrame): Decoded {
  const { fields } = xen_mem_acquire_resource.of(call.word);
  const frame = fields.frame.get(call.view);
  if (fields.pad.get(call.view) !== 0) return -XEN_EINVAL;
  if (frame + fields.nr_frames.get(call.view) >= 2 ** 32) return -XEN_EINVAL;
  const id = fields.domid.get(call.view);
  if (id === DOMID_SELF || id === call.domain.id) return -XEN_EPERM;
  return call.hypervisor.domain(id) ? -XEN_EPERM : -XEN_ESRCH;
}

const operations = subOperations(memory_ops, {
  [XENMEM_maximum_ram_page]: (call) => call.hypervisor.frames.frameCount,
  [XENMEM_current_reservation]: ofDomain((domain) => domain.frames.reserved),
  [XENMEM_maximum_reservation]: ofDomain((domain) => domain.limits.maxFrames),
  [XENMEM_maximum_gpfn]: ofDomain(maximumGpfn),
  [XENMEM_memory_map]: memoryMap,
  [XENMEM_machine_memory_map]: () => -XEN_EPERM,
  [XENMEM_machphys_mapping]: machphysMapping,
  [XENMEM_machphys_mfn_list]: (call) => mfnList(call, call.word),
  [XENMEM_add_to_physmap]: (call) => addToPhysmap(call, startOf(call)),
  [XENMEM_add_to_physmap_batch]: (call) => addToPhysmapBatch(call, startOf(call)),
  [XENMEM_exchange]: decodeExchange,
  [XENMEM_set_memory_map]: setMemoryMap,
  [XENMEM_machphys_compat_mfn_list]: (call) => mfnList(call, 32),
  [XENMEM_set_pod_target]: podTarget,
  [XENMEM_get_pod_target]: podTarget,
  // No page is shared between domains by its contents.
  [XENMEM_get_sharing_freed_pages]: () => 0,
  [XENMEM_get_sharing_shared_pages]: () => 0,
  [XENMEM_claim_pages]: claimPages,
  [XENMEM_get_vnumainfo]: vnumaInfo,
  [XENMEM_acquire_resource]: acquireResource,
  [XENMEM_remove_from_physmap]: removeFromPhysmap,
});

export const memoryOp: Hypercall = {
  number: __HYPERVISOR_memory_op,
  name: 'memory_op',
  arguments: 2,
  decode: (call) => {
    const command = call.uint(0) & MEMOP_CMD_MASK;
    const start = startOf(call);
    switch (command) {
      case XENMEM_increase_reservation:
      case XENMEM_decrease_reservation:
      case XENMEM_populate_physmap:
        return decodeReservation(call, command, start);
      default:
        if (start !== 0 && !continued.has(command)) return -XEN_EINVAL;
        return decodeOperation(call, operations, command, 1);
    }
  },
};
