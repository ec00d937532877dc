// VCPUOP_initialise and the life of a page-table guest's further vCPUs.
import {
  __HYPERVISOR_vcpu_op,
  VCPUOP_initialise,
  VCPUOP_is_up,
  VCPUOP_send_nmi,
  VCPUOP_up,
  VGCF_in_kernel,
  VGCF_online,
  vcpu_guest_context,
  XEN_EEXIST,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
} from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import type { PlacedField, ScalarField, StructField } from '@proxeny/memory';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrapCpuDouble } from './trap-cpu-double.js';
import { TrapMachine } from './trap-machine.js';

let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));
const start = (word: 32 | 64 = 64): void => {
  m = new TrapMachine({ word, vcpuCount: 2 });
};

/** Two pages for the context, which is more than one long. */
const CONTEXT = 17 * 4096;
const op = (command: number, vcpu = 1, at: number = CONTEXT): number =>
  m.call(__HYPERVISOR_vcpu_op, command, vcpu, at);
const second = (): TrapCpuDouble => m.domain.vcpus[1]?.cpu as TrapCpuDouble;

/** A member by its path; `name[3]` for an element. */
function member(path: string): readonly [ScalarField, number] {
  let at: PlacedField = vcpu_guest_context.of(m.word) as StructField;
  let base = 0;
  for (const step of path.split('.')) {
    const [name = '', index] = step.split('[');
    at = (at as StructField).fields[name] as PlacedField;
    if (index === undefined || at.kind !== 'array') continue;
    base += Number.parseInt(index, 10) * at.stride;
    at = at.element;
  }
  return [at as ScalarField, base];
}

/** Writes a context: flags, root and what a case adds. */
function context(values: Readonly<Record<string, number | bigint>> = {}): void {
  const bytes = new Uint8Array(vcpu_guest_context.of(m.word).byteLength);
  const view = new DataView(bytes.buffer);
  const root = BigInt(m.memory.root) << 12n;
  const all = {
    flags: VGCF_in_kernel,
    'ctrlreg[3]': root,
    [`user_regs.${m.word === 64 ? 'r' : 'e'}flags`]: 0x202,
    'user_regs.cs': m.word === 64 ? 0xe033 : 0xe019,
    'user_regs.ss': m.word === 64 ? 0xe02b : 0xe021,
    ...values,
  };
  for (const [path, value] of Object.entries(all)) {
    const [field, base] = member(path);
    field.setBig(view, base, BigInt(value));
  }
  m.write(CONTEXT, bytes);
}

