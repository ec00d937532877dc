// hvm_op: parameters and upcalls of translated (HVM and PVH) guests. hvm/hvm_op.h, hvm/params.h. Page-table guests have none: -EINVAL.
import {
  __HYPERVISOR_hvm_op,
  DOMID_SELF,
  HVM_NR_PARAMS,
  HVM_PARAM_ACPI_IOPORTS_LOCATION,
  HVM_PARAM_ALTP2M,
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_TIMER_MODE,
  HVM_PARAM_TRIPLE_FAULT_REASON,
  HVM_PARAM_VM_GENERATION_ID_ADDR,
  HVM_PARAM_VM86_TSS,
  HVM_PARAM_VM86_TSS_SIZED,
  HVM_PARAM_X87_FIP_WIDTH,
  HVMOP_altp2m,
  HVMOP_flush_tlbs,
  HVMOP_get_mem_type,
  HVMOP_get_param,
  HVMOP_get_time,
  HVMOP_guest_request_vm_event,
  HVMOP_pagetable_dying,
  HVMOP_set_evtchn_upcall_vector,
  HVMOP_set_param,
  HVMOP_xentrace,
  HVMPTM_one_missed_tick_pending,
  hvm_ops,
  SHUTDOWN_MAX,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
  xen_hvm_evtchn_upcall_vector,
  xen_hvm_get_mem_type,
  xen_hvm_get_time,
  xen_hvm_pagetable_dying,
  xen_hvm_param,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import { P2mKind } from '../frame/p2m.js';
import { isInterruptCpu } from '../guest-cpu.js';
import { mayControl } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

const LOWEST_UPCALL_VECTOR = 0x10;
/** Of HVMOP_get_mem_type. */
const HVMMEM_ram_rw = 0;
const HVMMEM_ram_ro = 1;
const HVMMEM_mmio_dm = 2;
/** A 32-bit TSS; the largest one with both bitmaps. */
const TSS_BYTES = 104;
const TSS_MAX_BYTES: number = TSS_BYTES + 0x100 / 8 + 0x1_0000 / 8 + 1;

const settable: ReadonlySet<number> = new Set([
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_VM86_TSS,
  HVM_PARAM_VM86_TSS_SIZED,
  HVM_PARAM_ACPI_IOPORTS_LOCATION,
  HVM_PARAM_VM_GENERATION_ID_ADDR,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_X87_FIP_WIDTH,
]);
const readable: ReadonlySet<number> = new Set([
  ...settable,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_ALTP2M,
]);
/** Numbers that meant something once. */
const retired: ReadonlySet<number> = new Set([4, 13, 20, 21, 22, 23, 24, 25, 26, 30]);

/** The domain a record names, if it is a translated one; or an errno. */
function targetOf(call: HypercallFrame, id: number): Domain | number {
  const target = id === DOMID_SELF ? call.domain : call.hypervisor.domain(id);
  if (!target) return -XEN_ESRCH;
  if (!target.p2m) return -XEN_EINVAL;
  return mayControl(call.domain, target) ? target : -XEN_EPERM;
}

/** 0, or why the caller may not have this parameter of `target`. */
function checkParameter(
  call: HypercallFrame,
  target: Domain,
  index: number,
  own: ReadonlySet<number>,
): number {
  if (retired.has(index)) return -XEN_EINVAL;
  return target === call.domain && !own.has(index) ? -XEN_EPERM : 0;
}

/** What is stored for a value, as halves; -EINVAL: it cannot be. */
function stored(index: number, low: number, high: number): readonly [number, number] | number {
  switch (index) {
    case HVM_PARAM_TIMER_MODE:
      return high === 0 && low <= HVMPTM_one_missed_tick_pending ? [low, high] : -XEN_EINVAL;
    case HVM_PARAM_TRIPLE_FAULT_REASON:
      return high === 0 && low <= SHUTDOWN_MAX ? [low, high] : -XEN_EINVAL;
    case HVM_PARAM_X87_FIP_WIDTH:
      return high === 0 && (low === 0 || low === 4 || low === 8) ? [low, high] : -XEN_EINVAL;
    case HVM_PARAM_VM86_TSS:
      return high === 0 ? [low, low === 0 ? 0 : 128] : -XEN_EINVAL;
    case HVM_PARAM_VM86_TSS_SIZED:
      return high >= TSS_BYTES ? [low, Math.min(high, TSS_MAX_BYTES)] : -XEN_EINVAL;
    default:
      return [low, high];
  }
}

function setParam(call: HypercallFrame): Decoded {
  const { fields } = xen_hvm_param.of(call.word);
  const index = fields.index.get(call.view);
  if (index >= HVM_NR_PARAMS) return -XEN_EINVAL;
  const target = targetOf(call, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  const status = checkParameter(call, target, index, settable);
  if (status !== 0) return status;
  const value = stored(index, fields.value.getLow(call.view), fields.value.getHigh(call.view));
  if (typeof value === 'number') return value;
  // The older name of the TSS is another way to say the sized one.
  const at = index === HVM_PARAM_VM86_TSS ? HVM_PARAM_VM86_TSS_SIZED : index;
  return () => {
    target.hvmParams.set(at, value[0], value[1]);
    return 0;
  };
}

function getParam(call: HypercallFrame): Decoded {
  const { fields } = xen_hvm_param.of(call.word);
  const index = fields.index.get(call.view);
  if (index >= HVM_NR_PARAMS) return -XEN_EINVAL;
  const target = targetOf(call, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  const status = checkParameter(call, target, index, readable);
  if (status !== 0) return status;
  return () => {
    const { hvmParams } = target;
    if (index === HVM_PARAM_VM86_TSS)
      fields.value.setHalves(call.view, 0, hvmParams.low(HVM_PARAM_VM86_TSS_SIZED), 0);
    else fields.value.setHalves(call.view, 0, hvmParams.low(index), hvmParams.high(index));
    return 0;
  };
}

function setUpcallVector(call: HypercallFrame): Decoded {
  const { fields } = xen_hvm_evtchn_upcall_vector.of(call.word);
  const vector = fields.vector.get(call.view);
  if (vector < LOWEST_UPCALL_VECTOR) return -XEN_EINVAL;
  const vcpu = call.domain.vcpus[fields.vcpu.get(call.view)];
  if (!vcpu) return -XEN_ENOENT;
  return () => {
    vcpu.upcallVector = vector;
    if (isInterruptCpu(vcpu.cpu)) vcpu.cpu.eventsCame();
    return 0;
  };
}

function getMemType(call: HypercallFrame): Decoded {
  const { fields } = xen_hvm_get_mem_type.of(call.word);
  const target = targetOf(call, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  const kind = target.p2m?.kindOf(fields.pfn.get(call.view));
  let type = HVMMEM_ram_rw;
  if (kind === P2mKind.none) type = HVMMEM_mmio_dm;
  if (kind === P2mKind.grantReadOnly) type = HVMMEM_ram_ro;
  return () => {
    fields.mem_type.set(call.view, 0, type);
    return 0;
  };
}

function getTime(call: HypercallFrame): Decoded {
  return () => {
    const { now } = xen_hvm_get_time.of(call.word).fields;
    now.set(call.view, 0, Math.floor(call.hypervisor.clock.nowNs()));
    return 0;
  };
}

/** Guests' page tables are not shadowed, so nobody needs to be told of their end. */
function pagetableDying(call: HypercallFrame): Decoded {
  const id = xen_hvm_pagetable_dying.of(call.word).fields.domid.get(call.view);
  const target = id === DOMID_SELF ? call.domain : call.hypervisor.domain(id);
  if (!target) return -XEN_ESRCH;
  return target === call.domain ? -XEN_EINVAL : -XEN_EOPNOTSUPP;
}

function flushTlbs(call: HypercallFrame): Decoded {
  if (call.pointer(1) !== 0) return -XEN_EINVAL;
  return () => {
    call.hypervisor.onTlbFlush?.(call.domain, null);
    return 0;
  };
}

const operations = subOperations(hvm_ops, {
  [HVMOP_set_param]: setParam,
  [HVMOP_get_param]: getParam,
  [HVMOP_flush_tlbs]: flushTlbs,
  [HVMOP_pagetable_dying]: pagetableDying,
  [HVMOP_get_time]: getTime,
  // There is no trace buffer: what a guest would write there is lost.
  [HVMOP_xentrace]: () => 0,
  [HVMOP_get_mem_type]: getMemType,
  [HVMOP_set_evtchn_upcall_vector]: setUpcallVector,
  [HVMOP_guest_request_vm_event]: (call) => (call.pointer(1) === 0 ? 0 : -XEN_EINVAL),
  [HVMOP_altp2m]: () => -XEN_EOPNOTSUPP,
});
/** Those that ask nothing of the caller's kind. */
const forAll: ReadonlySet<number> = new Set([
  HVMOP_set_param,
  HVMOP_get_param,
  HVMOP_get_mem_type,
  HVMOP_get_time,
  HVMOP_pagetable_dying,
  HVMOP_xentrace,
  HVMOP_altp2m,
  HVMOP_guest_request_vm_event,
]);

export const hvmOp: Hypercall = {
  number: __HYPERVISOR_hvm_op,
  name: 'hvm_op',
  arguments: 2,
  decode: (call) => {
    const command = call.ulong(0);
    if (!operations[command]) return -XEN_ENOSYS;
    if (!call.domain.p2m && !forAll.has(command)) return -XEN_EINVAL;
    return decodeOperation(call, operations, command, 1);
  },
};
