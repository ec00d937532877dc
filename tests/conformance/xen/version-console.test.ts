// Conformance of xen_version, console_io and vm_assist.
import {
  __HYPERVISOR_console_io,
  __HYPERVISOR_vm_assist,
  __HYPERVISOR_xen_version,
  CONSOLEIO_read,
  CONSOLEIO_write,
  VMASST_CMD_disable,
  VMASST_CMD_enable,
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_m2p_strict,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_runstate_update_flag,
  VMASST_TYPE_writable_pagetables,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XENFEAT_auto_translated_physmap,
  XENFEAT_direct_mapped,
  XENFEAT_mmu_pt_update_preserve_ad,
  XENFEAT_pae_pgdir_above_4gb,
  XENFEAT_writable_page_tables,
  XENVER_build_id,
  XENVER_capabilities,
  XENVER_changeset,
  XENVER_commandline,
  XENVER_compile_info,
  XENVER_extraversion,
  XENVER_get_features,
  XENVER_guest_handle,
  XENVER_pagesize,
  XENVER_platform_parameters,
  XENVER_version,
  xen_feature_info,
  xen_platform_parameters,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { pv32, pv64 } from './mmu-calls.js';
import { NativeMachine } from './native-machine.js';

const TEXT = 3 * 4096;
const NOWHERE = 0x700_0000;

function version(g: NativeGuest, command: number, at = 0): NativeCode<number> {
  return g.hypercall(__HYPERVISOR_xen_version, command, at);
}

/** The text an operation answers with. */
function* text(g: NativeGuest, command: number): NativeCode<string> {
  yield* version(g, command, TEXT);
  const bytes = g.read(TEXT, 1024);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function* features(g: NativeGuest, submap_idx = 0): NativeCode<number> {
  const values = { submap_idx };
  const made = yield* g.operation(
    __HYPERVISOR_xen_version,
    XENVER_get_features,
    xen_feature_info,
    values,
  );
  return made.result === 0 ? made.get('submap') : made.result;
}

const has = (submap: number, feature: number): boolean => (submap & (1 << feature)) !== 0;

describe('xen_version', () => {
  hypercallContract([
    ['is 4.17', (4 << 16) | 17, (g) => version(g, XENVER_version)],
    [
      'takes no notice of an argument where it has none',
      (4 << 16) | 17,
      (g) => version(g, XENVER_version, NOWHERE),
    ],
    ['pagesize is 4096', 4096, (g) => version(g, XENVER_pagesize)],
    [
      'pagesize with an argument returns -EINVAL',
      -XEN_EINVAL,
      (g) => version(g, XENVER_pagesize, TEXT),
    ],
    [
      'capabilities name both paravirtual interfaces',
      'xen-3.0-x86_64 xen-3.0-x86_32p ',
      (g) => text(g, XENVER_capabilities),
    ],
    [
      'extraversion is text of at most 15 characters',
      true,
      function* (g) {
        const extra = yield* text(g, XENVER_extraversion);
        return extra.length > 0 && extra.length < 16;
      },
    ],
    ['commandline is denied', '<denied>', (g) => text(g, XENVER_commandline)],
    ['changeset returns 0', 0, (g) => version(g, XENVER_changeset, TEXT)],
    ['compile_info returns 0', 0, (g) => version(g, XENVER_compile_info, TEXT)],
    [
      'guest_handle is the UUID',
      [0, 0xa1],
      function* (g) {
        return [yield* version(g, XENVER_guest_handle, TEXT), g.read32(TEXT + 12) >>> 24];
      },
      { uuid: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 0xa1 : i)) },
    ],
    ['build_id returns -EPERM', -XEN_EPERM, (g) => version(g, XENVER_build_id)],
    ['of a number there is not returns -ENOSYS', -XEN_ENOSYS, (g) => version(g, 11)],
    [
      'to where nothing is mapped returns -EFAULT',
      new Array(7).fill(-XEN_EFAULT),
      function* (g) {
        const results: number[] = [];
        for (const command of [1, 2, 3, 4, 5, 6, 8])
          results.push(yield* version(g, command, NOWHERE));
        return results;
      },
    ],
    ['get_features of a second submap returns -EINVAL', -XEN_EINVAL, (g) => features(g, 1)],
    [
      'get_features of a translated guest: it is, and writes its page tables',
      [true, true, false],
      function* (g) {
        const submap = yield* features(g);
        return [
          has(submap, XENFEAT_auto_translated_physmap),
          has(submap, XENFEAT_writable_page_tables),
          has(submap, XENFEAT_direct_mapped),
        ];
      },
    ],
  ]);
  hypercallContract(
    [
      [
        'get_features of a page-table guest: neither, but preserve_ad',
        [false, false, true],
        function* (g) {
          const submap = yield* features(g);
          return [
            has(submap, XENFEAT_auto_translated_physmap),
            has(submap, XENFEAT_writable_page_tables),
            has(submap, XENFEAT_mmu_pt_update_preserve_ad),
          ];
        },
      ],
      [
        'pae_pgdir_above_4gb appears with its assist',
        [false, 0, true],
        function* (g) {
          const before = yield* features(g);
          const type = VMASST_TYPE_pae_extended_cr3;
          const status = yield* g.hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, type);
          return [
            has(before, XENFEAT_pae_pgdir_above_4gb),
            status,
            has(yield* features(g), XENFEAT_pae_pgdir_above_4gb),
          ];
        },
      ],
    ],
    pv32,
  );
  for (const [options, start] of [
    [pv64, 2 ** 64 - 2 ** 47],
    [pv32, 0xf580_0000],
  ] as const) {
    hypercallContract(
      [
        [
          `platform_parameters tell a ${options.word}-bit guest where the hypervisor’s addresses begin`,
          start,
          function* (g) {
            const command = XENVER_platform_parameters;
            const type = xen_platform_parameters;
            return (yield* g.operation(__HYPERVISOR_xen_version, command, type, {})).get(
              'virt_start',
            );
          },
        ],
      ],
      options,
    );
  }
});

