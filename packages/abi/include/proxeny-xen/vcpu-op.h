/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_VCPU_OP_H
#define PROXENY_XEN_VCPU_OP_H

/* Virtual CPUs: HYPERVISOR_vcpu_op(cmd, vcpuid, extra_args). vcpu.h. A vCPU that cannot exist answers -ENOENT. */

#include "scalar.h"

/* Gives a vCPU its first state: a vcpu_guest_context, of an HVM guest a vcpu_hvm_context. */
#define VCPUOP_initialise 0
#define VCPUOP_up 1
#define VCPUOP_down 2
/* 1 if it is up. */
#define VCPUOP_is_up 3
#define VCPUOP_get_runstate_info 4
#define VCPUOP_register_runstate_memory_area 5
#define VCPUOP_set_periodic_timer 6
#define VCPUOP_stop_periodic_timer 7
#define VCPUOP_set_singleshot_timer 8
#define VCPUOP_stop_singleshot_timer 9
#define VCPUOP_register_vcpu_info 10
#define VCPUOP_send_nmi 11
#define VCPUOP_get_physid 12
#define VCPUOP_register_vcpu_time_memory_area 13

/* Where a vCPU's time went, in ns. */
struct vcpu_runstate_info {
  int state; /* OUT */
  uint64_t state_entry_time; /* OUT */
  uint64_t time[4]; /* OUT */
};
/* Bit 63 of state_entry_time, of guests with VMASST_TYPE_runstate_update_flag. */
#define XEN_RUNSTATE_UPDATE 0x8000000000000000ULL
#define RUNSTATE_running 0
/* Waits for a CPU. */
#define RUNSTATE_runnable 1
/* Waits for an event. */
#define RUNSTATE_blocked 2
/* Neither: down, or paused. */
#define RUNSTATE_offline 3

/* Has Xen keep a copy of the run state at a linear address. */
struct vcpu_register_runstate_memory_area {
  union {
    XEN_GUEST_HANDLE(vcpu_runstate_info_t) h;
    XEN_GUEST_HANDLE(vcpu_runstate_info_t) v;
    uint64_t p;
  } addr; /* IN */
};

struct vcpu_set_periodic_timer {
  uint64_t period_ns; /* IN */
};

struct vcpu_set_singleshot_timer {
  uint64_t timeout_abs_ns; /* IN */
  uint32_t flags; /* IN */
};
/* -ETIME if the time has passed. */
#define VCPU_SSHOTTMR_future 1

/* Puts the vCPU's vcpu_info elsewhere, once; not across a page's end. */
struct vcpu_register_vcpu_info {
  uint64_t mfn; /* IN */
  uint32_t offset; /* IN */
  uint32_t rsvd;
};

struct vcpu_get_physid {
  uint64_t phys_id; /* OUT */
};

/* Has Xen keep a second vcpu_time_info at a linear address, which user mode may read. */
struct vcpu_register_time_memory_area {
  union {
    XEN_GUEST_HANDLE(vcpu_time_info_t) h;
    XEN_GUEST_HANDLE(vcpu_time_info_t) v;
    uint64_t p;
  } addr; /* IN */
};

#endif
