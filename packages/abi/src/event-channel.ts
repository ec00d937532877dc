// Event channels: HYPERVISOR_event_channel_op(cmd, args), the virtual interrupts, and both delivery ABIs. event_channel.h, xen.h.
import { array, IN, OUT, struct, u8, u32, u64, union } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t, evtchn_port_t } from './scalar.js';

export const EVTCHNOP_bind_interdomain = 0;
export const EVTCHNOP_bind_virq = 1;
export const EVTCHNOP_bind_pirq = 2;
export const EVTCHNOP_close = 3;
export const EVTCHNOP_send = 4;
export const EVTCHNOP_status = 5;
export const EVTCHNOP_alloc_unbound = 6;
export const EVTCHNOP_bind_ipi = 7;
export const EVTCHNOP_bind_vcpu = 8;
export const EVTCHNOP_unmask = 9;
export const EVTCHNOP_reset = 10;
export const EVTCHNOP_init_control = 11;
export const EVTCHNOP_expand_array = 12;
export const EVTCHNOP_set_priority = 13;

/** Allocates a port in `dom` that `remote_dom` may bind to. Only privileged domains may name another `dom` than DOMID_SELF. */
export const evtchn_alloc_unbound = struct('evtchn_alloc_unbound', {
  dom: IN(domid_t),
  remote_dom: IN(domid_t),
  port: OUT(evtchn_port_t),
});

/** Binds a new local port to a port that is unbound and accepts the caller. The new port always starts pending. */
export const evtchn_bind_interdomain = struct('evtchn_bind_interdomain', {
  remote_dom: IN(domid_t),
  remote_port: IN(evtchn_port_t),
  local_port: OUT(evtchn_port_t),
});

/** Binds a port to a virtual interrupt (VIRQ_*); a global one only on vCPU 0. */
export const evtchn_bind_virq = struct('evtchn_bind_virq', {
  virq: IN(u32),
  vcpu: IN(u32),
  port: OUT(evtchn_port_t),
});

/** Binds a port to a physical interrupt. */
export const evtchn_bind_pirq = struct('evtchn_bind_pirq', {
  pirq: IN(u32),
  flags: IN(u32),
  port: OUT(evtchn_port_t),
});
export const BIND_PIRQ__WILL_SHARE = 1;

/** Makes a port that notifies `vcpu` when the domain sends on it. */
export const evtchn_bind_ipi = struct('evtchn_bind_ipi', {
  vcpu: IN(u32),
  port: OUT(evtchn_port_t),
});

/** Closes a port; the other end of an interdomain channel becomes unbound. */
export const evtchn_close = struct('evtchn_close', { port: IN(evtchn_port_t) });

/** Makes the other end of a local port pending. */
export const evtchn_send = struct('evtchn_send', { port: IN(evtchn_port_t) });

/** What a port is connected to; `u` by `status`. */
export const evtchn_status = struct('evtchn_status', {
  dom: IN(domid_t),
  port: IN(evtchn_port_t),
  status: OUT(u32),
  vcpu: OUT(u32),
  u: OUT(
    union('', {
      unbound: struct('', { dom: domid_t }),
      interdomain: struct('', { dom: domid_t, port: evtchn_port_t }),
      pirq: u32,
      virq: u32,
    }),
  ),
});
export const EVTCHNSTAT_closed = 0;
export const EVTCHNSTAT_unbound = 1;
export const EVTCHNSTAT_interdomain = 2;
export const EVTCHNSTAT_pirq = 3;
export const EVTCHNSTAT_virq = 4;
export const EVTCHNSTAT_ipi = 5;

/** Has `vcpu` notified by `port`; not for IPIs and per-vCPU virtual interrupts. */
export const evtchn_bind_vcpu = struct('evtchn_bind_vcpu', {
  port: IN(evtchn_port_t),
  vcpu: IN(u32),
});

/** Unmasks a port and notifies if it is pending. */
export const evtchn_unmask = struct('evtchn_unmask', { port: IN(evtchn_port_t) });

/** Closes every port of `dom`; of the caller itself also the FIFO ABI, back to 2-level. */
export const evtchn_reset = struct('evtchn_reset', { dom: IN(domid_t) });

/** Gives a vCPU its FIFO control block. */
export const evtchn_init_control = struct('evtchn_init_control', {
  control_gfn: IN(u64),
  offset: IN(u32),
  vcpu: IN(u32),
  link_bits: OUT(u8),
  _pad: array(u8, 7),
});

/** Adds a page to the FIFO event array. */
export const evtchn_expand_array = struct('evtchn_expand_array', { array_gfn: IN(u64) });

/** Moves a port to another FIFO queue. */
export const evtchn_set_priority = struct('evtchn_set_priority', {
  port: IN(evtchn_port_t),
  priority: IN(u32),
});

