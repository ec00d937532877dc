// set_callbacks, callback_op and nmi_op: where a guest's kernel is entered for what is no exception. callback.h, nmi.h.
// Events always mask upcalls on entry, the others if the guest says so.
import {
  __HYPERVISOR_callback_op,
  __HYPERVISOR_nmi_op,
  __HYPERVISOR_set_callbacks,
  CALLBACKF_mask_events,
  CALLBACKOP_register,
  CALLBACKOP_unregister,
  CALLBACKTYPE_event,
  CALLBACKTYPE_failsafe,
  CALLBACKTYPE_nmi,
  CALLBACKTYPE_syscall,
  CALLBACKTYPE_syscall32,
  CALLBACKTYPE_sysenter,
  callback_ops,
  callback_register,
  callback_unregister,
  FLAT_RING1_CS,
  FLAT_RING3_CS64,
  nmi_ops,
  TI_IF,
  XEN_EINVAL,
  XEN_ENOSYS,
  XENNMI_register_callback,
  XENNMI_unregister_callback,
  xennmi_callback,
} from '@proxeny/abi';
import { isCanonical } from '../trap/canonical.js';
import type { PvState } from '../trap/pv-state.js';
import { fixSelector } from '../trap/selector.js';
import type { EntryPoint } from '../trap/trap-table.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall, SubOperation } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

const VECTOR_NMI = 2;

/** The entry point of a type; undefined: there is none for this word size. */
function entryOf(pv: PvState, type: number, word: 32 | 64): EntryPoint | undefined {
  switch (type) {
    case CALLBACKTYPE_event:
      return pv.event;
    case CALLBACKTYPE_failsafe:
      return pv.failsafe;
    case CALLBACKTYPE_syscall:
      return word === 64 ? pv.syscall : undefined;
    case CALLBACKTYPE_syscall32:
      return pv.syscall32;
    case CALLBACKTYPE_sysenter:
      return pv.sysenter;
    default:
      return undefined;
  }
}

/** Sets the NMI's vector, for which there is a handler in the trap table. */
function setNmi(call: HypercallFrame, low: number, high: number): Decoded {
  if (!isCanonical(high)) return -XEN_EINVAL;
  const selector = call.word === 32 ? FLAT_RING1_CS : FLAT_RING3_CS64;
  return () => {
    call.vcpu.pv?.traps.set(VECTOR_NMI, TI_IF, selector, low, high);
    return 0;
  };
}

function clearNmi(call: HypercallFrame): Decoded {
  return () => {
    call.vcpu.pv?.traps.set(VECTOR_NMI, 0, 0, 0, 0);
    return 0;
  };
}

function register(call: HypercallFrame): Decoded {
  const layout = callback_register.of(call.word);
  const { pv } = call.vcpu;
  const type = layout.fields.type.get(call.view);
  let selector = FLAT_RING3_CS64;
  let address = callback_register.of(64).fields.address;
  if (call.word === 32) {
    const { cs, eip } = callback_register.of(32).fields.address.fields;
    selector = fixSelector(cs.get(call.view) & 0xffff, 32);
    address = eip;
  }
  const low = address.getLow(call.view);
  const high = address.getHigh(call.view);
  if (call.word === 64 && !isCanonical(high)) return -XEN_EINVAL;
  if (type === CALLBACKTYPE_nmi) return setNmi(call, low, high);
  const entry = pv && entryOf(pv, type, call.word);
  if (!entry) return -XEN_ENOSYS;
  const masks =
    type === CALLBACKTYPE_event ||
    (layout.fields.flags.get(call.view) & CALLBACKF_mask_events) !== 0;
  return () => {
    entry.set(selector, low, high, masks);
    return 0;
  };
}

/** Only the NMI's can be taken back. */
function unregister(call: HypercallFrame): Decoded {
  const type = callback_unregister.of(call.word).fields.type.get(call.view);
  if (type === CALLBACKTYPE_nmi) return clearNmi(call);
  const { pv } = call.vcpu;
  return pv && entryOf(pv, type, call.word) ? -XEN_EINVAL : -XEN_ENOSYS;
}

const operations = subOperations(callback_ops, {
  [CALLBACKOP_register]: register,
  [CALLBACKOP_unregister]: unregister,
});

/** Operations of page-table guests only; `unknown` is what others and unknown numbers get. */
function decodeFor(
  call: HypercallFrame,
  table: readonly (SubOperation | undefined)[],
  unknown: number,
): Decoded {
  if (!call.vcpu.pv) return -XEN_ENOSYS;
  return table[call.uint(0)] ? decodeOperation(call, table, call.uint(0), 1) : unknown;
}

export const callbackOp: Hypercall = {
  number: __HYPERVISOR_callback_op,
  name: 'callback_op',
  arguments: 2,
  // Xen's 32-bit half of it differs here.
  decode: (call) => decodeFor(call, operations, call.word === 32 ? -XEN_EINVAL : -XEN_ENOSYS),
};

const nmiOperations = subOperations(nmi_ops, {
  [XENNMI_register_callback]: (call) => {
    const { handler_address } = xennmi_callback.of(call.word).fields;
    return setNmi(call, handler_address.getLow(call.view), handler_address.getHigh(call.view));
  },
  [XENNMI_unregister_callback]: clearNmi,
});

export const nmiOp: Hypercall = {
  number: __HYPERVISOR_nmi_op,
  name: 'nmi_op',
  arguments: 2,
  decode: (call) => decodeFor(call, nmiOperations, -XEN_ENOSYS),
};

/** Arguments: of a 32-bit guest selector and offset of event and failsafe; of a 64-bit one event, failsafe, syscall. */
function decodeSetCallbacks(call: HypercallFrame): Decoded {
  const { pv } = call.vcpu;
  if (!pv) return -XEN_ENOSYS;
  if (call.word === 32) {
    return () => {
      pv.event.set(fixSelector(call.uint(0) & 0xffff, 32), call.uint(1), 0, true);
      pv.failsafe.set(fixSelector(call.uint(2) & 0xffff, 32), call.uint(3), 0, false);
      return 0;
    };
  }
  return () => {
    // An address that is none is left out, and nothing said about it: as Xen has it.
    for (const [i, entry] of [pv.event, pv.failsafe, pv.syscall].entries()) {
      const high = call.high[i] as number;
      if (isCanonical(high)) entry.set(FLAT_RING3_CS64, call.uint(i), high, i === 0);
    }
    return 0;
  };
}

export const setCallbacks: Hypercall = {
  number: __HYPERVISOR_set_callbacks,
  name: 'set_callbacks',
  arguments: 4,
  decode: decodeSetCallbacks,
};
