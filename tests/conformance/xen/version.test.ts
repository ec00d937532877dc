// Conformance of xen_version.
import {
  __HYPERVISOR_xen_version,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XENFEAT_auto_translated_physmap,
  XENFEAT_direct_mapped,
  XENFEAT_highmem_assist,
  XENFEAT_hvm_callback_vector,
  XENFEAT_writable_page_tables,
  XENVER_build_id,
  XENVER_capabilities,
  XENVER_changeset,
  XENVER_commandline,
  XENVER_extraversion,
  XENVER_get_features,
  XENVER_pagesize,
  XENVER_platform_parameters,
  XENVER_version,
  xen_feature_info,
  xen_platform_parameters,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { RECORD, TrapMachine } from './trap-machine.js';

const version = (g: NativeGuest, command: number, at = 0): NativeCode<number> =>
  g.hypercall(__HYPERVISOR_xen_version, command, at);

/** The text an operation answers with, in memory filled with 0xFF; and the bytes it left alone behind it. */
function* text(g: NativeGuest, command: number, room: number): NativeCode<unknown> {
  g.write(0x3000, new Uint8Array(2048).fill(255));
  const result = yield* version(g, command, 0x3000);
  const bytes = g.read(0x3000, room + 1);
  const end = bytes.indexOf(0);
  return [result, new TextDecoder().decode(bytes.subarray(0, end)), bytes[room]];
}

describe('xen_version', () => {
  hypercallContract([
    ['XENVER_version is 4.17', (4 << 16) | 17, (g) => version(g, XENVER_version)],
    ['XENVER_pagesize is 4096', 4096, (g) => version(g, XENVER_pagesize)],
    [
      'XENVER_pagesize with an argument returns -EINVAL',
      -XEN_EINVAL,
      (g) => version(g, XENVER_pagesize, 1),
    ],
    ['XENVER_build_id returns -EPERM', -XEN_EPERM, (g) => version(g, XENVER_build_id)],
    [
      'XENVER_extraversion has 16 bytes',
      [0, '.7-proxeny', 255],
      (g) => text(g, XENVER_extraversion, 16),
    ],
    [
      'XENVER_capabilities names both interfaces',
      [0, 'xen-3.0-x86_64 xen-3.0-x86_32p ', 255],
      (g) => text(g, XENVER_capabilities, 1024),
    ],
    [
      'XENVER_changeset is not known',
      [0, 'unavailable', 255],
      (g) => text(g, XENVER_changeset, 64),
    ],
    [
      'XENVER_commandline is denied, in nine bytes',
      [0, '<denied>', 255],
      (g) => text(g, XENVER_commandline, 9),
    ],
    [
      'XENVER_commandline to nowhere returns -EFAULT',
      -XEN_EFAULT,
      (g) => version(g, XENVER_commandline, 0x5000_0000),
    ],
    [
      'XENVER_extraversion to nowhere returns -EFAULT',
      -XEN_EFAULT,
      (g) => version(g, XENVER_extraversion, 0x5000_0000),
    ],
    ['an unknown number returns -ENOSYS', -XEN_ENOSYS, (g) => version(g, 99)],
    [
      'XENVER_get_features of another word of features returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        const values = { submap_idx: 1 };
        return (yield* g.operation(
          __HYPERVISOR_xen_version,
          XENVER_get_features,
          xen_feature_info,
          values,
        )).result;
      },
    ],
    [
      'XENVER_get_features tells a translated guest of its P2M and its callback vector',
      [true, true, true, false],
      function* (g) {
        const values = { submap_idx: 0 };
        const { get } = yield* g.operation(
          __HYPERVISOR_xen_version,
          XENVER_get_features,
          xen_feature_info,
          values,
        );
        const has = (bit: number): boolean => ((get('submap') >>> bit) & 1) === 1;
        return [
          has(XENFEAT_auto_translated_physmap),
          has(XENFEAT_writable_page_tables),
          has(XENFEAT_hvm_callback_vector),
          has(XENFEAT_direct_mapped),
        ];
      },
    ],
  ]);

  it('XENVER_get_features tells a page-table guest of its machine frames', () => {
    const m = new TrapMachine();
    m.write32(RECORD, 0, 0);
    expect(m.call(__HYPERVISOR_xen_version, XENVER_get_features, RECORD)).toBe(0);
    const features = new DataView(m.read(RECORD + 4, 4).buffer).getUint32(0, true);
    const has = (bit: number): boolean => ((features >>> bit) & 1) === 1;
    expect([
      has(XENFEAT_direct_mapped),
      has(XENFEAT_highmem_assist),
      has(XENFEAT_writable_page_tables),
      has(XENFEAT_hvm_callback_vector),
    ]).toEqual([true, true, false, false]);
    expect(m.finish()).toEqual([]);
  });

  it('XENVER_platform_parameters tells where the hypervisor begins', () => {
    for (const word of [32, 64] as const) {
      const m = new TrapMachine({ word });
      expect(m.call(__HYPERVISOR_xen_version, XENVER_platform_parameters, RECORD)).toBe(0);
      const { virt_start } = xen_platform_parameters.of(word).fields;
      const view = new DataView(m.read(RECORD, 8).buffer);
      expect(virt_start.getBig(view)).toBe(word === 32 ? 0xf580_0000n : 0xffff_8000_0000_0000n);
      expect(m.finish()).toEqual([]);
    }
  });
});