/** Sub-operations of `event_channel_op`. */
export const event_channel_ops: Operations = operations(
  [EVTCHNOP_bind_interdomain, 'EVTCHNOP_bind_interdomain', evtchn_bind_interdomain],
  [EVTCHNOP_bind_virq, 'EVTCHNOP_bind_virq', evtchn_bind_virq],
  [EVTCHNOP_bind_pirq, 'EVTCHNOP_bind_pirq', evtchn_bind_pirq],
  [EVTCHNOP_close, 'EVTCHNOP_close', evtchn_close],
  [EVTCHNOP_send, 'EVTCHNOP_send', evtchn_send],
  [EVTCHNOP_status, 'EVTCHNOP_status', evtchn_status],
  [EVTCHNOP_alloc_unbound, 'EVTCHNOP_alloc_unbound', evtchn_alloc_unbound],
  [EVTCHNOP_bind_ipi, 'EVTCHNOP_bind_ipi', evtchn_bind_ipi],
  [EVTCHNOP_bind_vcpu, 'EVTCHNOP_bind_vcpu', evtchn_bind_vcpu],
  [EVTCHNOP_unmask, 'EVTCHNOP_unmask', evtchn_unmask],
  [EVTCHNOP_reset, 'EVTCHNOP_reset', evtchn_reset],
  [EVTCHNOP_init_control, 'EVTCHNOP_init_control', evtchn_init_control],
  [EVTCHNOP_expand_array, 'EVTCHNOP_expand_array', evtchn_expand_array],
  [EVTCHNOP_set_priority, 'EVTCHNOP_set_priority', evtchn_set_priority],
);

/** The argument of `event_channel_op_compat`: the first ten operations, with their number inside. */
export const evtchn_op = struct('evtchn_op', {
  cmd: IN(u32),
  u: union('', {
    alloc_unbound: evtchn_alloc_unbound,
    bind_interdomain: evtchn_bind_interdomain,
    bind_virq: evtchn_bind_virq,
    bind_pirq: evtchn_bind_pirq,
    bind_ipi: evtchn_bind_ipi,
    close: evtchn_close,
    send: evtchn_send,
    status: evtchn_status,
    bind_vcpu: evtchn_bind_vcpu,
    unmask: evtchn_unmask,
  }),
});

// Virtual interrupts: "V" is bound once a vCPU and stays there, "G" once a domain, first on vCPU 0. xen.h, "VIRTUAL INTERRUPTS"
/** V: the timer of this vCPU. */
export const VIRQ_TIMER = 0;
/** V: dump debugging information. */
export const VIRQ_DEBUG = 1;
/** G, privileged: input on the emergency console. */
export const VIRQ_CONSOLE = 2;
/** G, privileged: something exceptional happened to a domain. */
export const VIRQ_DOM_EXC = 3;
/** G, privileged: the trace buffer has records. */
export const VIRQ_TBUF = 4;
/** G, privileged: a domain stopped for its debugger. */
export const VIRQ_DEBUGGER = 6;
/** V: a profiling sample is there. */
export const VIRQ_XENOPROF = 7;
/** G, privileged: the console ring has bytes. */
export const VIRQ_CON_RING = 8;
/** G, privileged: a physical CPU came or went. */
export const VIRQ_PCPU_STATE = 9;
/** G, privileged: a memory event happened. */
export const VIRQ_MEM_EVENT = 10;
/** G: a message arrived through Argo. */
export const VIRQ_ARGO = 11;
/** G, privileged: the heap is nearly used up. */
export const VIRQ_ENOMEM = 12;
/** V: a performance counter's interrupt. */
export const VIRQ_XENPMU = 13;
export const VIRQ_ARCH_0 = 16;
export const VIRQ_ARCH_1 = 17;
export const VIRQ_ARCH_2 = 18;
export const VIRQ_ARCH_3 = 19;
export const VIRQ_ARCH_4 = 20;
export const VIRQ_ARCH_5 = 21;
export const VIRQ_ARCH_6 = 22;
export const VIRQ_ARCH_7 = 23;
export const NR_VIRQS = 24;

// 2-level ABI: bitmaps in shared_info, a selector word in vcpu_info; as many ports as a word has bits, squared.
/** Ports by word size: EVTCHN_2L_NR_CHANNELS. */
export const EVTCHN_2L_NR_CHANNELS: { readonly 32: number; readonly 64: number } = Object.freeze({
  32: 1024,
  64: 4096,
});

// FIFO ABI: queues by priority, 0 the highest; an event is a word whose low bits link to the next.
export const EVTCHN_FIFO_PRIORITY_MAX = 0;
export const EVTCHN_FIFO_PRIORITY_DEFAULT = 7;
export const EVTCHN_FIFO_PRIORITY_MIN = 15;
export const EVTCHN_FIFO_MAX_QUEUES = 16;
/** Bit numbers of an event's word. */
export const EVTCHN_FIFO_PENDING = 31;
export const EVTCHN_FIFO_MASKED = 30;
export const EVTCHN_FIFO_LINKED = 29;
export const EVTCHN_FIFO_BUSY = 28;
export const EVTCHN_FIFO_LINK_BITS = 17;
export const EVTCHN_FIFO_LINK_MASK = 0x1ffff;
export const EVTCHN_FIFO_NR_CHANNELS = 0x20000;

/** A vCPU's FIFO control block: which queues are ready, and their heads. */
export const evtchn_fifo_control_block = struct('evtchn_fifo_control_block', {
  ready: u32,
  _rsvd: u32,
  head: array(u32, EVTCHN_FIFO_MAX_QUEUES),
});
