/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_HVM_OP_H
#define PROXENY_XEN_HVM_OP_H

/* Operations of HVM and PVH guests: HYPERVISOR_hvm_op(op, arg), as far as a guest uses them. hvm/hvm_op.h. */

#include "scalar.h"

#define HVMOP_set_param 0
#define HVMOP_get_param 1
#define HVMOP_set_pci_intx_level 2
#define HVMOP_set_isa_irq_level 3
#define HVMOP_set_pci_link_route 4
#define HVMOP_flush_tlbs 5
#define HVMOP_pagetable_dying 9
#define HVMOP_get_time 10
#define HVMOP_xentrace 11
#define HVMOP_set_mem_access 12
#define HVMOP_get_mem_access 13
#define HVMOP_get_mem_type 15
#define HVMOP_set_evtchn_upcall_vector 23
#define HVMOP_guest_request_vm_event 24
#define HVMOP_altp2m 25

/* Reads or writes HVM_PARAM_* (hvm-param.ts). */
struct xen_hvm_param {
  domid_t domid; /* IN */
  uint16_t pad;
  uint32_t index; /* IN */
  uint64_t value; /* IN/OUT */
};

/* Tells that a page table is about to go. */
struct xen_hvm_pagetable_dying {
  domid_t domid; /* IN */
  uint16_t pad[3];
  uint64_t gpa; /* IN */
};

/* The host's TSC as system time. */
struct xen_hvm_get_time {
  uint64_t now; /* OUT */
};

struct xen_hvm_get_mem_type {
  domid_t domid; /* IN */
  uint16_t mem_type; /* OUT */
  uint16_t pad[2];
  uint64_t pfn; /* IN */
};

/* Sets the vector by which a vCPU hears of events. */
struct xen_hvm_evtchn_upcall_vector {
  uint32_t vcpu; /* IN */
  uint8_t vector; /* IN */
};

#endif
