// physdev_op: interrupts and ports of physical devices. A domain without devices may set its own IOPL and bitmap of ports, and hears of
// the rest what Xen tells it. physdev.h.
import {
  __HYPERVISOR_physdev_op,
  __HYPERVISOR_physdev_op_compat,
  DOMID_SELF,
  PHYSDEVOP_alloc_irq_vector,
  PHYSDEVOP_apic_read,
  PHYSDEVOP_apic_write,
  PHYSDEVOP_dbgp_op,
  PHYSDEVOP_eoi,
  PHYSDEVOP_get_free_pirq,
  PHYSDEVOP_IRQ_UNMASK_NOTIFY,
  PHYSDEVOP_irq_status_query,
  PHYSDEVOP_manage_pci_add,
  PHYSDEVOP_manage_pci_add_ext,
  PHYSDEVOP_manage_pci_remove,
  PHYSDEVOP_map_pirq,
  PHYSDEVOP_pci_device_add,
  PHYSDEVOP_pci_device_remove,
  PHYSDEVOP_pci_mmcfg_reserved,
  PHYSDEVOP_pirq_eoi_gmfn_v1,
  PHYSDEVOP_pirq_eoi_gmfn_v2,
  PHYSDEVOP_prepare_msix,
  PHYSDEVOP_release_msix,
  PHYSDEVOP_restore_msi,
  PHYSDEVOP_restore_msi_ext,
  PHYSDEVOP_set_iobitmap,
  PHYSDEVOP_set_iopl,
  PHYSDEVOP_setup_gsi,
  PHYSDEVOP_unmap_pirq,
  physdev_irq_status_query,
  physdev_map_pirq,
  physdev_op,
  physdev_ops,
  physdev_pirq_eoi_gmfn,
  physdev_set_iobitmap,
  physdev_set_iopl,
  physdev_unmap_pirq,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENODEV,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
  XENIRQSTAT_needs_eoi,
} from '@proxeny/abi';
import { isGuestAddress } from '../frame/page-walk.js';
import { NR_PIRQS } from './event-channel.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, DecodeRecord, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

const MAX_IO_LEVEL = 3;
const PORTS = 65_536;
const BITMAP_BYTES = PORTS / 8;

function setIopl(call: HypercallFrame): Decoded {
  const level = physdev_set_iopl.of(call.word).fields.iopl.get(call.view);
  const { pv } = call.vcpu;
  if (!pv || level > MAX_IO_LEVEL) return -XEN_EINVAL;
  return () => {
    pv.ioLevel = level;
    return 0;
  };
}

function setIobitmap(call: HypercallFrame): Decoded {
  const { fields } = physdev_set_iobitmap.of(call.word);
  const { pv } = call.vcpu;
  const bitmap = call.recordPointer(fields.bitmap);
  const ports = fields.nr_ports.get(call.view);
  // The bitmap need not be mapped: what cannot be read denies. But it must not be the hypervisor's.
  if (
    !pv ||
    ports > PORTS ||
    !isGuestAddress(bitmap, call.word) ||
    !isGuestAddress(bitmap + BITMAP_BYTES - 1, call.word)
  )
    return -XEN_EINVAL;
  return () => {
    pv.ioBitmap = bitmap;
    pv.ioPorts = ports;
    return 0;
  };
}

function irqStatusQuery(call: HypercallFrame): Decoded {
  const { irq, flags } = physdev_irq_status_query.of(call.word).fields;
  if (irq.get(call.view) >= NR_PIRQS) return -XEN_EINVAL;
  return () => {
    flags.set(call.view, 0, XENIRQSTAT_needs_eoi);
    return 0;
  };
}

/** A page in which the hypervisor would mark interrupts that need an EOI; there are none. */
function pirqEoiFrame(call: HypercallFrame): Decoded {
  const { domain } = call;
  const gfn = physdev_pirq_eoi_gmfn.of(call.word).fields.gmfn.get(call.view);
  const mfn = domain.findOwnFrame(gfn);
  if (mfn === -1 || !domain.canBeWritable(mfn)) return -XEN_EINVAL;
  if (domain.pirqEoiFrame !== -1) return -XEN_EBUSY;
  return () => {
    domain.lendWritable(mfn);
    domain.pirqEoiFrame = mfn;
    return 0;
  };
}

/** Physical interrupts are given by a toolstack, never taken. */
function ofDomain(domid: number, call: HypercallFrame): number {
  const isSelf = domid === DOMID_SELF || domid === call.domain.id;
  return isSelf || call.hypervisor.domain(domid) ? -XEN_EPERM : -XEN_ESRCH;
}

const denied: DecodeRecord = () => -XEN_EPERM;

const operations = subOperations(physdev_ops, {
  [PHYSDEVOP_IRQ_UNMASK_NOTIFY]: () => 0,
  [PHYSDEVOP_irq_status_query]: irqStatusQuery,
  [PHYSDEVOP_set_iopl]: setIopl,
  [PHYSDEVOP_set_iobitmap]: setIobitmap,
  [PHYSDEVOP_apic_read]: denied,
  [PHYSDEVOP_apic_write]: denied,
  [PHYSDEVOP_alloc_irq_vector]: denied,
  [PHYSDEVOP_eoi]: () => -XEN_EINVAL,
  [PHYSDEVOP_map_pirq]: (call) =>
    ofDomain(physdev_map_pirq.of(call.word).fields.domid.get(call.view), call),
  [PHYSDEVOP_unmap_pirq]: (call) =>
    ofDomain(physdev_unmap_pirq.of(call.word).fields.domid.get(call.view), call),
  [PHYSDEVOP_manage_pci_add]: denied,
  [PHYSDEVOP_manage_pci_remove]: denied,
  [PHYSDEVOP_pirq_eoi_gmfn_v1]: pirqEoiFrame,
  [PHYSDEVOP_restore_msi]: () => -XEN_ENODEV,
  [PHYSDEVOP_manage_pci_add_ext]: denied,
  [PHYSDEVOP_setup_gsi]: denied,
  [PHYSDEVOP_get_free_pirq]: denied,
  [PHYSDEVOP_pci_mmcfg_reserved]: denied,
  [PHYSDEVOP_pci_device_add]: denied,
  [PHYSDEVOP_pci_device_remove]: denied,
  [PHYSDEVOP_restore_msi_ext]: () => -XEN_ENODEV,
  [PHYSDEVOP_pirq_eoi_gmfn_v2]: pirqEoiFrame,
  [PHYSDEVOP_dbgp_op]: denied,
  [PHYSDEVOP_prepare_msix]: denied,
  [PHYSDEVOP_release_msix]: denied,
});

export const physdevOp: Hypercall = {
  number: __HYPERVISOR_physdev_op,
  name: 'physdev_op',
  arguments: 2,
  decode: (call) =>
    call.vcpu.pv ? decodeOperation(call, operations, call.uint(0), 1) : -XEN_ENOSYS,
};

/** The older form, whose number is in the record. */
export const physdevOpCompat: Hypercall = {
  number: __HYPERVISOR_physdev_op_compat,
  name: 'physdev_op_compat',
  arguments: 1,
  decode: (call) => {
    if (!call.vcpu.pv) return -XEN_ENOSYS;
    const { byteLength, fields } = physdev_op.of(call.word);
    const record = call.pointer(0);
    const bytes = new Uint8Array(byteLength);
    if (!call.vcpu.access.copyFrom(record, bytes)) return -XEN_EFAULT;
    const command = fields.cmd.get(new DataView(bytes.buffer));
    call.setArgument(1, record + fields.u.offset);
    return decodeOperation(call, operations, command, 1);
  },
};
