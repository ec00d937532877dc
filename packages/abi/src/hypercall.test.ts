import { describe, expect, it } from 'vitest';
import * as abi from './index.js';
import { hypercall_names, hypercall_signatures } from './index.js';
import type { Operations } from './operation.js';
import { operations } from './operation.js';

const constants = abi as unknown as Readonly<Record<string, unknown>>;

describe('hypercalls', () => {
  it('have in the table of names the number their constant has', () => {
    const named = Object.fromEntries(
      hypercall_names.flatMap((name, index) => (name ? [[`__HYPERVISOR_${name}`, index]] : [])),
    );
    const defined = Object.entries(constants).filter(([name]) => name.startsWith('__HYPERVISOR_'));
    expect(named).toEqual(Object.fromEntries(defined));
  });

  it('each have a signature, but for the unused numbers of the architecture', () => {
    const without = hypercall_names.filter(
      (name, index) => name !== undefined && !hypercall_signatures[64][index],
    );
    expect(without).toEqual(['arch_1', 'arch_2', 'arch_3', 'arch_4', 'arch_5', 'arch_6', 'arch_7']);
  });

  it.each([32, 64] as const)('fit the six registers of %i-bit guests', (word) => {
    for (const signature of hypercall_signatures[word]) {
      if (!signature) continue;
      let registers = 0;
      for (const { kind } of signature.parameters)
        registers += kind === 'u64' && word === 32 ? 2 : 1;
      expect(registers, signature.name).toBeLessThanOrEqual(abi.HYPERCALL_MAX_ARGUMENTS);
    }
  });

  it('name as the count of an array one of their parameters', () => {
    for (const signature of hypercall_signatures[64]) {
      for (const { count } of signature?.parameters ?? []) {
        if (count === undefined) continue;
        const names = signature?.parameters.map(({ name }) => name);
        expect(names).toContain(count);
      }
    }
  });

  it('have operations exactly where a parameter picks one', () => {
    for (const signature of hypercall_signatures[64]) {
      if (!signature) continue;
      const picks = signature.parameters.some(({ kind }) => kind === 'op');
      expect(picks, signature.name).toBe(signature.operations !== null);
    }
  });
});

describe('tables of operations', () => {
  const tables: readonly [string, RegExp, Operations][] = [
    ['event_channel_op', /^EVTCHNOP_/, abi.event_channel_ops],
    ['grant_table_op', /^GNTTABOP_/, abi.grant_table_ops],
    ['memory_op', /^XENMEM_(?!resource_)/, abi.memory_ops],
    ['sched_op', /^SCHEDOP_/, abi.sched_ops],
    ['vcpu_op', /^VCPUOP_/, abi.vcpu_ops],
    ['callback_op', /^CALLBACKOP_/, abi.callback_ops],
    ['nmi_op', /^XENNMI_/, abi.nmi_ops],
    ['physdev_op', /^PHYSDEVOP_/, abi.physdev_ops],
    ['hvm_op', /^HVMOP_/, abi.hvm_ops],
    ['xen_version', /^XENVER_/, abi.version_ops],
  ];

  it.each(tables)('%s lists every one of its constants at its number', (_name, prefix, table) => {
    const listed = table.flatMap((each) => (each ? [[each.name, each.number]] : []));
    const defined = Object.entries(constants).filter(([name]) => prefix.test(name));
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(defined));
    for (const [index, each] of table.entries()) if (each) expect(each.number).toBe(index);
  });

  it('refuse a number twice', () => {
    expect(() => operations([1, 'one'], [1, 'another'])).toThrow('another and one are both 1');
  });

  it('mark in every record of an operation what is IN and what is OUT', () => {
    const unmarked: string[] = [];
    for (const [, , table] of tables) {
      for (const operation of table) {
        const argument = operation?.argument;
        // A vCPU's first state is all IN, and is also a record of saved images.
        if (!argument || argument === abi.vcpu_guest_context) continue;
        for (const [name, field] of Object.entries(argument.of(64).fields)) {
          const isPadding = /^(_?pad|_unused|rsvd)/.test(name);
          if (field.direction === null && !isPadding) unmarked.push(`${argument.name}.${name}`);
        }
      }
    }
    expect(unmarked).toEqual([]);
  });
});

describe('tables of names', () => {
  it.each([
    ['mmuext', '', abi.mmuext_names, /^MMUEXT_/],
    ['features', 'XENFEAT_', abi.feature_names, /^XENFEAT_(?!NR_SUBMAPS)/],
    ['xenstore', 'XS_', abi.xenstore_message_names, /^XS_(?!DEBUG|INVALID|TYPE_COUNT)/],
  ] as const)('%s have each constant at its number', (_name, prefix, names, pattern) => {
    const listed = names.flatMap((name, index) => (name ? [[`${prefix}${name}`, index]] : []));
    const defined = Object.entries(constants).filter(([name]) => pattern.test(name));
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(defined));
  });

  it('xenstore errors have the numbers of errno', () => {
    for (const [name, number] of abi.xsd_errors)
      expect(constants[`XEN_${name}`], name).toBe(number);
  });

  it('errno_names has every number once', () => {
    const defined = Object.entries(constants).filter(([name]) => /^XEN_E[A-Z0-9]+$/.test(name));
    const numbers = new Set(defined.map(([, number]) => String(number)));
    expect(new Set(Object.keys(abi.errno_names))).toEqual(numbers);
    for (const [number, name] of Object.entries(abi.errno_names))
      expect(constants[`XEN_${name}`]).toBe(Number(number));
  });
});

describe('rings', () => {
  it('hold 32 block requests a page for front-ends of both word sizes, and 256 packets', () => {
    expect(abi.sring_size(4096, abi.blkif_sring_entry.of(32).byteLength)).toBe(32);
    expect(abi.sring_size(4096, abi.blkif_sring_entry.of(64).byteLength)).toBe(32);
    expect(abi.sring_size(4096, abi.netif_tx_sring_entry.of(64).byteLength)).toBe(256);
    expect(abi.sring_size(4096, abi.netif_rx_sring_entry.of(64).byteLength)).toBe(256);
  });

  it('have no slot if not even one fits', () => {
    expect(abi.sring_size(64, 12)).toBe(0);
    expect(abi.sring_size(76, 12)).toBe(1);
  });
});
