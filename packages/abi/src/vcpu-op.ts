// Virtual CPUs: HYPERVISOR_vcpu_op(cmd, vcpuid, extra_args). vcpu.h. A vCPU that cannot exist answers -ENOENT.
import { array, IN, OUT, struct, u32, u64, union } from '@proxeny/memory';
import { vcpu_guest_context } from './cpu-context.js';
import { type Operations, operations } from './operation.js';
import { guest_handle, int } from './scalar.js';

/** Gives a vCPU its first state: a vcpu_guest_context, of an HVM guest a vcpu_hvm_context. */
export const VCPUOP_initialise = 0;
export const VCPUOP_up = 1;
export const VCPUOP_down = 2;
/** 1 if it is up. */
export const VCPUOP_is_up = 3;
export const VCPUOP_get_runstate_info = 4;
export const VCPUOP_register_runstate_memory_area = 5;
export const VCPUOP_set_periodic_timer = 6;
export const VCPUOP_stop_periodic_timer = 7;
export const VCPUOP_set_singleshot_timer = 8;
export const VCPUOP_stop_singleshot_timer = 9;
export const VCPUOP_register_vcpu_info = 10;
export const VCPUOP_send_nmi = 11;
export const VCPUOP_get_physid = 12;
export const VCPUOP_register_vcpu_time_memory_area = 13;

/** Where a vCPU's time went, in ns. */
export const vcpu_runstate_info = struct('vcpu_runstate_info', {
  /** RUNSTATE_*. */
  state: OUT(int),
  /** System time of the last change; XEN_RUNSTATE_UPDATE while Xen writes a registered copy. */
  state_entry_time: OUT(u64),
  /** By RUNSTATE_*. */
  time: OUT(array(u64, 4)),
});
/** Bit 63 of state_entry_time, of guests with VMASST_TYPE_runstate_update_flag. */
export const XEN_RUNSTATE_UPDATE = 0x8000_0000_0000_0000;
export const RUNSTATE_running = 0;
/** Waits for a CPU. */
export const RUNSTATE_runnable = 1;
/** Waits for an event. */
export const RUNSTATE_blocked = 2;
/** Neither: down, or paused. */
export const RUNSTATE_offline = 3;

/** Has Xen keep a copy of the run state at a linear address. */
export const vcpu_register_runstate_memory_area = struct('vcpu_register_runstate_memory_area', {
  addr: IN(
    union('', {
      h: guest_handle('vcpu_runstate_info_t'),
      v: guest_handle('vcpu_runstate_info_t'),
      p: u64,
    }),
  ),
});

export const vcpu_set_periodic_timer = struct('vcpu_set_periodic_timer', { period_ns: IN(u64) });

export const vcpu_set_singleshot_timer = struct('vcpu_set_singleshot_timer', {
  /** System time in ns. */
  timeout_abs_ns: IN(u64),
  /** VCPU_SSHOTTMR_*. */
  flags: IN(u32),
});
/** -ETIME if the time has passed. */
export const VCPU_SSHOTTMR_future = 1 << 0;

/** Puts the vCPU's vcpu_info elsewhere, once; not across a page's end. */
export const vcpu_register_vcpu_info = struct('vcpu_register_vcpu_info', {
  mfn: IN(u64),
  offset: IN(u32),
  rsvd: u32,
});

export const vcpu_get_physid = struct('vcpu_get_physid', {
  /** Bits 0–31 APIC id, 32–63 ACPI id. */
  phys_id: OUT(u64),
});

/** Has Xen keep a second vcpu_time_info at a linear address, which user mode may read. */
export const vcpu_register_time_memory_area = struct('vcpu_register_time_memory_area', {
  addr: IN(
    union('', { h: guest_handle('vcpu_time_info_t'), v: guest_handle('vcpu_time_info_t'), p: u64 }),
  ),
});

/** Sub-operations of `vcpu_op`. */
export const vcpu_ops: Operations = operations(
  [VCPUOP_initialise, 'VCPUOP_initialise', vcpu_guest_context],
  [VCPUOP_up, 'VCPUOP_up'],
  [VCPUOP_down, 'VCPUOP_down'],
  [VCPUOP_is_up, 'VCPUOP_is_up'],
  [VCPUOP_get_runstate_info, 'VCPUOP_get_runstate_info', vcpu_runstate_info],
  [
    VCPUOP_register_runstate_memory_area,
    'VCPUOP_register_runstate_memory_area',
    vcpu_register_runstate_memory_area,
  ],
  [VCPUOP_set_periodic_timer, 'VCPUOP_set_periodic_timer', vcpu_set_periodic_timer],
  [VCPUOP_stop_periodic_timer, 'VCPUOP_stop_periodic_timer'],
  [VCPUOP_set_singleshot_timer, 'VCPUOP_set_singleshot_timer', vcpu_set_singleshot_timer],
  [VCPUOP_stop_singleshot_timer, 'VCPUOP_stop_singleshot_timer'],
  [VCPUOP_register_vcpu_info, 'VCPUOP_register_vcpu_info', vcpu_register_vcpu_info],
  [VCPUOP_send_nmi, 'VCPUOP_send_nmi'],
  [VCPUOP_get_physid, 'VCPUOP_get_physid', vcpu_get_physid],
  [
    VCPUOP_register_vcpu_time_memory_area,
    'VCPUOP_register_vcpu_time_memory_area',
    vcpu_register_time_memory_area,
  ],
);
