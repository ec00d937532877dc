// event_channel_op: checks of every operation; what they do is in event/event-channels.ts. event_channel.h.
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_event_channel_op_compat,
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_bind_ipi,
  EVTCHNOP_bind_pirq,
  EVTCHNOP_bind_vcpu,
  EVTCHNOP_bind_virq,
  EVTCHNOP_close,
  EVTCHNOP_expand_array,
  EVTCHNOP_init_control,
  EVTCHNOP_reset,
  EVTCHNOP_send,
  EVTCHNOP_set_priority,
  EVTCHNOP_status,
  EVTCHNOP_unmask,
  EVTCHNSTAT_closed,
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_ipi,
  EVTCHNSTAT_unbound,
  EVTCHNSTAT_virq,
  event_channel_ops,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_bind_ipi,
  evtchn_bind_pirq,
  evtchn_bind_vcpu,
  evtchn_bind_virq,
  evtchn_close,
  evtchn_op,
  evtchn_reset,
  evtchn_send,
  evtchn_status,
  evtchn_unmask,
  NR_VIRQS,
  XEN_EACCES,
  XEN_EEXIST,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSPC,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import type { Port } from '../event/event-channel.js';
import { isGlobalVirq } from '../event/virq.js';
import { findTarget } from '../privilege.js';
import { expandArray, initControl, setPriority } from './event-fifo.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

/** Physical interrupts a domain could name, though it is permitted none: 16 legacy lines and 32 more. */
export const NR_PIRQS = 48;

