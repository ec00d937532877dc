// vm_assist: behaviours a page-table guest switches on. xen.h, "VMASST".
import {
  __HYPERVISOR_vm_assist,
  VMASST_CMD_disable,
  VMASST_CMD_enable,
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_4gb_segments_notify,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_m2p_strict,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_runstate_update_flag,
  VMASST_TYPE_writable_pagetables,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import type { Hypercall } from './hypercall.js';

const forAll = [
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_4gb_segments_notify,
  VMASST_TYPE_writable_pagetables,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_runstate_update_flag,
];

/** Whether a domain has this VMASST_TYPE_*. */
export function isAssist(domain: Domain, type: number): boolean {
  if (domain.p2m) return type === VMASST_TYPE_runstate_update_flag;
  return forAll.includes(type) || (type === VMASST_TYPE_m2p_strict && domain.word === 64);
}

export const vmAssist: Hypercall = {
  number: __HYPERVISOR_vm_assist,
  name: 'vm_assist',
  arguments: 2,
  decode: (call) => {
    const command = call.uint(0);
    const type = call.uint(1);
    const { domain } = call;
    if (command !== VMASST_CMD_enable && command !== VMASST_CMD_disable) return -XEN_ENOSYS;
    if (!isAssist(domain, type)) return -XEN_EINVAL;
    return () => {
      if (command === VMASST_CMD_enable) domain.assists.add(type);
      else domain.assists.delete(type);
      return 0;
    };
  },
};
