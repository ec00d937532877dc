// Who is told when a page-table guest flushes: an engine that hears of what its kernel unmaps may keep the rest of the kernel's own.
import {
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_update_va_mapping,
  DOMID_SELF,
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  UVMF_ALL,
  UVMF_INVLPG,
  UVMF_TLB_FLUSH,
} from '@proxeny/abi';
import type { TrapCpu } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import { RECORD, TrapMachine } from './trap-machine.js';

let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

/** What the engines of a guest of two vCPUs hear; `isTold`: they know of `flushUntold`. */
function heard(isTold: boolean, act: () => void): string[] {
  m = new TrapMachine({ vcpuCount: 2 });
  const calls: string[] = [];
  m.hypervisor.onTlbFlush = (_, vcpu, address) =>
    calls.push(`${vcpu?.id ?? 'all'} ${address ?? 'everything'}`);
  for (const { cpu, id } of m.domain.vcpus)
    if (isTold) (cpu as TrapCpu).flushUntold = () => calls.push(`${id} untold`);
  act();
  return calls;
}
function operation(command: number, argument = 0): void {
  m.write64(RECORD, command, argument, 0);
  expect(m.call(__HYPERVISOR_mmuext_op, RECORD, 1, 0, DOMID_SELF)).toBe(0);
}
function remap(flags: number): void {
  const frame = BigInt(m.memory.mfns[RECORD / 4096] as number);
  expect(m.call(__HYPERVISOR_update_va_mapping, RECORD, (frame << 12n) | 7n, flags)).toBe(0);
}
const root = (): number => m.memory.root;

describe('an engine that hears of what the kernel unmaps', () => {
  it.each([
    ['a flush', () => operation(MMUEXT_TLB_FLUSH_LOCAL), ['0 untold']],
    ['a flush of all vCPUs', () => operation(MMUEXT_TLB_FLUSH_ALL), ['0 untold', '1 untold']],
    ['the same root again', () => operation(MMUEXT_NEW_BASEPTR, root()), ['0 untold']],
    ['a mapping, and a flush', () => remap(UVMF_TLB_FLUSH), ['0 untold']],
    [
      'a mapping, and a flush of all vCPUs',
      () => remap(UVMF_TLB_FLUSH | UVMF_ALL),
      ['0 untold', '1 untold'],
    ],
    ['a mapping, and a flush of its page', () => remap(UVMF_INVLPG), ['0 12288']],
    ['a page', () => operation(MMUEXT_INVLPG_LOCAL, 0x3000), ['0 12288']],
  ])('%s', (_, act, expected) => {
    expect(heard(true, act)).toEqual(expected);
  });

  it('forgets everything, once, where a table with pages of the kernel’s was taken out', () => {
    const calls = heard(true, () => {
      m.hypervisor.pageTables.onTableUnmapped?.(m.domain.id);
      operation(MMUEXT_TLB_FLUSH_LOCAL);
      operation(MMUEXT_TLB_FLUSH_LOCAL);
    });
    expect(calls).toEqual(['0 everything', '0 untold', '0 untold']);
  });
});

describe('another engine', () => {
  it.each([
    ['a flush', () => operation(MMUEXT_TLB_FLUSH_LOCAL), ['0 everything']],
    [
      'a flush of all vCPUs',
      () => operation(MMUEXT_TLB_FLUSH_ALL),
      ['0 everything', '1 everything'],
    ],
    ['the same root again', () => operation(MMUEXT_NEW_BASEPTR, root()), ['0 everything']],
  ])('%s', (_, act, expected) => {
    expect(heard(false, act)).toEqual(expected);
  });
});
