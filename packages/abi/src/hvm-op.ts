// Operations of HVM and PVH guests: HYPERVISOR_hvm_op(op, arg), as far as a guest uses them. hvm/hvm_op.h.
import { array, IN, IN_OUT, OUT, struct, u8, u16, u32, u64 } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t } from './scalar.js';

export const HVMOP_set_param = 0;
export const HVMOP_get_param = 1;
export const HVMOP_set_pci_intx_level = 2;
export const HVMOP_set_isa_irq_level = 3;
export const HVMOP_set_pci_link_route = 4;
export const HVMOP_flush_tlbs = 5;
export const HVMOP_pagetable_dying = 9;
export const HVMOP_get_time = 10;
export const HVMOP_xentrace = 11;
export const HVMOP_set_mem_access = 12;
export const HVMOP_get_mem_access = 13;
export const HVMOP_get_mem_type = 15;
export const HVMOP_set_evtchn_upcall_vector = 23;
export const HVMOP_guest_request_vm_event = 24;
export const HVMOP_altp2m = 25;

/** Reads or writes HVM_PARAM_* (hvm-param.ts). */
export const xen_hvm_param = struct('xen_hvm_param', {
  domid: IN(domid_t),
  pad: u16,
  index: IN(u32),
  value: IN_OUT(u64),
});

/** Tells that a page table is about to go. */
export const xen_hvm_pagetable_dying = struct('xen_hvm_pagetable_dying', {
  domid: IN(domid_t),
  pad: array(u16, 3),
  gpa: IN(u64),
});

/** The host's TSC as system time. */
export const xen_hvm_get_time = struct('xen_hvm_get_time', { now: OUT(u64) });

export const xen_hvm_get_mem_type = struct('xen_hvm_get_mem_type', {
  domid: IN(domid_t),
  mem_type: OUT(u16),
  pad: array(u16, 2),
  pfn: IN(u64),
});

/** Sets the vector by which a vCPU hears of events. */
export const xen_hvm_evtchn_upcall_vector = struct('xen_hvm_evtchn_upcall_vector', {
  vcpu: IN(u32),
  vector: IN(u8),
});

/** Sub-operations of `hvm_op`; those for tools have no record here. */
export const hvm_ops: Operations = operations(
  [HVMOP_set_param, 'HVMOP_set_param', xen_hvm_param],
  [HVMOP_get_param, 'HVMOP_get_param', xen_hvm_param],
  [HVMOP_set_pci_intx_level, 'HVMOP_set_pci_intx_level'],
  [HVMOP_set_isa_irq_level, 'HVMOP_set_isa_irq_level'],
  [HVMOP_set_pci_link_route, 'HVMOP_set_pci_link_route'],
  [HVMOP_flush_tlbs, 'HVMOP_flush_tlbs'],
  [HVMOP_pagetable_dying, 'HVMOP_pagetable_dying', xen_hvm_pagetable_dying],
  [HVMOP_get_time, 'HVMOP_get_time', xen_hvm_get_time],
  [HVMOP_xentrace, 'HVMOP_xentrace'],
  [HVMOP_set_mem_access, 'HVMOP_set_mem_access'],
  [HVMOP_get_mem_access, 'HVMOP_get_mem_access'],
  [HVMOP_get_mem_type, 'HVMOP_get_mem_type', xen_hvm_get_mem_type],
  [HVMOP_set_evtchn_upcall_vector, 'HVMOP_set_evtchn_upcall_vector', xen_hvm_evtchn_upcall_vector],
  [HVMOP_guest_request_vm_event, 'HVMOP_guest_request_vm_event'],
  [HVMOP_altp2m, 'HVMOP_altp2m'],
);
