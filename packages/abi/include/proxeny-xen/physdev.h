/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_PHYSDEV_H
#define PROXENY_XEN_PHYSDEV_H

/* Interrupts and I/O ports: HYPERVISOR_physdev_op(cmd, arg), the part that an unprivileged PV guest meets. physdev.h.
 * A domain without devices passed through has use for set_iopl and set_iobitmap only. */

#include "scalar.h"

#define PHYSDEVOP_IRQ_UNMASK_NOTIFY 4
#define PHYSDEVOP_irq_status_query 5
#define PHYSDEVOP_set_iopl 6
#define PHYSDEVOP_set_iobitmap 7
#define PHYSDEVOP_apic_read 8
#define PHYSDEVOP_apic_write 9
#define PHYSDEVOP_alloc_irq_vector 10
#define PHYSDEVOP_free_irq_vector 11
#define PHYSDEVOP_eoi 12
#define PHYSDEVOP_map_pirq 13
#define PHYSDEVOP_unmap_pirq 14
#define PHYSDEVOP_manage_pci_add 15
#define PHYSDEVOP_manage_pci_remove 16
#define PHYSDEVOP_pirq_eoi_gmfn_v1 17
#define PHYSDEVOP_restore_msi 19
#define PHYSDEVOP_manage_pci_add_ext 20
#define PHYSDEVOP_setup_gsi 21
#define PHYSDEVOP_get_free_pirq 23
#define PHYSDEVOP_pci_mmcfg_reserved 24
#define PHYSDEVOP_pci_device_add 25
#define PHYSDEVOP_pci_device_remove 26
#define PHYSDEVOP_restore_msi_ext 27
#define PHYSDEVOP_pirq_eoi_gmfn_v2 28
#define PHYSDEVOP_dbgp_op 29
#define PHYSDEVOP_prepare_msix 30
#define PHYSDEVOP_release_msix 31

struct physdev_eoi {
  uint32_t irq; /* IN */
};

struct physdev_pirq_eoi_gmfn {
  xen_pfn_t gmfn; /* IN */
};

struct physdev_irq_status_query {
  uint32_t irq; /* IN */
  uint32_t flags; /* OUT */
};
#define XENIRQSTAT_needs_eoi 1
#define XENIRQSTAT_shared 2

/* Sets the vCPU's virtual I/O privilege level. */
struct physdev_set_iopl {
  uint32_t iopl; /* IN */
};

/* Sets the vCPU's bitmap of ports; a set bit denies. */
struct physdev_set_iobitmap {
  XEN_GUEST_HANDLE(uint8) bitmap; /* IN */
  uint32_t nr_ports; /* IN */
};

struct physdev_apic {
  unsigned long apic_physbase; /* IN */
  uint32_t reg; /* IN */
  uint32_t value; /* IN/OUT */
};

struct physdev_irq {
  uint32_t irq; /* IN */
  uint32_t vector; /* IN/OUT */
};

struct physdev_map_pirq {
  domid_t domid; /* IN */
  int type; /* IN */
  int index; /* IN */
  int pirq; /* IN/OUT */
  int bus; /* IN */
  int devfn; /* IN */
  int entry_nr; /* IN/OUT */
  uint64_t table_base; /* IN */
};
#define MAP_PIRQ_TYPE_MSI 0
#define MAP_PIRQ_TYPE_GSI 1
#define MAP_PIRQ_TYPE_UNKNOWN 2
#define MAP_PIRQ_TYPE_MSI_SEG 3
#define MAP_PIRQ_TYPE_MULTI_MSI 4

struct physdev_unmap_pirq {
  domid_t domid; /* IN */
  int pirq; /* IN */
};

struct physdev_get_free_pirq {
  int type; /* IN */
  uint32_t pirq; /* OUT */
};

/* The argument of `physdev_op_compat`, with its number inside. */
struct physdev_op {
  uint32_t cmd; /* IN */
  union {
    struct physdev_irq_status_query irq_status_query;
    struct physdev_set_iopl set_iopl;
    struct physdev_set_iobitmap set_iobitmap;
    struct physdev_apic apic_op;
    struct physdev_irq irq_op;
  } u;
};

#endif
