// Entry points of a PV kernel: HYPERVISOR_callback_op(cmd, arg), and set_callbacks before it; nmi_op. callback.h, nmi.h.
// set_callbacks takes (event_cs, event_eip, failsafe_cs, failsafe_eip) of a 32-bit guest, (event, failsafe, syscall) of a 64-bit one.
import { IN, struct, structPair, u16, ulong } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';

export const CALLBACKTYPE_event = 0;
/** A selector or the return itself faulted on the way back to the guest. */
export const CALLBACKTYPE_failsafe = 1;
/** SYSCALL of 64-bit user mode. */
export const CALLBACKTYPE_syscall = 2;
export const CALLBACKTYPE_sysenter_deprecated = 3;
export const CALLBACKTYPE_nmi = 4;
export const CALLBACKTYPE_sysenter = 5;
/** SYSCALL of 32-bit user mode, on AMD. */
export const CALLBACKTYPE_syscall32 = 7;

/** Mask events when it is entered; always so for events and NMIs. */
export const CALLBACKF_mask_events = 1 << 0;

export const CALLBACKOP_register = 0;
export const CALLBACKOP_unregister = 1;

/** Registers an entry point; of a 64-bit guest an address, of a 32-bit one selector and offset. */
export const callback_register = structPair(
  struct('callback_register', {
    type: IN(u16),
    flags: IN(u16),
    address: IN(struct('xen_callback', { cs: ulong, eip: ulong })),
  }),
  struct('callback_register', { type: IN(u16), flags: IN(u16), address: IN(ulong) }),
);

export const callback_unregister = struct('callback_unregister', { type: IN(u16), _unused: u16 });

/** Sub-operations of `callback_op`. */
export const callback_ops: Operations = operations(
  [CALLBACKOP_register, 'CALLBACKOP_register', callback_register],
  [CALLBACKOP_unregister, 'CALLBACKOP_unregister', callback_unregister],
);

export const XENNMI_register_callback = 0;
export const XENNMI_unregister_callback = 1;

export const xennmi_callback = struct('xennmi_callback', {
  handler_address: IN(ulong),
  pad: ulong,
});

/** Sub-operations of `nmi_op`. */
export const nmi_ops: Operations = operations(
  [XENNMI_register_callback, 'XENNMI_register_callback', xennmi_callback],
  [XENNMI_unregister_callback, 'XENNMI_unregister_callback'],
);
