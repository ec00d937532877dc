// sched_op and its older form: yield, block, shut down, poll, watchdogs. sched.h.
import {
  __HYPERVISOR_sched_op,
  __HYPERVISOR_sched_op_compat,
  SCHEDOP_block,
  SCHEDOP_pin_override,
  SCHEDOP_poll,
  SCHEDOP_remote_shutdown,
  SCHEDOP_shutdown,
  SCHEDOP_shutdown_code,
  SCHEDOP_watchdog,
  SCHEDOP_yield,
  sched_ops,
  sched_poll,
  sched_remote_shutdown,
  sched_shutdown,
  sched_watchdog,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSPC,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import { mayManage } from '../privilege.js';
import { POLL_SEVERAL } from '../vcpu.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

/** Ports one poll may name. */
const MAX_POLL_PORTS = 128;

function yieldCpu(call: HypercallFrame): Decoded {
  return () => {
    call.vcpu.isYielding = true;
    return 0;
  };
}

function block(call: HypercallFrame): Decoded {
  return () => {
    call.vcpu.block();
    return 0;
  };
}

function shutdown(call: HypercallFrame): Decoded {
  const reason = sched_shutdown.of(call.word).fields.reason.get(call.view) & 0xff;
  return () => {
    call.domain.shutdown(reason);
    return 0;
  };
}

function shutdownCode(call: HypercallFrame): Decoded {
  const reason = sched_shutdown.of(call.word).fields.reason.get(call.view) & 0xff;
  return () => {
    call.domain.shutdownCode = reason;
    return 0;
  };
}

function poll(call: HypercallFrame): Decoded {
  const { fields } = sched_poll.of(call.word);
  const { vcpu, domain } = call;
  const count = fields.nr_ports.get(call.view);
  const timeoutNs = fields.timeout.get(call.view);
  if (count > MAX_POLL_PORTS) return -XEN_EINVAL;
  const bytes = new Uint8Array(count * 4);
  if (!vcpu.access.copyFrom(call.recordPointer(fields.ports), bytes)) return -XEN_EFAULT;
  const view = new DataView(bytes.buffer);
  let isReady = vcpu.hasDeliverableUpcall;
  for (let i = 0; i < count && !isReady; i++) {
    const port = view.getUint32(i * 4, true);
    if (!domain.events.isValid(port)) return -XEN_EINVAL;
    const channel = domain.events.at(port);
    isReady = channel !== null && !channel.listener && domain.events.delivery.isPending(channel);
  }
  if (isReady) return 0;
  const port = count === 1 ? view.getUint32(0, true) : POLL_SEVERAL;
  return () => {
    vcpu.poll(port === 0 ? POLL_SEVERAL : port, timeoutNs);
    return 0;
  };
}

function remoteShutdown(call: HypercallFrame): Decoded {
  const { fields } = sched_remote_shutdown.of(call.word);
  const target = call.hypervisor.domain(fields.domain_id.get(call.view));
  if (!target) return -XEN_ESRCH;
  if (!mayManage(call.domain, target)) return -XEN_EPERM;
  const reason = fields.reason.get(call.view) & 0xff;
  return () => {
    target.shutdown(reason);
    return 0;
  };
}

function watchdog(call: HypercallFrame): Decoded {
  const { fields } = sched_watchdog.of(call.word);
  const { watchdogs } = call.domain;
  const id = fields.id.get(call.view);
  const timeoutS = fields.timeout.get(call.view);
  if (id === 0) {
    const free = watchdogs.findFree();
    if (free === 0) return -XEN_ENOSPC;
    return () => {
      watchdogs.arm(free, timeoutS * 1e9);
      return free;
    };
  }
  if (!watchdogs.isInUse(id)) return -XEN_EINVAL;
  return () => {
    if (timeoutS === 0) watchdogs.disarm(id);
    else watchdogs.arm(id, timeoutS * 1e9);
    return 0;
  };
}

const operations = subOperations(sched_ops, {
  [SCHEDOP_yield]: yieldCpu,
  [SCHEDOP_block]: block,
  [SCHEDOP_shutdown]: shutdown,
  [SCHEDOP_poll]: poll,
  [SCHEDOP_remote_shutdown]: remoteShutdown,
  [SCHEDOP_shutdown_code]: shutdownCode,
  [SCHEDOP_watchdog]: watchdog,
  // Pinning is the hardware domain's; there is none.
  [SCHEDOP_pin_override]: () => -XEN_EPERM,
});

export const schedOp: Hypercall = {
  number: __HYPERVISOR_sched_op,
  name: 'sched_op',
  arguments: 2,
  decode: (call) => decodeOperation(call, operations, call.uint(0), 1),
};

export const schedOpCompat: Hypercall = {
  number: __HYPERVISOR_sched_op_compat,
  name: 'sched_op_compat',
  arguments: 2,
  decode: (call) => {
    switch (call.uint(0)) {
      case SCHEDOP_yield:
        return yieldCpu(call);
      case SCHEDOP_block:
        return block(call);
      case SCHEDOP_shutdown: {
        const reason = call.uint(1) & 0xff;
        return () => {
          call.domain.shutdown(reason);
          return 0;
        };
      }
      default:
        return -XEN_ENOSYS;
    }
  },
};
