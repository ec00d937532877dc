// Conformance of mmuext_op: flushes, the LDT, pages cleared and copied. Pins are in page-pin.test.ts, bases in base-pointer.test.ts.
import {
  DOMID_SELF,
  MMUEXT_CLEAR_PAGE,
  MMUEXT_COPY_PAGE,
  MMUEXT_FLUSH_CACHE,
  MMUEXT_FLUSH_CACHE_GLOBAL,
  MMUEXT_INVLPG_ALL,
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_INVLPG_MULTI,
  MMUEXT_MARK_SUPER,
  MMUEXT_PIN_L4_TABLE,
  MMUEXT_SET_LDT,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_TLB_FLUSH_MULTI,
  MMUEXT_UNMARK_SUPER,
  XEN_EACCES,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import {
  FREE_PAGE,
  FREE_PAGE_2,
  mfnOf,
  operation,
  operations,
  prepare,
  pv32,
  pv64,
} from './mmu-calls.js';
import { entry, L1_PAGE, L3_PAGE, type PvMemory } from './pv-memory.js';

const XEN_FRAME = 0;
const BEYOND_MACHINE = 0xf_0000;

/** Makes page FREE_PAGE an L4 of the same memory. */
function* _secondRoot(g: NativeGuest, m: PvMemory): NativeCode<number> {
  yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, L3_PAGE)) });
  return mfnOf(m, FREE_PAGE);
}

describe('MMUEXT flushes', () => {
  const MASK = 3 * 4096;
  hypercallContract(
    [
      [
        'of TLBs succeed',
        [0, 0, 0, 0],
        function* (g) {
          return [
            yield* operation(g, MMUEXT_TLB_FLUSH_LOCAL),
            yield* operation(g, MMUEXT_TLB_FLUSH_ALL),
            yield* operation(g, MMUEXT_INVLPG_LOCAL, 0x1000),
            yield* operation(g, MMUEXT_INVLPG_ALL, 0x1000),
          ];
        },
      ],
      [
        'of addresses that are not canonical succeed and do nothing',
        [0, 0],
        function* (g) {
          return [
            yield* operation(g, MMUEXT_INVLPG_LOCAL, 2 ** 52),
            yield* operation(g, MMUEXT_INVLPG_ALL, 2 ** 52),
          ];
        },
      ],
      [
        'on a set of vCPUs succeed',
        [0, 0],
        function* (g) {
          g.write32(MASK, 1);
          return [
            yield* operation(g, MMUEXT_TLB_FLUSH_MULTI, 0, MASK),
            yield* operation(g, MMUEXT_INVLPG_MULTI, 0x1000, MASK),
          ];
        },
      ],
      [
        'on a set of vCPUs that is not mapped return -EINVAL',
        [-XEN_EINVAL, -XEN_EINVAL],
        function* (g) {
          return [
            yield* operation(g, MMUEXT_TLB_FLUSH_MULTI, 0, 0x7000_0000),
            yield* operation(g, MMUEXT_INVLPG_MULTI, 0x1000, 0x7000_0000),
          ];
        },
      ],
      [
        'of caches return -EACCES: a domain without devices has no say in them',
        -XEN_EACCES,
        (g) => operation(g, MMUEXT_FLUSH_CACHE),
      ],
      [
        'of all CPUs’ caches return -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_FLUSH_CACHE_GLOBAL),
      ],
    ],
    pv64,
  );
});

describe('MMUEXT_SET_LDT', () => {
  hypercallContract(
    [
      ['takes a page-aligned table', 0, (g) => operation(g, MMUEXT_SET_LDT, FREE_PAGE * 4096, 8)],
      [
        'takes a table that is not mapped: it is looked at when it is used',
        0,
        (g) => operation(g, MMUEXT_SET_LDT, 0x7000_0000, 8192),
      ],
      ['with no entries takes any address', 0, (g) => operation(g, MMUEXT_SET_LDT, 0x123, 0)],
      [
        'that is not aligned returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_SET_LDT, 0x1008, 8),
      ],
      [
        'of more than 8192 entries returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_SET_LDT, 0x1000, 8193),
      ],
      [
        'in the hypervisor’s address space returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_SET_LDT, -0x8000_0000_0000, 8),
      ],
    ],
    pv64,
  );
});

