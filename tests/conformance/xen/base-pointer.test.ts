// Conformance of mmuext_op: page-table bases of kernel and user mode.
import {
  MMUEXT_CLEAR_PAGE,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  XEN_EINVAL,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { FREE_PAGE, mfnOf, operation, prepare, pv32, pv64 } from './mmu-calls.js';
import { entry, L1_PAGE, L2_PAGE, L3_PAGE, L4_PAGE, type PvMemory } from './pv-memory.js';

const XEN_FRAME = 0;
const BEYOND_MACHINE = 0xf_0000;

/** Makes page FREE_PAGE an L4 of the same memory. */
function* secondRoot(g: NativeGuest, m: PvMemory): NativeCode<number> {
  yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, L3_PAGE)) });
  return mfnOf(m, FREE_PAGE);
}

describe('MMUEXT_NEW_BASEPTR', () => {
  hypercallContract(
    [
      ['with the root there is succeeds', 0, (g, m) => operation(g, MMUEXT_NEW_BASEPTR, m.root)],
      [
        'changes to another root, and back',
        [0, 7, 0],
        function* (g, m) {
          g.write32(5 * 4096, 7);
          const status = yield* operation(g, MMUEXT_NEW_BASEPTR, yield* secondRoot(g, m));
          return [status, g.read32(5 * 4096), yield* operation(g, MMUEXT_NEW_BASEPTR, m.root)];
        },
      ],
      [
        'frees the old root for other uses',
        [0, 0],
        function* (g, m) {
          yield* operation(g, MMUEXT_NEW_BASEPTR, yield* secondRoot(g, m));
          return [
            yield* operation(g, MMUEXT_CLEAR_PAGE, m.root),
            yield* operation(g, MMUEXT_CLEAR_PAGE, m.root),
          ];
        },
      ],
      [
        'with frame 0, which is not the guest’s, returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_NEW_BASEPTR, XEN_FRAME),
      ],
      [
        'with a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_BASEPTR, m.strangerMfn),
      ],
      [
        'with a frame there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_NEW_BASEPTR, BEYOND_MACHINE),
      ],
      [
        'with a writable page returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE)),
      ],
      [
        'with a table of another level returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, L3_PAGE)),
      ],
      [
        'with a table that has a bad entry returns -EINVAL',
        -XEN_EINVAL,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, L1_PAGE)) });
          return yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE));
        },
      ],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'of a PAE guest takes an L3 with all four entries’ last one present',
        0,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, {
            0: entry(mfnOf(m, L2_PAGE), 1),
            3: entry(mfnOf(m, L4_PAGE), 1),
          });
          return yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE));
        },
      ],
      [
        'of a PAE guest without the last entry returns -EINVAL',
        -XEN_EINVAL,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, L2_PAGE), 1) });
          return yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE));
        },
      ],
      [
        'of a PAE guest with an L2 returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, L2_PAGE)),
      ],
    ],
    pv32,
  );
});

describe('MMUEXT_NEW_USER_BASEPTR', () => {
  hypercallContract(
    [
      [
        'takes a root for user mode, and 0 for none',
        [0, 0, 0],
        function* (g, m) {
          return [
            yield* operation(g, MMUEXT_NEW_USER_BASEPTR, m.root),
            yield* operation(g, MMUEXT_NEW_USER_BASEPTR, m.root),
            yield* operation(g, MMUEXT_NEW_USER_BASEPTR, 0),
          ];
        },
      ],
      ['0 when there is none succeeds', 0, (g) => operation(g, MMUEXT_NEW_USER_BASEPTR, 0)],
      [
        'with a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_USER_BASEPTR, m.strangerMfn),
      ],
      [
        'with a page of data returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_USER_BASEPTR, mfnOf(m, FREE_PAGE)),
      ],
      [
        'keeps its root a page table',
        [0, -XEN_EINVAL],
        function* (g, m) {
          const root = yield* secondRoot(g, m);
          const status = yield* operation(g, MMUEXT_NEW_USER_BASEPTR, root);
          return [status, yield* operation(g, MMUEXT_CLEAR_PAGE, root)];
        },
      ],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'of a PAE guest returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_NEW_USER_BASEPTR, m.root),
      ],
    ],
    pv32,
  );
});