function allocUnbound(call: HypercallFrame): Decoded {
  const { fields } = evtchn_alloc_unbound.of(call.word);
  const target = findTarget(call.domain, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  if (target.events.findFree() === 0) return -XEN_ENOSPC;
  const named = fields.remote_dom.get(call.view);
  const remote = named === DOMID_SELF ? call.domain.id : named;
  return () => {
    fields.port.set(call.view, 0, target.events.allocUnbound(remote).port);
    return 0;
  };
}

function bindInterdomain(call: HypercallFrame): Decoded {
  const { fields } = evtchn_bind_interdomain.of(call.word);
  const { domain } = call;
  const named = fields.remote_dom.get(call.view);
  const remote = named === DOMID_SELF ? domain : call.hypervisor.domain(named);
  if (!remote) return -XEN_ESRCH;
  if (domain.events.findFree() === 0) return -XEN_ENOSPC;
  const far = remote.events.at(fields.remote_port.get(call.view));
  if (far?.state !== EVTCHNSTAT_unbound || far.remoteDomain !== domain.id) return -XEN_EINVAL;
  return () => {
    fields.local_port.set(call.view, 0, domain.events.bindInterdomain(remote, far).port);
    return 0;
  };
}

function bindVirq(call: HypercallFrame): Decoded {
  const { fields } = evtchn_bind_virq.of(call.word);
  const virq = fields.virq.get(call.view);
  const vcpuId = fields.vcpu.get(call.view);
  if (virq >= NR_VIRQS) return -XEN_EINVAL;
  if (isGlobalVirq(virq) && vcpuId !== 0) return -XEN_EINVAL;
  const vcpu = call.domain.vcpus[vcpuId];
  if (!vcpu) return -XEN_ENOENT;
  if (vcpu.virqPorts[virq] !== 0) return -XEN_EEXIST;
  if (call.domain.events.findFree() === 0) return -XEN_ENOSPC;
  return () => {
    fields.port.set(call.view, 0, call.domain.events.bindVirq(virq, vcpuId).port);
    return 0;
  };
}

function bindPirq(call: HypercallFrame): Decoded {
  const { fields } = evtchn_bind_pirq.of(call.word);
  return fields.pirq.get(call.view) >= NR_PIRQS ? -XEN_EINVAL : -XEN_EPERM;
}

function bindIpi(call: HypercallFrame): Decoded {
  const { fields } = evtchn_bind_ipi.of(call.word);
  const vcpuId = fields.vcpu.get(call.view);
  if (!call.domain.vcpus[vcpuId]) return -XEN_ENOENT;
  if (call.domain.events.findFree() === 0) return -XEN_ENOSPC;
  return () => {
    fields.port.set(call.view, 0, call.domain.events.bindIpi(vcpuId).port);
    return 0;
  };
}

/** An open port of the caller that is not the host's. */
function ownChannel(call: HypercallFrame, port: Port) {
  const channel = call.domain.events.at(port);
  return channel && !channel.listener ? channel : null;
}

function close(call: HypercallFrame): Decoded {
  const channel = ownChannel(call, evtchn_close.of(call.word).fields.port.get(call.view));
  if (!channel) return -XEN_EINVAL;
  return () => {
    call.domain.events.close(channel);
    return 0;
  };
}

function send(call: HypercallFrame): Decoded {
  const channel = ownChannel(call, evtchn_send.of(call.word).fields.port.get(call.view));
  if (!channel || channel.state === EVTCHNSTAT_virq) return -XEN_EINVAL;
  return () => {
    call.domain.events.send(channel);
    return 0;
  };
}

function status(call: HypercallFrame): Decoded {
  const { fields } = evtchn_status.of(call.word);
  const target = findTarget(call.domain, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  const port = fields.port.get(call.view);
  if (!target.events.isValid(port)) return -XEN_EINVAL;
  const channel = target.events.at(port);
  if (channel?.listener) return -XEN_EACCES;
  return () => {
    fields.status.set(call.view, 0, channel?.state ?? EVTCHNSTAT_closed);
    fields.vcpu.set(call.view, 0, channel?.notifyVcpu ?? 0);
    const { unbound, interdomain, virq } = fields.u.fields;
    switch (channel?.state) {
      case EVTCHNSTAT_unbound:
        unbound.fields.dom.set(call.view, 0, channel.remoteDomain);
        break;
      case EVTCHNSTAT_interdomain:
        interdomain.fields.dom.set(call.view, 0, channel.remoteDomain);
        interdomain.fields.port.set(call.view, 0, channel.remotePort);
        break;
      case EVTCHNSTAT_virq:
        virq.set(call.view, 0, channel.virq);
        break;
    }
    return 0;
  };
}

function bindVcpu(call: HypercallFrame): Decoded {
  const { fields } = evtchn_bind_vcpu.of(call.word);
  const vcpuId = fields.vcpu.get(call.view);
  if (!call.domain.vcpus[vcpuId]) return -XEN_ENOENT;
  const channel = ownChannel(call, fields.port.get(call.view));
  if (!channel || channel.state === EVTCHNSTAT_ipi) return -XEN_EINVAL;
  if (channel.state === EVTCHNSTAT_virq && !isGlobalVirq(channel.virq)) return -XEN_EINVAL;
  return () => {
    channel.notifyVcpu = vcpuId;
    return 0;
  };
}

function unmask(call: HypercallFrame): Decoded {
  const port = evtchn_unmask.of(call.word).fields.port.get(call.view);
  const { events } = call.domain;
  if (!events.isValid(port)) return -XEN_EINVAL;
  const channel = ownChannel(call, port);
  if (!channel) return 0;
  return () => {
    events.delivery.unmask(channel);
    return 0;
  };
}

function reset(call: HypercallFrame): Decoded {
  const target = findTarget(call.domain, evtchn_reset.of(call.word).fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  if (target !== call.domain && target.pauseCount === 0) return -XEN_EINVAL;
  return () => {
    for (const channel of target.events.open()) {
      if (channel.listener) continue;
      target.events.close(channel);
      // Closed ports are not met again, so starting over needs no progress of its own.
      if (call.spend(1)) return call.restart();
    }
    target.useTwoLevelEvents();
    return 0;
  };
}

const operations = subOperations(event_channel_ops, {
  [EVTCHNOP_alloc_unbound]: allocUnbound,
  [EVTCHNOP_bind_interdomain]: bindInterdomain,
  [EVTCHNOP_bind_virq]: bindVirq,
  [EVTCHNOP_bind_pirq]: bindPirq,
  [EVTCHNOP_bind_ipi]: bindIpi,
  [EVTCHNOP_close]: close,
  [EVTCHNOP_send]: send,
  [EVTCHNOP_status]: status,
  [EVTCHNOP_bind_vcpu]: bindVcpu,
  [EVTCHNOP_unmask]: unmask,
  [EVTCHNOP_reset]: reset,
  [EVTCHNOP_init_control]: initControl,
  [EVTCHNOP_expand_array]: expandArray,
  [EVTCHNOP_set_priority]: setPriority,
});

export const eventChannelOp: Hypercall = {
  number: __HYPERVISOR_event_channel_op,
  name: 'event_channel_op',
  arguments: 2,
  decode: (call) => decodeOperation(call, operations, call.uint(0), 1),
};

/** The older form, whose number is in the record, with the operations there were then. */
export const eventChannelOpCompat: Hypercall = {
  number: __HYPERVISOR_event_channel_op_compat,
  name: 'event_channel_op_compat',
  arguments: 1,
  decode: (call) => {
    if (!call.vcpu.pv) return -XEN_ENOSYS;
    const { byteLength, fields } = evtchn_op.of(call.word);
    const record = call.pointer(0);
    const bytes = new Uint8Array(byteLength);
    if (!call.vcpu.access.copyFrom(record, bytes)) return -XEN_EFAULT;
    const command = fields.cmd.get(new DataView(bytes.buffer));
    if (command > EVTCHNOP_unmask) return -XEN_ENOSYS;
    call.setArgument(1, record + fields.u.offset);
    return decodeOperation(call, operations, command, 1);
  },
};
