// Conformance of mmuext_op: pins, and that long work on page tables is preempted.
import {
  MMUEXT_CLEAR_PAGE,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_UNPIN_TABLE,
  XEN_EBUSY,
  XEN_EINVAL,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import {
  FREE_PAGE,
  FREE_PAGE_2,
  FREE_PAGE_3,
  mapAt,
  mfnOf,
  operation,
  operations,
  pin,
  prepare,
  pv64,
  unpin,
} from './mmu-calls.js';
import { entry, L1_PAGE, L2_PAGE, L4_PAGE } from './pv-memory.js';

const _PSE = 0x80;

/** Maps a page's frame a second time, writable, at another address. */
function* mapWritable(g: NativeGuest, mfn: number): NativeCode<number> {
  return yield* mapAt(g, 101 * 4096, entry(mfn));
}

describe('a pin', () => {
  hypercallContract(
    [
      [
        'makes an empty page a page table of any level',
        [0, 0, 0, 0],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE);
          const results: number[] = [];
          for (const level of [1, 2, 3, 4]) {
            results.push(yield* pin(g, m, FREE_PAGE, level));
            yield* unpin(g, m, FREE_PAGE);
          }
          return results;
        },
      ],
      ['of a table in use keeps it', 0, (g, m) => pin(g, m, L1_PAGE, 1)],
      [
        'of a table in use as another level returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => pin(g, m, L1_PAGE, 2),
      ],
      [
        'a second time returns -EINVAL',
        [0, -XEN_EINVAL],
        function* (g, m) {
          return [yield* pin(g, m, L1_PAGE, 1), yield* pin(g, m, L1_PAGE, 1)];
        },
      ],
      [
        'a second time as another level returns -EINVAL',
        -XEN_EINVAL,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE);
          yield* pin(g, m, FREE_PAGE, 2);
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
      [
        'of a page that is mapped writable returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => pin(g, m, FREE_PAGE, 1),
      ],
      [
        'of a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_PIN_L1_TABLE, m.strangerMfn),
      ],
      [
        'of a frame that is free returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_PIN_L1_TABLE, m.freeMfn),
      ],
      [
        'of a frame of the hypervisor returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_PIN_L1_TABLE, 0),
      ],
      [
        'of a frame there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => operation(g, MMUEXT_PIN_L1_TABLE, 0xf_0000),
      ],
      [
        'of shared_info, which is mapped writable by the hypervisor, returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => operation(g, MMUEXT_PIN_L1_TABLE, m.sharedInfoMfn),
      ],
    ],
    pv64,
  );
});

describe('MMUEXT_UNPIN_TABLE', () => {
  hypercallContract(
    [
      [
        'lets the page be used for data again',
        [0, 0, 0],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE);
          yield* pin(g, m, FREE_PAGE, 1);
          return [
            yield* unpin(g, m, FREE_PAGE),
            yield* mapWritable(g, mfnOf(m, FREE_PAGE)),
            yield* operation(g, MMUEXT_CLEAR_PAGE, mfnOf(m, FREE_PAGE)),
          ];
        },
      ],
      [
        'of a page that is not pinned returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => unpin(g, m, FREE_PAGE),
      ],
      [
        'of a table that is in use but not pinned returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => unpin(g, m, L1_PAGE),
      ],
      [
        'a second time returns -EINVAL',
        [0, -XEN_EINVAL],
        function* (g, m) {
          yield* pin(g, m, L1_PAGE, 1);
          return [yield* unpin(g, m, L1_PAGE), yield* unpin(g, m, L1_PAGE)];
        },
      ],
      [
        'of a table in use leaves it a page table',
        -XEN_EBUSY,
        function* (g, m) {
          yield* pin(g, m, L1_PAGE, 1);
          yield* unpin(g, m, L1_PAGE);
          return yield* mapWritable(g, mfnOf(m, L1_PAGE));
        },
      ],
    ],
    pv64,
  );
});

describe('long work is preempted', () => {
  const many = { memoryFrames: 200, machine: { frames: 512, workPerCall: 2560 } };
  hypercallContract(
    [
      [
        'a pin of a root over sixty tables goes on until it is done',
        [0, 11],
        function* (g, m) {
          const children: Record<number, bigint> = {};
          for (let i = 0; i < 60; i++) {
            const page = 60 + i;
            yield* prepare(g, m, page, { 0: entry(mfnOf(m, 5)) });
            children[i] = entry(mfnOf(m, page));
          }
          yield* prepare(g, m, FREE_PAGE_2, children);
          yield* prepare(g, m, FREE_PAGE_3, {
            0: entry(mfnOf(m, L2_PAGE)),
            1: entry(mfnOf(m, FREE_PAGE_2)),
          });
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_3)) });
          g.write32(5 * 4096, 11);
          const status = yield* pin(g, m, FREE_PAGE, 4);
          yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE));
          return [status, g.read32(0x4000_0000 + 59 * 0x20_0000)];
        },
        many,
      ],
      [
        'a pin that meets a bad table after many good ones leaves nothing behind',
        [-XEN_EBUSY, 0],
        function* (g, m) {
          const children: Record<number, bigint> = {};
          for (let i = 0; i < 60; i++) {
            const page = 60 + i;
            yield* prepare(g, m, page, { 0: entry(i === 59 ? m.strangerMfn : mfnOf(m, 5)) });
            children[i] = entry(mfnOf(m, page));
          }
          yield* prepare(g, m, FREE_PAGE, children);
          return [yield* pin(g, m, FREE_PAGE, 2), yield* mapWritable(g, mfnOf(m, 60))];
        },
        many,
      ],
      [
        'an unpin of many tables has let go of all they mapped when the next request is done',
        [0, 0],
        function* (g, m) {
          const children: Record<number, bigint> = {};
          for (let i = 0; i < 60; i++) {
            yield* prepare(g, m, 60 + i, { 0: entry(mfnOf(m, 5)), 1: entry(mfnOf(m, 6)) });
            children[i] = entry(mfnOf(m, 60 + i));
          }
          yield* prepare(g, m, FREE_PAGE, children);
          yield* pin(g, m, FREE_PAGE, 2);
          yield* prepare(g, m, 5);
          yield* prepare(g, m, 6);
          const unpinned = yield* operations(g, [
            [MMUEXT_UNPIN_TABLE, mfnOf(m, FREE_PAGE)],
            [MMUEXT_PIN_L1_TABLE, mfnOf(m, 5)],
          ]);
          return [unpinned, yield* pin(g, m, 6, 1)];
        },
        many,
      ],
      [
        'a new base pointer has let go of all that the old tables mapped when it answers',
        [0, 0],
        function* (g, m) {
          const children: Record<number, bigint> = {};
          for (let i = 0; i < 60; i++) {
            yield* prepare(g, m, 60 + i, { 0: entry(mfnOf(m, 5)) });
            children[i] = entry(mfnOf(m, 60 + i));
          }
          yield* prepare(g, m, FREE_PAGE_2, children);
          yield* prepare(g, m, FREE_PAGE_3, {
            0: entry(mfnOf(m, L2_PAGE)),
            1: entry(mfnOf(m, FREE_PAGE_2)),
          });
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_3)) });
          yield* pin(g, m, L4_PAGE, 4);
          yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, FREE_PAGE));
          yield* prepare(g, m, 5);
          return [
            yield* operation(g, MMUEXT_NEW_BASEPTR, mfnOf(m, L4_PAGE)),
            yield* pin(g, m, 5, 1),
          ];
        },
        many,
      ],
    ],
    pv64,
  );
});