describe('console_io', () => {
  function io(g: NativeGuest, command: number, count: number, at = TEXT): NativeCode<number> {
    return g.hypercall(__HYPERVISOR_console_io, command, count, at);
  }
  hypercallContract([
    ['write returns 0', 0, (g) => io(g, CONSOLEIO_write, 5)],
    ['write of nothing returns 0', 0, (g) => io(g, CONSOLEIO_write, 0)],
    [
      'write of what is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => io(g, CONSOLEIO_write, 5, NOWHERE),
    ],
    ['read is for the privileged: -EPERM', -XEN_EPERM, (g) => io(g, CONSOLEIO_read, 5)],
    [
      'read by the privileged finds nothing',
      0,
      (g) => io(g, CONSOLEIO_read, 5),
      { isPrivileged: true },
    ],
    ['of a number there is not returns -EPERM', -XEN_EPERM, (g) => io(g, 7, 5)],
    [
      'of a number there is not returns -ENOSYS to the privileged',
      -XEN_ENOSYS,
      (g) => io(g, 7, 5),
      { isPrivileged: true },
    ],
    [
      'write where nobody listens returns -EPERM',
      -XEN_EPERM,
      (g) => io(g, CONSOLEIO_write, 5),
      { machine: { console: false } },
    ],
  ]);
  it('writes long text whole, in parts', () => {
    const machine = new NativeMachine();
    machine.only(function* (g) {
      g.write(TEXT, new Uint8Array(1000).fill(0x41));
      yield* io(g, CONSOLEIO_write, 1000);
    });
    expect(machine.console.join('')).toBe('A'.repeat(1000));
  });
});

describe('vm_assist', () => {
  function assist(g: NativeGuest, command: number, type: number): NativeCode<number> {
    return g.hypercall(__HYPERVISOR_vm_assist, command, type);
  }
  hypercallContract(
    [
      [
        'enables and disables',
        [0, 0],
        function* (g) {
          const type = VMASST_TYPE_writable_pagetables;
          return [
            yield* assist(g, VMASST_CMD_enable, type),
            yield* assist(g, VMASST_CMD_disable, type),
          ];
        },
      ],
      [
        '4gb_segments of a 64-bit guest does nothing and returns 0',
        0,
        (g) => assist(g, VMASST_CMD_enable, VMASST_TYPE_4gb_segments),
      ],
      [
        'm2p_strict is for 64-bit guests',
        0,
        (g) => assist(g, VMASST_CMD_enable, VMASST_TYPE_m2p_strict),
      ],
      [
        'of a type there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => assist(g, VMASST_CMD_enable, 31),
      ],
      [
        'of a type too large to be a bit returns -EINVAL',
        -XEN_EINVAL,
        (g) => assist(g, VMASST_CMD_enable, 0x4000_0001),
      ],
      ['with a command there is not returns -ENOSYS', -XEN_ENOSYS, (g) => assist(g, 2, 0)],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'm2p_strict of a 32-bit guest returns -EINVAL',
        -XEN_EINVAL,
        (g) => assist(g, VMASST_CMD_enable, VMASST_TYPE_m2p_strict),
      ],
    ],
    pv32,
  );
  hypercallContract([
    [
      'runstate_update_flag is for translated guests too',
      0,
      (g) => assist(g, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag),
    ],
    [
      'writable_pagetables of a translated guest returns -EINVAL',
      -XEN_EINVAL,
      (g) => assist(g, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables),
    ],
  ]);
});
