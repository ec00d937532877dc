/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_SCHED_H
#define PROXENY_XEN_SCHED_H

/* The scheduler's interface: HYPERVISOR_sched_op(cmd, arg). sched.h.
 * `sched_op_compat` takes the shutdown code itself as second argument instead of a pointer. */

#include "scalar.h"

/* Gives up the CPU. */
#define SCHEDOP_yield 0
/* Waits for an event; unmasks upcalls first, in one step with looking for pending ones. */
#define SCHEDOP_block 1
/* Ends the domain. For SHUTDOWN_suspend a PV guest's third argument is the frame of its start_info; 1 means cancelled. */
#define SCHEDOP_shutdown 2
/* Waits for one of some ports, or a deadline. */
#define SCHEDOP_poll 3
/* Declares another domain shut down. */
#define SCHEDOP_remote_shutdown 4
/* Stores the code that a later shutdown reports. */
#define SCHEDOP_shutdown_code 5
/* id 0: makes a watchdog and returns its id. Otherwise timeout 0 removes it, another one pokes it. */
#define SCHEDOP_watchdog 6
/* Pins the vCPU to a physical CPU, for the hardware domain. */
#define SCHEDOP_pin_override 7

struct sched_shutdown {
  unsigned int reason; /* IN */
};

struct sched_poll {
  XEN_GUEST_HANDLE(evtchn_port_t) ports; /* IN */
  unsigned int nr_ports; /* IN */
  uint64_t timeout; /* IN */
};

struct sched_remote_shutdown {
  domid_t domain_id; /* IN */
  unsigned int reason; /* IN */
};

struct sched_watchdog {
  uint32_t id; /* IN */
  uint32_t timeout; /* IN */
};

struct sched_pin_override {
  int pcpu; /* IN */
};
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_reboot 1
#define SHUTDOWN_suspend 2
#define SHUTDOWN_crash 3
#define SHUTDOWN_watchdog 4
/* Resets Xen's own state of the domain, leaving memory and vCPUs. */
#define SHUTDOWN_soft_reset 5
#define SHUTDOWN_MAX 5

#endif
