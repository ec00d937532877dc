// The scheduler's interface: HYPERVISOR_sched_op(cmd, arg). sched.h.
// `sched_op_compat` takes the shutdown code itself as second argument instead of a pointer.
import { IN, struct, u32, u64 } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { domid_t, guest_handle, int, uint } from './scalar.js';

/** Gives up the CPU. */
export const SCHEDOP_yield = 0;
/** Waits for an event; unmasks upcalls first, in one step with looking for pending ones. */
export const SCHEDOP_block = 1;
/** Ends the domain. For SHUTDOWN_suspend a PV guest's third argument is the frame of its start_info; 1 means cancelled. */
export const SCHEDOP_shutdown = 2;
/** Waits for one of some ports, or a deadline. */
export const SCHEDOP_poll = 3;
/** Declares another domain shut down. */
export const SCHEDOP_remote_shutdown = 4;
/** Stores the code that a later shutdown reports. */
export const SCHEDOP_shutdown_code = 5;
/** id 0: makes a watchdog and returns its id. Otherwise timeout 0 removes it, another one pokes it. */
export const SCHEDOP_watchdog = 6;
/** Pins the vCPU to a physical CPU, for the hardware domain. */
export const SCHEDOP_pin_override = 7;

export const sched_shutdown = struct('sched_shutdown', {
  /** SHUTDOWN_*. */
  reason: IN(uint),
});

export const sched_poll = struct('sched_poll', {
  ports: IN(guest_handle('evtchn_port_t')),
  nr_ports: IN(uint),
  /** Absolute system time in ns; 0 for none. */
  timeout: IN(u64),
});

export const sched_remote_shutdown = struct('sched_remote_shutdown', {
  domain_id: IN(domid_t),
  /** SHUTDOWN_*. */
  reason: IN(uint),
});

export const sched_watchdog = struct('sched_watchdog', {
  id: IN(u32),
  /** Seconds from now. */
  timeout: IN(u32),
});

export const sched_pin_override = struct('sched_pin_override', {
  /** A negative number undoes the pinning. */
  pcpu: IN(int),
});

/** Sub-operations of `sched_op`. */
export const sched_ops: Operations = operations(
  [SCHEDOP_yield, 'SCHEDOP_yield'],
  [SCHEDOP_block, 'SCHEDOP_block'],
  [SCHEDOP_shutdown, 'SCHEDOP_shutdown', sched_shutdown],
  [SCHEDOP_poll, 'SCHEDOP_poll', sched_poll],
  [SCHEDOP_remote_shutdown, 'SCHEDOP_remote_shutdown', sched_remote_shutdown],
  [SCHEDOP_shutdown_code, 'SCHEDOP_shutdown_code', sched_shutdown],
  [SCHEDOP_watchdog, 'SCHEDOP_watchdog', sched_watchdog],
  [SCHEDOP_pin_override, 'SCHEDOP_pin_override', sched_pin_override],
);

export const SHUTDOWN_poweroff = 0;
export const SHUTDOWN_reboot = 1;
export const SHUTDOWN_suspend = 2;
export const SHUTDOWN_crash = 3;
export const SHUTDOWN_watchdog = 4;
/** Resets Xen's own state of the domain, leaving memory and vCPUs. */
export const SHUTDOWN_soft_reset = 5;
export const SHUTDOWN_MAX = 5;
