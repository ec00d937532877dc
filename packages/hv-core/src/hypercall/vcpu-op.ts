// vcpu_op: vCPUs up and down, their timers, run states, and where their vcpu_info is. vcpu.h.
import {
  __HYPERVISOR_vcpu_op,
  SHUTDOWN_poweroff,
  VCPUOP_down,
  VCPUOP_get_physid,
  VCPUOP_get_runstate_info,
  VCPUOP_initialise,
  VCPUOP_is_up,
  VCPUOP_register_runstate_memory_area,
  VCPUOP_register_vcpu_info,
  VCPUOP_register_vcpu_time_memory_area,
  VCPUOP_send_nmi,
  VCPUOP_set_periodic_timer,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  VCPUOP_stop_singleshot_timer,
  VCPUOP_up,
  VIRQ_TIMER,
  vcpu_info,
  vcpu_ops,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_ENXIO,
} from '@proxeny/abi';
import { type Maddr, PAGE_SIZE } from '@proxeny/memory';
import { isGuestAddress } from '../frame/page-walk.js';
import { TIME_INFO_BYTES } from '../time/pvclock.js';
import { runstateBytes } from '../time/runstate.js';
import type { Vcpu } from '../vcpu.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';
import { decodeInitialise } from './vcpu-initialise.js';

const MIN_PERIOD_NS = 1_000_000;
const MAX_PERIOD_NS = 2 ** 62;

/** The vCPU the call is about; checked before the operation is looked at. */
function targetOf(call: HypercallFrame): Vcpu {
  return call.domain.vcpus[call.uint(1)] as Vcpu;
}

function up(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  if (!vcpu.isInitialised) return -XEN_EINVAL;
  return () => {
    vcpu.isUp = true;
    vcpu.updateTime();
    vcpu.refresh();
    return 0;
  };
}

function down(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  return () => {
    vcpu.isUp = false;
    vcpu.refresh();
    // A domain whose last vCPU goes down has nobody left to shut it down.
    if (call.domain.vcpus.every((other) => !other.isUp)) call.domain.shutdown(SHUTDOWN_poweroff);
    return 0;
  };
}

function getRunstate(call: HypercallFrame): Decoded {
  const { runstate } = targetOf(call);
  return () => {
    runstate.write(call.view, 0, call.word, call.hypervisor.clock.nowNs());
    return 0;
  };
}

/** An area need not be mapped when it is registered; it must only be none of the hypervisor's addresses. */
function canBeArea(call: HypercallFrame, address: number, length: number): boolean {
  if (call.domain.p2m) return true;
  const { word } = call;
  return isGuestAddress(address, word) && isGuestAddress(address + length - 1, word);
}

function registerRunstateArea(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  const { addr } = vcpu_register_runstate_memory_area.of(call.word).fields;
  const address = call.recordPointer(addr.fields.v);
  if (!canBeArea(call, address, runstateBytes(call.word))) return -XEN_EFAULT;
  return () => {
    vcpu.runstateArea = address;
    vcpu.updateRunstateArea(call.hypervisor.clock.nowNs());
    return 0;
  };
}

function registerTimeArea(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  const { addr } = vcpu_register_time_memory_area.of(call.word).fields;
  const address = call.recordPointer(addr.fields.v);
  if (!canBeArea(call, address, TIME_INFO_BYTES)) return -XEN_EFAULT;
  return () => {
    vcpu.timeArea = address;
    vcpu.updateTime();
    return 0;
  };
}

function setPeriodic(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  const periodNs = vcpu_set_periodic_timer.of(call.word).fields.period_ns.get(call.view);
  if (periodNs < MIN_PERIOD_NS || periodNs > MAX_PERIOD_NS) return -XEN_EINVAL;
  return () => {
    vcpu.periodNs = periodNs;
    vcpu.lastPeriodNs = call.hypervisor.clock.nowNs();
    return 0;
  };
}

function stopPeriodic(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  return () => {
    vcpu.periodNs = 0;
    return 0;
  };
}

