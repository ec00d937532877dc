// Interrupts and I/O ports: HYPERVISOR_physdev_op(cmd, arg), the part that an unprivileged PV guest meets. physdev.h.
// A domain without devices passed through has use for set_iopl and set_iobitmap only.
import { IN, IN_OUT, OUT, struct, u32, u64, ulong, union } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t, guest_handle, int, xen_pfn_t } from './scalar.js';

export const PHYSDEVOP_IRQ_UNMASK_NOTIFY = 4;
export const PHYSDEVOP_irq_status_query = 5;
export const PHYSDEVOP_set_iopl = 6;
export const PHYSDEVOP_set_iobitmap = 7;
export const PHYSDEVOP_apic_read = 8;
export const PHYSDEVOP_apic_write = 9;
export const PHYSDEVOP_alloc_irq_vector = 10;
export const PHYSDEVOP_free_irq_vector = 11;
export const PHYSDEVOP_eoi = 12;
export const PHYSDEVOP_map_pirq = 13;
export const PHYSDEVOP_unmap_pirq = 14;
export const PHYSDEVOP_manage_pci_add = 15;
export const PHYSDEVOP_manage_pci_remove = 16;
export const PHYSDEVOP_pirq_eoi_gmfn_v1 = 17;
export const PHYSDEVOP_restore_msi = 19;
export const PHYSDEVOP_manage_pci_add_ext = 20;
export const PHYSDEVOP_setup_gsi = 21;
export const PHYSDEVOP_get_free_pirq = 23;
export const PHYSDEVOP_pci_mmcfg_reserved = 24;
export const PHYSDEVOP_pci_device_add = 25;
export const PHYSDEVOP_pci_device_remove = 26;
export const PHYSDEVOP_restore_msi_ext = 27;
export const PHYSDEVOP_pirq_eoi_gmfn_v2 = 28;
export const PHYSDEVOP_dbgp_op = 29;
export const PHYSDEVOP_prepare_msix = 30;
export const PHYSDEVOP_release_msix = 31;

export const physdev_eoi = struct('physdev_eoi', { irq: IN(u32) });

export const physdev_pirq_eoi_gmfn = struct('physdev_pirq_eoi_gmfn', { gmfn: IN(xen_pfn_t) });

export const physdev_irq_status_query = struct('physdev_irq_status_query', {
  irq: IN(u32),
  /** XENIRQSTAT_*. */
  flags: OUT(u32),
});
export const XENIRQSTAT_needs_eoi = 1 << 0;
export const XENIRQSTAT_shared = 1 << 1;

/** Sets the vCPU's virtual I/O privilege level. */
export const physdev_set_iopl = struct('physdev_set_iopl', { iopl: IN(u32) });

/** Sets the vCPU's bitmap of ports; a set bit denies. */
export const physdev_set_iobitmap = struct('physdev_set_iobitmap', {
  bitmap: IN(guest_handle('uint8')),
  nr_ports: IN(u32),
});

export const physdev_apic = struct('physdev_apic', {
  apic_physbase: IN(ulong),
  reg: IN(u32),
  value: IN_OUT(u32),
});

export const physdev_irq = struct('physdev_irq', { irq: IN(u32), vector: IN_OUT(u32) });

export const physdev_map_pirq = struct('physdev_map_pirq', {
  domid: IN(domid_t),
  /** MAP_PIRQ_TYPE_*. */
  type: IN(int),
  index: IN(int),
  pirq: IN_OUT(int),
  bus: IN(int),
  devfn: IN(int),
  entry_nr: IN_OUT(int),
  table_base: IN(u64),
});
export const MAP_PIRQ_TYPE_MSI = 0;
export const MAP_PIRQ_TYPE_GSI = 1;
export const MAP_PIRQ_TYPE_UNKNOWN = 2;
export const MAP_PIRQ_TYPE_MSI_SEG = 3;
export const MAP_PIRQ_TYPE_MULTI_MSI = 4;

