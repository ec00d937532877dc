// Conformance of memory_op: questions about memory, its map, and where the M2P is.
import {
  DOMID_SELF,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
  XENMEM_current_reservation,
  XENMEM_machine_memory_map,
  XENMEM_machphys_mapping,
  XENMEM_machphys_mfn_list,
  XENMEM_maximum_gpfn,
  XENMEM_maximum_ram_page,
  XENMEM_maximum_reservation,
  XENMEM_memory_map,
  XENMEM_set_memory_map,
  xen_foreign_memory_map,
  xen_machphys_mapping,
  xen_machphys_mfn_list,
  xen_memory_domain,
  xen_memory_map,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { LIST, readList } from './memory-calls.js';
import { pv32, pv64 } from './mmu-calls.js';

function _isMapped(g: NativeGuest, page: number): boolean {
  try {
    g.read32(page * 4096);
    return true;
  } catch {
    return false;
  }
}

describe('XENMEM_memory_map and set_memory_map', () => {
  const MAP = 5 * 4096;
  function* read(g: NativeGuest, nr_entries: number, buffer = MAP): NativeCode<number | number[]> {
    const made = yield* g.memoryOp(XENMEM_memory_map, xen_memory_map, { nr_entries, buffer });
    return made.result === 0 ? [0, made.get('nr_entries')] : made.result;
  }
  function* set(
    g: NativeGuest,
    nr_entries: number,
    buffer = MAP,
    domid = DOMID_SELF,
  ): NativeCode<number> {
    const values = { domid, map: { nr_entries, buffer } };
    return (yield* g.memoryOp(XENMEM_set_memory_map, xen_foreign_memory_map, values)).result;
  }
  hypercallContract([
    ['of a domain without a map returns -ENOSYS', -XEN_ENOSYS, (g) => read(g, 4)],
    [
      'tell the map that was set',
      [0, [0, 2], 0x1234],
      function* (g) {
        g.write32(MAP + 20, 0x1234);
        const status = yield* set(g, 2);
        g.write(MAP, new Uint8Array(64));
        return [status, yield* read(g, 4), g.read32(MAP + 20)];
      },
    ],
    [
      'tell no more entries than there is room for',
      [0, 1],
      function* (g) {
        yield* set(g, 2);
        return yield* read(g, 1);
      },
    ],
    [
      'into a buffer that is not mapped return -EFAULT',
      -XEN_EFAULT,
      function* (g) {
        yield* set(g, 2);
        return yield* read(g, 2, 0x700_0000);
      },
    ],
    [
      'set from a buffer that is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => set(g, 2, 0x700_0000),
    ],
    ['set with more entries than a map can have returns -EINVAL', -XEN_EINVAL, (g) => set(g, 1025)],
    ['set for another domain returns -EPERM', -XEN_EPERM, (g) => set(g, 1, MAP, BYSTANDER)],
    ['set for a domain that does not exist returns -ESRCH', -XEN_ESRCH, (g) => set(g, 1, MAP, 77)],
    [
      'of the machine is for the privileged: -EPERM',
      -XEN_EPERM,
      function* (g) {
        return (yield* g.memoryOp(XENMEM_machine_memory_map, xen_memory_map, { nr_entries: 1 }))
          .result;
      },
    ],
  ]);
});

describe('XENMEM questions', () => {
  function ask(command: number, domid = DOMID_SELF) {
    return function* (g: NativeGuest): NativeCode<number> {
      return (yield* g.memoryOp(command, xen_memory_domain, { domid })).result;
    };
  }
  hypercallContract([
    [
      'current_reservation counts the guest’s memory, not shared_info',
      16,
      ask(XENMEM_current_reservation),
    ],
    [
      'maximum_reservation tells its limit',
      64,
      ask(XENMEM_maximum_reservation),
      { limits: { maxFrames: 64 } },
    ],
    ['maximum_gpfn tells the highest frame there is', 16, ask(XENMEM_maximum_gpfn)],
    [
      'maximum_ram_page tells the size of the machine',
      256,
      (g) => g.hypercall(12, XENMEM_maximum_ram_page, 0),
    ],
    [
      'current_reservation of another domain returns -EPERM',
      -XEN_EPERM,
      ask(XENMEM_current_reservation, BYSTANDER),
    ],
    [
      'maximum_reservation of another domain returns -EPERM',
      -XEN_EPERM,
      ask(XENMEM_maximum_reservation, BYSTANDER),
    ],
    [
      'maximum_gpfn of a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      ask(XENMEM_maximum_gpfn, 77),
    ],
    [
      'with a record that is not mapped return -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(12, XENMEM_current_reservation, 0x700_0000),
    ],
    [
      'that go on at an extent return -EINVAL',
      -XEN_EINVAL,
      (g) => g.hypercall(12, XENMEM_current_reservation | 64, g.scratch),
    ],
    ['of a number there is not return -ENOSYS', -XEN_ENOSYS, (g) => g.hypercall(12, 63, g.scratch)],
  ]);
});

describe('XENMEM_machphys_mapping and machphys_mfn_list', () => {
  for (const options of [pv64, pv32]) {
    hypercallContract(
      [
        [
          `tell a ${options.word}-bit guest where its M2P is, and that it is there`,
          [0, true],
          function* (g, m) {
            const made = yield* g.memoryOp(XENMEM_machphys_mapping, xen_machphys_mapping, {});
            const start = made.get('v_start');
            // Above 2^53 a number is not exact: the window’s start is known.
            const base = g.word === 64 ? -0x8000_0000_0000 : 0xf580_0000;
            const isBase = g.word === 64 ? start === 2 ** 64 - 2 ** 47 : start === base;
            return [made.result, isBase && m.m2p(m.mfns[5] as number) === 5];
          },
        ],
        [
          `list a ${options.word}-bit guest’s frames of the M2P`,
          [0, 1, true],
          function* (g) {
            const values = { max_extents: 4, extent_start: LIST };
            const made = yield* g.memoryOp(XENMEM_machphys_mfn_list, xen_machphys_mfn_list, values);
            return [made.result, made.get('nr_extents'), readList(g, 0) < 256];
          },
        ],
      ],
      options,
    );
  }
  hypercallContract(
    [
      [
        'list no more than there is room for',
        [0, 0],
        function* (g) {
          const values = { max_extents: 0, extent_start: LIST };
          const made = yield* g.memoryOp(XENMEM_machphys_mfn_list, xen_machphys_mfn_list, values);
          return [made.result, made.get('nr_extents')];
        },
      ],
      [
        'into a list that is not mapped return -EFAULT',
        -XEN_EFAULT,
        function* (g) {
          const values = { max_extents: 4, extent_start: 0x700_0000 };
          return (yield* g.memoryOp(XENMEM_machphys_mfn_list, xen_machphys_mfn_list, values))
            .result;
        },
      ],
    ],
    pv64,
  );
});
