/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_EVENT_CHANNEL_H
#define PROXENY_XEN_EVENT_CHANNEL_H

/* Event channels: HYPERVISOR_event_channel_op(cmd, args), the virtual interrupts, and both delivery ABIs. event_channel.h, xen.h. */

#include "scalar.h"

#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_bind_virq 1
#define EVTCHNOP_bind_pirq 2
#define EVTCHNOP_close 3
#define EVTCHNOP_send 4
#define EVTCHNOP_status 5
#define EVTCHNOP_alloc_unbound 6
#define EVTCHNOP_bind_ipi 7
#define EVTCHNOP_bind_vcpu 8
#define EVTCHNOP_unmask 9
#define EVTCHNOP_reset 10
#define EVTCHNOP_init_control 11
#define EVTCHNOP_expand_array 12
#define EVTCHNOP_set_priority 13

/* Allocates a port in `dom` that `remote_dom` may bind to. Only privileged domains may name another `dom` than DOMID_SELF. */
struct evtchn_alloc_unbound {
  domid_t dom; /* IN */
  domid_t remote_dom; /* IN */
  evtchn_port_t port; /* OUT */
};

/* Binds a new local port to a port that is unbound and accepts the caller. The new port always starts pending. */
struct evtchn_bind_interdomain {
  domid_t remote_dom; /* IN */
  evtchn_port_t remote_port; /* IN */
  evtchn_port_t local_port; /* OUT */
};

/* Binds a port to a virtual interrupt (VIRQ_*); a global one only on vCPU 0. */
struct evtchn_bind_virq {
  uint32_t virq; /* IN */
  uint32_t vcpu; /* IN */
  evtchn_port_t port; /* OUT */
};

/* Binds a port to a physical interrupt. */
struct evtchn_bind_pirq {
  uint32_t pirq; /* IN */
  uint32_t flags; /* IN */
  evtchn_port_t port; /* OUT */
};
#define BIND_PIRQ__WILL_SHARE 1

/* Makes a port that notifies `vcpu` when the domain sends on it. */
struct evtchn_bind_ipi {
  uint32_t vcpu; /* IN */
  evtchn_port_t port; /* OUT */
};

/* Closes a port; the other end of an interdomain channel becomes unbound. */
struct evtchn_close {
  evtchn_port_t port; /* IN */
};

/* Makes the other end of a local port pending. */
struct evtchn_send {
  evtchn_port_t port; /* IN */
};

/* What a port is connected to; `u` by `status`. */
struct evtchn_status {
  domid_t dom; /* IN */
  evtchn_port_t port; /* IN */
  uint32_t status; /* OUT */
  uint32_t vcpu; /* OUT */
  union {
    struct {
      domid_t dom;
    } unbound;
    struct {
      domid_t dom;
      evtchn_port_t port;
    } interdomain;
    uint32_t pirq;
    uint32_t virq;
  } u; /* OUT */
};
#define EVTCHNSTAT_closed 0
#define EVTCHNSTAT_unbound 1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_pirq 3
#define EVTCHNSTAT_virq 4
#define EVTCHNSTAT_ipi 5

/* Has `vcpu` notified by `port`; not for IPIs and per-vCPU virtual interrupts. */
struct evtchn_bind_vcpu {
  evtchn_port_t port; /* IN */
  uint32_t vcpu; /* IN */
};

/* Unmasks a port and notifies if it is pending. */
struct evtchn_unmask {
  evtchn_port_t port; /* IN */
};

/* Closes every port of `dom`; of the caller itself also the FIFO ABI, back to 2-level. */
struct evtchn_reset {
  domid_t dom; /* IN */
};

/* Gives a vCPU its FIFO control block. */
struct evtchn_init_control {
  uint64_t control_gfn; /* IN */
  uint32_t offset; /* IN */
  uint32_t vcpu; /* IN */
  uint8_t link_bits; /* OUT */
  uint8_t _pad[7];
};

/* Adds a page to the FIFO event array. */
struct evtchn_expand_array {
  uint64_t array_gfn; /* IN */
};

/* Moves a port to another FIFO queue. */
struct evtchn_set_priority {
  evtchn_port_t port; /* IN */
  uint32_t priority; /* IN */
};

/* The argument of `event_channel_op_compat`: the first ten operations, with their number inside. */
struct evtchn_op {
  uint32_t cmd; /* IN */
  union {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
  } u;
};
/* Virtual interrupts: "V" is bound once a vCPU and stays there, "G" once a domain, first on vCPU 0. xen.h, "VIRTUAL INTERRUPTS"
 * V: the timer of this vCPU. */
#define VIRQ_TIMER 0
/* V: dump debugging information. */
#define VIRQ_DEBUG 1
/* G, privileged: input on the emergency console. */
#define VIRQ_CONSOLE 2
/* G, privileged: something exceptional happened to a domain. */
#define VIRQ_DOM_EXC 3
/* G, privileged: the trace buffer has records. */
#define VIRQ_TBUF 4
/* G, privileged: a domain stopped for its debugger. */
#define VIRQ_DEBUGGER 6
/* V: a profiling sample is there. */
#define VIRQ_XENOPROF 7
/* G, privileged: the console ring has bytes. */
#define VIRQ_CON_RING 8
/* G, privileged: a physical CPU came or went. */
#define VIRQ_PCPU_STATE 9
/* G, privileged: a memory event happened. */
#define VIRQ_MEM_EVENT 10
/* G: a message arrived through Argo. */
#define VIRQ_ARGO 11
/* G, privileged: the heap is nearly used up. */
#define VIRQ_ENOMEM 12
/* V: a performance counter's interrupt. */
#define VIRQ_XENPMU 13
#define VIRQ_ARCH_0 16
#define VIRQ_ARCH_1 17
#define VIRQ_ARCH_2 18
#define VIRQ_ARCH_3 19
#define VIRQ_ARCH_4 20
#define VIRQ_ARCH_5 21
#define VIRQ_ARCH_6 22
#define VIRQ_ARCH_7 23
#define NR_VIRQS 24
/* 2-level ABI: bitmaps in shared_info, a selector word in vcpu_info; as many ports as a word has bits, squared.
 * Ports by word size: EVTCHN_2L_NR_CHANNELS. */
#ifdef __x86_64__
#define EVTCHN_2L_NR_CHANNELS 0x1000
#else
#define EVTCHN_2L_NR_CHANNELS 0x400
#endif
/* FIFO ABI: queues by priority, 0 the highest; an event is a word whose low bits link to the next. */
#define EVTCHN_FIFO_PRIORITY_MAX 0
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_PRIORITY_MIN 15
#define EVTCHN_FIFO_MAX_QUEUES 16
/* Bit numbers of an event's word. */
#define EVTCHN_FIFO_PENDING 31
#define EVTCHN_FIFO_MASKED 30
#define EVTCHN_FIFO_LINKED 29
#define EVTCHN_FIFO_BUSY 28
#define EVTCHN_FIFO_LINK_BITS 17
#define EVTCHN_FIFO_LINK_MASK 0x1ffff
#define EVTCHN_FIFO_NR_CHANNELS 0x20000

/* A vCPU's FIFO control block: which queues are ready, and their heads. */
struct evtchn_fifo_control_block {
  uint32_t ready;
  uint32_t _rsvd;
  uint32_t head[16];
};

#endif
