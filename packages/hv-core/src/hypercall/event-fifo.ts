// event_channel_op: the operations of the FIFO ABI (init_control, expand_array, set_priority). event_channel.h, "FIFO ABI".
// Frames a guest lends for it are held by a reference and a writable type reference until the ABI is left.
import {
  EVTCHN_FIFO_LINK_BITS,
  EVTCHN_FIFO_PRIORITY_MIN,
  evtchn_expand_array,
  evtchn_fifo_control_block,
  evtchn_init_control,
  evtchn_set_priority,
  XEN_EACCES,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSPC,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { FIFO_MAX_ARRAY_PAGES } from '../event/fifo.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';

export function initControl(call: HypercallFrame): Decoded {
  const { fields } = evtchn_init_control.of(call.word);
  const { domain } = call;
  const vcpuId = fields.vcpu.get(call.view);
  const offset = fields.offset.get(call.view);
  if (!domain.vcpus[vcpuId]) return -XEN_ENOENT;
  const blockBytes = evtchn_fifo_control_block.of(call.word).byteLength;
  if (offset % 8 !== 0 || offset > PAGE_SIZE - blockBytes) return -XEN_EINVAL;
  if (domain.events.fifo?.hasControlBlock(vcpuId)) return -XEN_EINVAL;
  const mfn = domain.findOwnFrame(fields.control_gfn.get(call.view));
  if (mfn === -1 || !domain.canBeWritable(mfn)) return -XEN_EINVAL;
  return () => {
    domain.lendWritable(mfn);
    const fifo = domain.events.fifo ?? domain.events.useFifo();
    fifo.setControlBlock(vcpuId, mfn, offset);
    fifo.deliverDelayed();
    fields.link_bits.set(call.view, 0, EVTCHN_FIFO_LINK_BITS);
    return 0;
  };
}

export function expandArray(call: HypercallFrame): Decoded {
  const { fields } = evtchn_expand_array.of(call.word);
  const { domain } = call;
  const { fifo } = domain.events;
  if (!fifo) return -XEN_EOPNOTSUPP;
  if (fifo.pages.length >= FIFO_MAX_ARRAY_PAGES) return -XEN_ENOSPC;
  const mfn = domain.findOwnFrame(fields.array_gfn.get(call.view));
  if (mfn === -1 || !domain.canBeWritable(mfn)) return -XEN_EINVAL;
  return () => {
    domain.lendWritable(mfn);
    fifo.pages.push(mfn);
    fifo.deliverDelayed();
    return 0;
  };
}

export function setPriority(call: HypercallFrame): Decoded {
  const { fields } = evtchn_set_priority.of(call.word);
  const { events } = call.domain;
  const port = fields.port.get(call.view);
  const priority = fields.priority.get(call.view);
  if (!events.isValid(port)) return -XEN_EINVAL;
  if (!events.fifo) return -XEN_ENOSYS;
  const channel = events.at(port);
  if (!channel) return -XEN_EACCES;
  if (priority > EVTCHN_FIFO_PRIORITY_MIN) return -XEN_EINVAL;
  return () => {
    channel.priority = priority;
    return 0;
  };
}
