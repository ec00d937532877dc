// Several hypercalls in one: HYPERVISOR_multicall(call_list, nr_calls). xen.h.
import { array, IN, OUT, struct } from '@proxeny/memory';
import { xen_ulong_t } from './scalar.js';

export const multicall_entry = struct('multicall_entry', {
  op: IN(xen_ulong_t),
  result: OUT(xen_ulong_t),
  args: IN(array(xen_ulong_t, 6)),
});