function setSingleshot(call: HypercallFrame): Decoded {
  const { fields } = vcpu_set_singleshot_timer.of(call.word);
  const { vcpu, hypervisor } = call;
  if (targetOf(call) !== vcpu) return -XEN_EINVAL;
  const deadlineNs = fields.timeout_abs_ns.get(call.view);
  return () => {
    if (deadlineNs < hypervisor.clock.nowNs()) {
      // Told at once, whatever the flags say: as Xen has it since 4.17.
      hypervisor.timers.stop(vcpu.singleshot);
      vcpu.sendVirq(VIRQ_TIMER);
    } else hypervisor.setTimer(vcpu.singleshot, deadlineNs);
    return 0;
  };
}

function stopSingleshot(call: HypercallFrame): Decoded {
  if (targetOf(call) !== call.vcpu) return -XEN_EINVAL;
  return () => {
    call.hypervisor.timers.stop(call.vcpu.singleshot);
    return 0;
  };
}

function registerInfo(call: HypercallFrame): Decoded {
  const { fields } = vcpu_register_vcpu_info.of(call.word);
  const { domain } = call;
  const vcpu = targetOf(call);
  const layout = vcpu_info.of(call.word);
  const offset = fields.offset.get(call.view);
  if (offset > PAGE_SIZE - layout.byteLength || offset % layout.alignment !== 0) return -XEN_ENXIO;
  if (vcpu.infoFrame !== -1) return -XEN_EINVAL;
  if (vcpu !== call.vcpu && vcpu.isUp) return -XEN_EINVAL;
  const mfn = domain.findOwnFrame(fields.mfn.get(call.view));
  if (mfn === -1 || !domain.canBeWritable(mfn)) return -XEN_EINVAL;
  return () => {
    domain.lendWritable(mfn);
    const { bytes } = call.hypervisor.memory;
    const info = (mfn * PAGE_SIZE + offset) as Maddr;
    if (vcpu.info === call.hypervisor.dummyVcpuInfo) {
      bytes.fill(0, info, info + layout.byteLength);
      bytes[info + 1] = 1;
    } else {
      bytes.copyWithin(info, vcpu.info, vcpu.info + layout.byteLength);
    }
    vcpu.info = info;
    vcpu.infoFrame = mfn;
    // Whatever was on its way to the old place is told again: everything may be pending.
    const { offset: selector, byteLength } = layout.fields.evtchn_pending_sel;
    bytes.fill(0xff, info + selector, info + selector + byteLength);
    vcpu.markEventsPending();
    vcpu.updateTime();
    return 0;
  };
}

function sendNmi(call: HypercallFrame): Decoded {
  const vcpu = targetOf(call);
  const { pv } = vcpu;
  if (call.pointer(2) !== 0) return -XEN_EINVAL;
  if (!pv) return -XEN_ENOSYS;
  return () => {
    pv.isNmiPending = true;
    vcpu.unblock();
    return 0;
  };
}

const operations = subOperations(vcpu_ops, {
  [VCPUOP_up]: up,
  [VCPUOP_down]: down,
  [VCPUOP_is_up]: (call) => (targetOf(call).isUp ? 1 : 0),
  [VCPUOP_get_runstate_info]: getRunstate,
  [VCPUOP_register_runstate_memory_area]: registerRunstateArea,
  [VCPUOP_set_periodic_timer]: setPeriodic,
  [VCPUOP_stop_periodic_timer]: stopPeriodic,
  [VCPUOP_set_singleshot_timer]: setSingleshot,
  [VCPUOP_stop_singleshot_timer]: stopSingleshot,
  [VCPUOP_register_vcpu_info]: registerInfo,
  [VCPUOP_send_nmi]: sendNmi,
  // Only a vCPU that is pinned to a physical CPU has an answer.
  [VCPUOP_get_physid]: () => -XEN_EINVAL,
  [VCPUOP_register_vcpu_time_memory_area]: registerTimeArea,
});

export const vcpuOp: Hypercall = {
  number: __HYPERVISOR_vcpu_op,
  name: 'vcpu_op',
  arguments: 3,
  decode: (call) => {
    const vcpu = call.domain.vcpus[call.uint(1)];
    if (!vcpu) return -XEN_ENOENT;
    if (call.uint(0) === VCPUOP_initialise) return decodeInitialise(call, vcpu);
    return decodeOperation(call, operations, call.uint(0), 2);
  },
};