describe.each([32, 64] as const)('VCPUOP_initialise of a %i-bit guest', (word) => {
  const letter = word === 64 ? 'r' : 'e';

  it('sets registers, tables and stack, and leaves the vCPU down', () => {
    start(word);
    context({
      [`user_regs.${letter}ip`]: 0x4000,
      [`user_regs.${letter}sp`]: 0x6f00,
      [`user_regs.${letter}si`]: 0x1234,
      kernel_ss: word === 64 ? 0xe02b : 0xe021,
      kernel_sp: 0x7000,
      event_callback_eip: 0x1800,
      failsafe_callback_eip: 0x1900,
      'ctrlreg[0]': 8,
      'debugreg[0]': 0x1111,
      'debugreg[6]': 0xffff_0ff0,
      'debugreg[7]': 0x400,
    });
    expect(op(VCPUOP_initialise)).toBe(0);
    const cpu = second();
    expect([CpuRegister.ip, CpuRegister.sp, CpuRegister.si].map((r) => cpu.get(r))).toEqual([
      0x4000n,
      0x6f00n,
      0x1234n,
    ]);
    expect([cpu.root, cpu.isKernelMode, cpu.isTaskSwitched]).toEqual([m.memory.root, true, true]);
    expect(cpu.get(CpuRegister.dr0)).toBe(0x1111n);
    const pv = m.domain.vcpus[1]?.pv;
    expect([pv?.kernelSpLow, pv?.event.low, pv?.failsafe.low]).toEqual([0x7000, 0x1800, 0x1900]);
    expect(op(VCPUOP_is_up, 1, 0)).toBe(0);
    expect(op(VCPUOP_up, 1, 0)).toBe(0);
    expect(op(VCPUOP_is_up, 1, 0)).toBe(1);
  });

  it('with VGCF_online starts the vCPU', () => {
    start(word);
    context({ flags: VGCF_in_kernel | VGCF_online });
    expect(op(VCPUOP_initialise)).toBe(0);
    expect(op(VCPUOP_is_up, 1, 0)).toBe(1);
  });

  it('a second time returns -EEXIST', () => {
    start(word);
    context();
    expect(op(VCPUOP_initialise)).toBe(0);
    expect(op(VCPUOP_initialise)).toBe(-XEN_EEXIST);
    expect(op(VCPUOP_initialise, 0)).toBe(-XEN_EEXIST);
  });

  it.each([
    ['a root that is no page table', { 'ctrlreg[3]': 0x5000_0000 }],
    ['a GDT frame that is not its own', { gdt_ents: 1, 'gdt_frames[0]': 2 }],
    ['a GDT that is too long', { gdt_ents: 8192 }],
    ['an LDT that is not at a page', { ldt_ents: 1, ldt_base: 0x5008 }],
    ['an LDT that is too long', { ldt_ents: 8193, ldt_base: 0x5000 }],
  ])('with %s returns -EINVAL', (_, values) => {
    start(word);
    context(values);
    expect(op(VCPUOP_initialise)).toBe(-XEN_EINVAL);
  });

  it('that cannot be read returns -EFAULT', () => {
    start(word);
    expect(op(VCPUOP_initialise, 1, 0x50_0000)).toBe(-XEN_EFAULT);
  });

  it('of a vCPU that cannot exist returns -ENOENT', () => {
    start(word);
    expect(op(VCPUOP_initialise, 2)).toBe(-XEN_ENOENT);
  });

  it('takes the trap table', () => {
    start(word);
    context({
      'trap_ctxt[14].vector': 14,
      'trap_ctxt[14].flags': 4,
      'trap_ctxt[14].cs': 0x60,
      'trap_ctxt[14].address': 0x2000,
    });
    expect(op(VCPUOP_initialise)).toBe(0);
    const selector = word === 64 ? 0x63 : 0x61;
    expect(m.domain.vcpus[1]?.pv?.traps.at(14).describe()).toEqual([selector, 0x2000, 0, true]);
  });
});

describe('VCPUOP_initialise of a 64-bit guest', () => {
  it.each([
    'user_regs.rip',
    'user_regs.rsp',
    'kernel_sp',
    'fs_base',
    'gs_base_kernel',
    'gs_base_user',
    'event_callback_eip',
    'failsafe_callback_eip',
    'syscall_callback_eip',
    'trap_ctxt[3].address',
  ])('with an address in %s that is not canonical returns -EINVAL', (path) => {
    start();
    context({ [path]: 0x8000_0000_0000 });
    expect(op(VCPUOP_initialise)).toBe(-XEN_EINVAL);
  });

  it('in user mode needs user page tables, and has user mode’s GS base', () => {
    start();
    context({ flags: 0 });
    expect(op(VCPUOP_initialise)).toBe(-XEN_EINVAL);
    const root = m.domain.vcpus[0]?.userRoot as number;
    context({
      flags: 0,
      'ctrlreg[1]': BigInt(root) << 12n,
      gs_base_kernel: 0x1000,
      gs_base_user: 0x2000,
    });
    expect(op(VCPUOP_initialise)).toBe(0);
    expect([second().root, second().get(CpuRegister.gsBase)]).toEqual([root, 0x2000n]);
    expect(m.domain.vcpus[1]?.pv?.inactiveGsLow).toBe(0x1000);
  });
});

describe('VCPUOP_up', () => {
  it('before VCPUOP_initialise returns -EINVAL', () => {
    start();
    expect(op(VCPUOP_up, 1, 0)).toBe(-XEN_EINVAL);
  });
});

describe('VCPUOP_send_nmi', () => {
  it('with an argument returns -EINVAL', () => {
    start();
    expect(op(VCPUOP_send_nmi, 0, 0x1000)).toBe(-XEN_EINVAL);
  });
});
