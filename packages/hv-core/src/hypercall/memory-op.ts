// memory_op: reservations, the guest's physical map, and where the M2P is. memory.h. Bits 6 and up of the command say where a long
// operation goes on.
import {
  __HYPERVISOR_memory_op,
  MEMOP_CMD_MASK,
  MEMOP_EXTENT_SHIFT,
  memory_ops,
  shared_info,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XENMEM_add_to_physmap,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_increase_reservation,
  XENMEM_machine_memory_map,
  XENMEM_machphys_mapping,
  XENMEM_machphys_mfn_list,
  XENMEM_maximum_gpfn,
  XENMEM_maximum_ram_page,
  XENMEM_maximum_reservation,
  XENMEM_memory_map,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  xen_machphys_mapping,
  xen_machphys_mfn_list,
  xen_memory_domain,
  xen_memory_map,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import { HOLE_32_START } from '../frame/page-table-entry.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, DecodeRecord, Hypercall } from './hypercall.js';
import { addToPhysmap, removeFromPhysmap } from './physmap.js';
import { decodeOperation, subOperations } from './record.js';
import { decodeReservation } from './reservation.js';

/** Size of an e820 entry. */
const E820_BYTES = 20;
/** Where the windows on the M2P end. */
const M2P_END_32 = 0xffe0_0000;
const M2P_END_64_HIGH = 0xffff_8040;
const M2P_ENTRIES_64 = 2 ** 35;

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

function machphysMfnList(call: HypercallFrame): Decoded {
  const { fields } = xen_machphys_mfn_list.of(call.word);
  const extents = call.hypervisor.m2p.extents(call.word);
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

const operations = subOperations(memory_ops, {
  [XENMEM_maximum_ram_page]: (call) => call.hypervisor.frames.frameCount,
  [XENMEM_current_reservation]: ofDomain((domain) => domain.frames.reserved),
  [XENMEM_maximum_reservation]: ofDomain((domain) => domain.limits.maxFrames),
  [XENMEM_maximum_gpfn]: ofDomain(maximumGpfn),
  [XENMEM_memory_map]: memoryMap,
  [XENMEM_machine_memory_map]: () => -XEN_EPERM,
  [XENMEM_machphys_mapping]: machphysMapping,
  [XENMEM_machphys_mfn_list]: machphysMfnList,
  [XENMEM_add_to_physmap]: addToPhysmap,
  [XENMEM_remove_from_physmap]: removeFromPhysmap,
});

export const memoryOp: Hypercall = {
  number: __HYPERVISOR_memory_op,
  name: 'memory_op',
  arguments: 2,
  decode: (call) => {
    const command = call.uint(0) & MEMOP_CMD_MASK;
    const start = call.uint(0) >>> MEMOP_EXTENT_SHIFT;
    switch (command) {
      case XENMEM_increase_reservation:
      case XENMEM_decrease_reservation:
      case XENMEM_populate_physmap:
        return decodeReservation(call, command, start);
      default:
        return start === 0 ? decodeOperation(call, operations, command, 1) : -XEN_EINVAL;
    }
  },
};
