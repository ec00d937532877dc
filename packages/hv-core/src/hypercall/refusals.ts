// Hypercalls that are for the control domain, or that a Xen 4.17 as Debian builds it does not have: what an ordinary domain gets for
// them. The order of checks is Xen's: the record, its version, the domain it names, then permission.
import {
  __HYPERVISOR_arch_0,
  __HYPERVISOR_arch_1,
  __HYPERVISOR_dm_op,
  __HYPERVISOR_domctl,
  __HYPERVISOR_hypfs_op,
  __HYPERVISOR_kexec_op,
  __HYPERVISOR_platform_op,
  __HYPERVISOR_sysctl,
  __HYPERVISOR_xenpmu_op,
  DOMID_SELF,
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_E2BIG,
  XEN_EACCES,
  XEN_EFAULT,
  XEN_ENODATA,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import type { HypercallFrame } from './frame.js';
import type { Hypercall } from './hypercall.js';

/** Sizes of the control records and their versions: cmd (u32), interface_version (u32), then what is theirs. */
const CONTROL_BYTES = 136;
const DOMCTL_BYTES = 144;
const SYSCTL_VERSION = 0x15;
const PLATFORM_VERSION = 0x0300_0000;
const MAX_BUFFERS = 2;
const BUFFER_BYTES = 16;

const record = new Uint8Array(DOMCTL_BYTES);
const view = new DataView(record.buffer);

/** Reads a control record; 0, or an errno. */
function readControl(call: HypercallFrame, length: number, version: number): number {
  const bytes = record.subarray(0, length);
  if (!call.vcpu.access.copyFrom(call.pointer(0), bytes)) return -XEN_EFAULT;
  return view.getUint32(4, true) === version ? 0 : -XEN_EACCES;
}

function refuseControl(length: number, version: number): Hypercall['decode'] {
  return (call) => readControl(call, length, version) || -XEN_EPERM;
}

/** XEN_DOMCTL_* that name no domain that is there already. */
const CREATE_DOMAIN = 1;

function refuseDomctl(call: HypercallFrame): number {
  const status = readControl(call, DOMCTL_BYTES, XEN_DOMCTL_INTERFACE_VERSION);
  if (status !== 0) return status;
  const isNew = view.getUint32(0, true) === CREATE_DOMAIN;
  return isNew || call.hypervisor.domain(view.getUint16(8, true)) ? -XEN_EPERM : -XEN_ESRCH;
}

/** Of a device model: about another domain, through buffers. */
function refuseDeviceModel(call: HypercallFrame): number {
  const count = call.uint(1);
  if (count === 0) return -XEN_ENODATA;
  if (count > MAX_BUFFERS) return -XEN_E2BIG;
  const bytes = new Uint8Array(count * BUFFER_BYTES);
  if (!call.vcpu.access.copyFrom(call.pointer(2), bytes)) return -XEN_EFAULT;
  const id = call.uint(0) & 0xffff;
  if (id === DOMID_SELF || id === call.domain.id) return -XEN_EPERM;
  return call.hypervisor.domain(id) ? -XEN_EPERM : -XEN_ESRCH;
}

/** Those that only page-table guests have at all. */
const ofPv =
  (errno: number): Hypercall['decode'] =>
  (call) =>
    call.vcpu.pv ? -errno : -XEN_ENOSYS;

export const refusals: readonly Hypercall[] = [
  {
    number: __HYPERVISOR_platform_op,
    name: 'platform_op',
    arguments: 1,
    decode: refuseControl(CONTROL_BYTES, PLATFORM_VERSION),
  },
  {
    number: __HYPERVISOR_sysctl,
    name: 'sysctl',
    arguments: 1,
    decode: refuseControl(CONTROL_BYTES, SYSCTL_VERSION),
  },
  { number: __HYPERVISOR_domctl, name: 'domctl', arguments: 1, decode: refuseDomctl },
  { number: __HYPERVISOR_arch_1, name: 'arch_1', arguments: 1, decode: refuseDomctl },
  { number: __HYPERVISOR_kexec_op, name: 'kexec_op', arguments: 2, decode: ofPv(XEN_EPERM) },
  // The performance counters' interface is off unless the machine's owner turns it on.
  {
    number: __HYPERVISOR_xenpmu_op,
    name: 'xenpmu_op',
    arguments: 2,
    decode: () => -XEN_EOPNOTSUPP,
  },
  { number: __HYPERVISOR_dm_op, name: 'dm_op', arguments: 3, decode: refuseDeviceModel },
  { number: __HYPERVISOR_hypfs_op, name: 'hypfs_op', arguments: 5, decode: () => -XEN_EPERM },
  // Machine-check reports.
  { number: __HYPERVISOR_arch_0, name: 'arch_0', arguments: 1, decode: ofPv(XEN_EPERM) },
];