describe('MMUEXT_CLEAR_PAGE and MMUEXT_COPY_PAGE', () => {
  hypercallContract(
    [
      [
        'clear a page',
        [0, 0],
        function* (g, m) {
          g.write32(FREE_PAGE * 4096 + 12, 9);
          return [
            yield* operation(g, MMUEXT_CLEAR_PAGE, mfnOf(m, FREE_PAGE)),
            g.read32(FREE_PAGE * 4096 + 12),
          ];
        },
      ],
      [
        'do not clear a page table: -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_CLEAR_PAGE, mfnOf(m, L1_PAGE)),
      ],
      [
        'do not clear a frame of another domain: -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_CLEAR_PAGE, m.strangerMfn),
      ],
      [
        'do not clear a frame of the hypervisor: -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_CLEAR_PAGE, XEN_FRAME),
      ],
      [
        'do not clear a frame there is not: -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_CLEAR_PAGE, BEYOND_MACHINE),
      ],
      [
        'copy a page',
        [0, 31],
        function* (g, m) {
          g.write32(FREE_PAGE * 4096, 31);
          const status = yield* operation(
            g,
            MMUEXT_COPY_PAGE,
            mfnOf(m, FREE_PAGE_2),
            mfnOf(m, FREE_PAGE),
          );
          return [status, g.read32(FREE_PAGE_2 * 4096)];
        },
      ],
      [
        'copy from a page table too',
        0,
        (g, m) => operation(g, MMUEXT_COPY_PAGE, mfnOf(m, FREE_PAGE), mfnOf(m, L1_PAGE)),
      ],
      [
        'do not copy to a page table: -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_COPY_PAGE, mfnOf(m, L1_PAGE), mfnOf(m, FREE_PAGE)),
      ],
      [
        'do not copy from another domain: -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_COPY_PAGE, mfnOf(m, FREE_PAGE), m.strangerMfn),
      ],
      [
        'do not copy to another domain: -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_COPY_PAGE, m.strangerMfn, mfnOf(m, FREE_PAGE)),
      ],
    ],
    pv64,
  );
});

describe('mmuext_op', () => {
  const DONE = 3 * 4096;
  hypercallContract(
    [
      [
        'of superpages returns -EOPNOTSUPP',
        [-XEN_EOPNOTSUPP, -XEN_EOPNOTSUPP],
        function* (g, m) {
          return [
            yield* operation(g, MMUEXT_MARK_SUPER, m.root),
            yield* operation(g, MMUEXT_UNMARK_SUPER, m.root),
          ];
        },
      ],
      [
        'of a number there is not returns -ENOSYS',
        [-XEN_ENOSYS, -XEN_ENOSYS],
        function* (g) {
          return [yield* operation(g, 14), yield* operation(g, 21)];
        },
      ],
      [
        'stops at the first error and counts what is done',
        [-XEN_EINVAL, 1],
        function* (g, m) {
          const list = [
            [MMUEXT_TLB_FLUSH_LOCAL],
            [MMUEXT_CLEAR_PAGE, m.strangerMfn],
            [MMUEXT_CLEAR_PAGE, mfnOf(m, FREE_PAGE)],
          ] as const;
          return [yield* operations(g, list, DONE), g.read32(DONE)];
        },
      ],
      [
        'of another domain returns -EPERM',
        -XEN_EPERM,
        (g, m) => operation(g, MMUEXT_CLEAR_PAGE, m.strangerMfn, 0, BYSTANDER),
      ],
      [
        'of a domain that does not exist returns -ESRCH',
        -XEN_ESRCH,
        (g) => operation(g, MMUEXT_TLB_FLUSH_LOCAL, 0, 0, 77),
      ],
      [
        'of the caller by its number returns -ESRCH',
        -XEN_ESRCH,
        (g) => operation(g, MMUEXT_TLB_FLUSH_LOCAL, 0, 0, g.domainId),
      ],
      [
        'does not look at the upper half of foreigndom',
        0,
        (g) => operation(g, MMUEXT_TLB_FLUSH_LOCAL, 0, 0, (78 << 16) | DOMID_SELF),
      ],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'pins of an L4 by a PAE guest succeed and do nothing',
        0,
        (g, m) => operation(g, MMUEXT_PIN_L4_TABLE, m.strangerMfn),
      ],
    ],
    pv32,
  );
  hypercallContract([
    [
      'of a translated guest returns -EINVAL',
      -XEN_EINVAL,
      (g) => operation(g, MMUEXT_TLB_FLUSH_LOCAL),
    ],
  ]);
});