export const physdev_unmap_pirq = struct('physdev_unmap_pirq', {
  domid: IN(domid_t),
  pirq: IN(int),
});

export const physdev_get_free_pirq = struct('physdev_get_free_pirq', {
  type: IN(int),
  pirq: OUT(u32),
});

/** The argument of `physdev_op_compat`, with its number inside. */
export const physdev_op = struct('physdev_op', {
  cmd: IN(u32),
  u: union('', {
    irq_status_query: physdev_irq_status_query,
    set_iopl: physdev_set_iopl,
    set_iobitmap: physdev_set_iobitmap,
    apic_op: physdev_apic,
    irq_op: physdev_irq,
  }),
});

/** Sub-operations of `physdev_op`; those of a domain with hardware have no record here. */
export const physdev_ops: Operations = operations(
  [PHYSDEVOP_IRQ_UNMASK_NOTIFY, 'PHYSDEVOP_IRQ_UNMASK_NOTIFY'],
  [PHYSDEVOP_irq_status_query, 'PHYSDEVOP_irq_status_query', physdev_irq_status_query],
  [PHYSDEVOP_set_iopl, 'PHYSDEVOP_set_iopl', physdev_set_iopl],
  [PHYSDEVOP_set_iobitmap, 'PHYSDEVOP_set_iobitmap', physdev_set_iobitmap],
  [PHYSDEVOP_apic_read, 'PHYSDEVOP_apic_read', physdev_apic],
  [PHYSDEVOP_apic_write, 'PHYSDEVOP_apic_write', physdev_apic],
  [PHYSDEVOP_alloc_irq_vector, 'PHYSDEVOP_alloc_irq_vector', physdev_irq],
  [PHYSDEVOP_free_irq_vector, 'PHYSDEVOP_free_irq_vector', physdev_irq],
  [PHYSDEVOP_eoi, 'PHYSDEVOP_eoi', physdev_eoi],
  [PHYSDEVOP_map_pirq, 'PHYSDEVOP_map_pirq', physdev_map_pirq],
  [PHYSDEVOP_unmap_pirq, 'PHYSDEVOP_unmap_pirq', physdev_unmap_pirq],
  [PHYSDEVOP_manage_pci_add, 'PHYSDEVOP_manage_pci_add'],
  [PHYSDEVOP_manage_pci_remove, 'PHYSDEVOP_manage_pci_remove'],
  [PHYSDEVOP_pirq_eoi_gmfn_v1, 'PHYSDEVOP_pirq_eoi_gmfn_v1', physdev_pirq_eoi_gmfn],
  [PHYSDEVOP_restore_msi, 'PHYSDEVOP_restore_msi'],
  [PHYSDEVOP_manage_pci_add_ext, 'PHYSDEVOP_manage_pci_add_ext'],
  [PHYSDEVOP_setup_gsi, 'PHYSDEVOP_setup_gsi'],
  [PHYSDEVOP_get_free_pirq, 'PHYSDEVOP_get_free_pirq', physdev_get_free_pirq],
  [PHYSDEVOP_pci_mmcfg_reserved, 'PHYSDEVOP_pci_mmcfg_reserved'],
  [PHYSDEVOP_pci_device_add, 'PHYSDEVOP_pci_device_add'],
  [PHYSDEVOP_pci_device_remove, 'PHYSDEVOP_pci_device_remove'],
  [PHYSDEVOP_restore_msi_ext, 'PHYSDEVOP_restore_msi_ext'],
  [PHYSDEVOP_pirq_eoi_gmfn_v2, 'PHYSDEVOP_pirq_eoi_gmfn_v2', physdev_pirq_eoi_gmfn],
  [PHYSDEVOP_dbgp_op, 'PHYSDEVOP_dbgp_op'],
  [PHYSDEVOP_prepare_msix, 'PHYSDEVOP_prepare_msix'],
  [PHYSDEVOP_release_msix, 'PHYSDEVOP_release_msix'],
);
