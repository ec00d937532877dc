// What each hypercall takes in its registers, for decoders and tracers. xen.h and the headers of its families.
// 32-bit guests pass arguments in EBX ECX EDX ESI EDI EBP, 64-bit ones in RDI RSI RDX R10 R8 R9; the order here is theirs.
import { callback_ops, nmi_ops } from './callback.js';
import { event_channel_ops, evtchn_op } from './event-channel.js';
import { grant_table_ops } from './grant-table-op.js';
import { hvm_ops } from './hvm-op.js';
import { hypercall_names } from './hypercall-number.js';
import { memory_ops } from './memory-op.js';
import { mmu_update, mmuext_op } from './mmu.js';
import { multicall_entry } from './multicall.js';
import type { ArgumentType, Operations } from './operation.js';
import { physdev_op, physdev_ops } from './physdev.js';
import { sched_ops } from './sched.js';
import { trap_info } from './trap.js';
import { vcpu_ops } from './vcpu-op.js';
import { version_ops } from './version.js';

/**
 * What an argument is. `number`: unsigned, as wide as the guest's word. `signed`: the same, signed.
 * `u64`: of a 32-bit guest two registers, low half first. `op`: picks from the hypercall's operations.
 * `record`: points to `type`, or to the operation's record if there is none. `array`: as record, as many as the argument named by `count`.
 * `pointer`: points to something else.
 */
export type ParameterKind = 'number' | 'signed' | 'u64' | 'op' | 'record' | 'array' | 'pointer';

export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  readonly type?: ArgumentType;
  /** Of an array: the parameter that says how many; none if the array ends itself. */
  readonly count?: string;
}

export interface HypercallSignature {
  readonly number: number;
  /** Without `__HYPERVISOR_`. */
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** What its `op` picks from. */
  readonly operations: Operations | null;
}

const number = (name: string): Parameter => ({ name, kind: 'number' });
const pointer = (name: string): Parameter => ({ name, kind: 'pointer' });
const u64 = (name: string): Parameter => ({ name, kind: 'u64' });
const op = (name: string): Parameter => ({ name, kind: 'op' });
/** A record, of `type` or as the operation says. */
function record(name: string, type?: ArgumentType): Parameter {
  return type ? { name, kind: 'record', type } : { name, kind: 'record' };
}
function array(name: string, count: string, type?: ArgumentType): Parameter {
  return type ? { name, kind: 'array', count, type } : { name, kind: 'array', count };
}

interface Row {
  readonly parameters: readonly Parameter[];
  /** 64-bit guests, where they differ. */
  readonly parameters64?: readonly Parameter[];
  readonly operations?: Operations;
}

const rows: Readonly<Record<string, Row>> = {
  set_trap_table: { parameters: [{ name: 'traps', kind: 'array', type: trap_info }] },
  mmu_update: {
    parameters: [
      array('ureqs', 'count', mmu_update),
      number('count'),
      pointer('pdone'),
      number('foreigndom'),
    ],
  },
  set_gdt: { parameters: [pointer('frame_list'), number('entries')] },
  stack_switch: { parameters: [number('ss'), number('esp')] },
  set_callbacks: {
    parameters: [
      number('event_selector'),
      number('event_address'),
      number('failsafe_selector'),
      number('failsafe_address'),
    ],
    parameters64: [number('event_address'), number('failsafe_address'), number('syscall_address')],
  },
  fpu_taskswitch: { parameters: [number('set')] },
  sched_op_compat: { parameters: [op('cmd'), number('arg')], operations: sched_ops },
  platform_op: { parameters: [pointer('op')] },
  set_debugreg: { parameters: [number('reg'), number('value')] },
  get_debugreg: { parameters: [number('reg')] },
  update_descriptor: { parameters: [u64('pa'), u64('desc')] },
  memory_op: { parameters: [op('cmd'), record('arg')], operations: memory_ops },
  multicall: { parameters: [array('call_list', 'nr_calls', multicall_entry), number('nr_calls')] },
  update_va_mapping: { parameters: [number('va'), u64('val'), number('flags')] },
  set_timer_op: { parameters: [u64('timeout')] },
  event_channel_op_compat: { parameters: [record('op', evtchn_op)] },
  xen_version: { parameters: [op('cmd'), record('arg')], operations: version_ops },
  console_io: { parameters: [number('cmd'), number('count'), pointer('buffer')] },
  physdev_op_compat: { parameters: [record('op', physdev_op)] },
  grant_table_op: {
    parameters: [op('cmd'), array('uop', 'count'), number('count')],
    operations: grant_table_ops,
  },
  vm_assist: { parameters: [number('cmd'), number('type')] },
  update_va_mapping_otherdomain: {
    parameters: [number('va'), u64('val'), number('flags'), number('domid')],
  },
  iret: { parameters: [] },
  vcpu_op: { parameters: [op('cmd'), number('vcpuid'), record('arg')], operations: vcpu_ops },
  set_segment_base: { parameters: [number('which'), number('base')] },
  mmuext_op: {
    parameters: [
      array('uops', 'count', mmuext_op),
      number('count'),
      pointer('pdone'),
      number('foreigndom'),
    ],
  },
  xsm_op: { parameters: [pointer('op')] },
  nmi_op: { parameters: [op('cmd'), record('arg')], operations: nmi_ops },
  sched_op: { parameters: [op('cmd'), record('arg')], operations: sched_ops },
  callback_op: { parameters: [op('cmd'), record('arg')], operations: callback_ops },
  xenoprof_op: { parameters: [number('op'), pointer('arg')] },
  event_channel_op: { parameters: [op('cmd'), record('arg')], operations: event_channel_ops },
  physdev_op: { parameters: [op('cmd'), record('arg')], operations: physdev_ops },
  hvm_op: { parameters: [op('op'), record('arg')], operations: hvm_ops },
  sysctl: { parameters: [pointer('op')] },
  domctl: { parameters: [pointer('op')] },
  kexec_op: { parameters: [number('op'), pointer('arg')] },
  tmem_op: { parameters: [pointer('op')] },
  argo_op: {
    parameters: [number('cmd'), pointer('arg1'), pointer('arg2'), number('arg3'), number('arg4')],
  },
  xenpmu_op: { parameters: [number('op'), pointer('arg')] },
  dm_op: { parameters: [number('domid'), number('nr_bufs'), pointer('bufs')] },
  hypfs_op: {
    parameters: [number('cmd'), pointer('arg1'), number('arg2'), pointer('arg3'), number('arg4')],
  },
  /** Machine checks. */
  arch_0: { parameters: [pointer('mc')] },
};

function signatures(word: 32 | 64): readonly (HypercallSignature | undefined)[] {
  return hypercall_names.map((name, index) => {
    const row = name === undefined ? undefined : rows[name];
    if (name === undefined || row === undefined) return undefined;
    const parameters = (word === 64 ? row.parameters64 : undefined) ?? row.parameters;
    return { number: index, name, parameters, operations: row.operations ?? null };
  });
}

/** Signatures by hypercall number, for guests of 32 and of 64 bits; unused numbers are holes. */
export const hypercall_signatures: {
  readonly 32: readonly (HypercallSignature | undefined)[];
  readonly 64: readonly (HypercallSignature | undefined)[];
} = Object.freeze({ 32: signatures(32), 64: signatures(64) });
