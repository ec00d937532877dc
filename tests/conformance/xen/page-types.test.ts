// Conformance of page types, by the rules of packages/hv-core/src/frame/page-type.ts: validation, and what excludes what.
import {
  MMUEXT_CLEAR_PAGE,
  XEN_EBUSY,
  XEN_EINVAL,
  XENMEM_decrease_reservation,
  xen_memory_reservation,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import {
  entryIn,
  FREE_PAGE,
  FREE_PAGE_2,
  FREE_PAGE_3,
  mapAt,
  mfnOf,
  operation,
  pin,
  prepare,
  pv32,
  pv64,
  slotAt,
  unpin,
  update,
} from './mmu-calls.js';
import { DATA, entry, L1_PAGE, L2_PAGE, L3_PAGE, L4_PAGE, READ_ONLY } from './pv-memory.js';

const PSE = 0x80;

/** Maps a page's frame a second time, writable, at another address. */
function* mapWritable(g: NativeGuest, mfn: number): NativeCode<number> {
  return yield* mapAt(g, 101 * 4096, entry(mfn));
}

describe('types exclude each other (rule 2)', () => {
  hypercallContract(
    [
      [
        'a page table cannot be mapped writable',
        [-XEN_EBUSY, -XEN_EBUSY, -XEN_EBUSY, -XEN_EBUSY],
        function* (g, m) {
          const results: number[] = [];
          for (const page of [L1_PAGE, L2_PAGE, L3_PAGE, L4_PAGE]) {
            results.push(yield* mapWritable(g, mfnOf(m, page)));
          }
          return results;
        },
      ],
      [
        'a page with two writable mappings needs both gone',
        [-XEN_EINVAL, 0],
        function* (g, m) {
          yield* mapWritable(g, mfnOf(m, FREE_PAGE));
          yield* prepare(g, m, FREE_PAGE);
          const before = yield* pin(g, m, FREE_PAGE, 1);
          yield* mapAt(g, 101 * 4096, 0n);
          return [before, yield* pin(g, m, FREE_PAGE, 1)];
        },
      ],
      [
        'read-only mappings do not matter',
        0,
        function* (g, m) {
          yield* mapAt(g, 101 * 4096, entry(mfnOf(m, FREE_PAGE), READ_ONLY));
          yield* prepare(g, m, FREE_PAGE);
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
      [
        'a table with a writable mapping of itself is refused',
        -XEN_EBUSY,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE)) });
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
      [
        'a table with a read-only mapping of itself is allowed',
        0,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE), READ_ONLY) });
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
    ],
    pv64,
  );
});

describe('validation looks at every entry (rule 3)', () => {
  hypercallContract(
    [
      [
        'a bad last entry refuses the table',
        -XEN_EBUSY,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, 5)), 511: entry(m.strangerMfn) });
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
      [
        'a refused table holds nothing: its targets can change type',
        [-XEN_EBUSY, 0],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE_2);
          yield* prepare(g, m, FREE_PAGE, {
            0: entry(mfnOf(m, FREE_PAGE_2), DATA),
            1: entry(m.strangerMfn),
          });
          return [yield* pin(g, m, FREE_PAGE, 1), yield* pin(g, m, FREE_PAGE_2, 1)];
        },
      ],
      [
        'a valid table keeps its targets writable pages',
        [0, -XEN_EINVAL],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE_2);
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_2), DATA) });
          return [yield* pin(g, m, FREE_PAGE, 1), yield* pin(g, m, FREE_PAGE_2, 1)];
        },
      ],
      [
        'entries that are not present are not looked at',
        0,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, {
            0: entry(m.strangerMfn, 0x7e),
            1: 0xffff_ffff_ffff_fffen,
          });
          return yield* pin(g, m, FREE_PAGE, 1);
        },
      ],
      [
        'large pages are refused',
        -XEN_EINVAL,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, 0), DATA | PSE) });
          return yield* pin(g, m, FREE_PAGE, 2);
        },
      ],
      [
        'an L2 of pages that are no L1s is refused',
        -XEN_EINVAL,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, 5)) });
          return yield* pin(g, m, FREE_PAGE, 2);
        },
      ],
      [
        'an L2 validates the pages it names as L1s',
        [0, -XEN_EBUSY],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE_2, { 0: entry(mfnOf(m, 5)) });
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_2)) });
          return [yield* pin(g, m, FREE_PAGE, 2), yield* mapWritable(g, mfnOf(m, FREE_PAGE_2))];
        },
      ],
      [
        'an unpinned L2 lets them go',
        [0, 0],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE_2, { 0: entry(mfnOf(m, 5)) });
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_2)) });
          yield* pin(g, m, FREE_PAGE, 2);
          return [yield* unpin(g, m, FREE_PAGE), yield* mapWritable(g, mfnOf(m, FREE_PAGE_2))];
        },
      ],
      [
        'an L4’s hypervisor slots are not looked at; the hypervisor fills them in',
        [0, true],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 256: entry(m.strangerMfn), 271: 0x1ffn });
          const status = yield* pin(g, m, FREE_PAGE, 4);
          const window = entryIn(g, FREE_PAGE, 256);
          return [status, window >> 12n !== BigInt(m.strangerMfn) && (window & 3n) === 1n];
        },
      ],
      [
        'entries of a 64-bit guest come back with the user bit',
        4n,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 7: entry(mfnOf(m, 5), 1) });
          yield* pin(g, m, FREE_PAGE, 1);
          return entryIn(g, FREE_PAGE, 7) & 4n;
        },
      ],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'entries of a PAE guest come back as they were',
        entry(5, 0),
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 7: entry(mfnOf(m, 5), 1) });
          yield* pin(g, m, FREE_PAGE, 1);
          return entryIn(g, FREE_PAGE, 7) === entry(mfnOf(m, 5), 1) ? entry(5, 0) : 0n;
        },
      ],
      [
        'only the first four entries of a PAE L3 are looked at; the others are emptied',
        [0, 0n],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, {
            3: entry(mfnOf(m, L4_PAGE), 1),
            4: entry(m.strangerMfn),
          });
          return [yield* pin(g, m, FREE_PAGE, 3), entryIn(g, FREE_PAGE, 4)];
        },
      ],
      [
        'the L2 of a PAE guest’s last gigabyte gets the M2P window',
        true,
        function* (g, m) {
          const window = entryIn(g, L4_PAGE, 0x1ac);
          yield* prepare(g, m, FREE_PAGE);
          return (window & 3n) === 1n;
        },
      ],
    ],
    pv32,
  );
});

describe('linear page tables (rule 6)', () => {
  hypercallContract(
    [
      [
        'an L4 may name itself, read only',
        0,
        (g, m) => update(g, slotAt(m, L4_PAGE, 1), entry(m.root, READ_ONLY)),
      ],
      [
        'an L4 that names itself writable is refused: -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L4_PAGE, 1), entry(m.root)),
      ],
      [
        'an L2 may name another validated L2, read only',
        [0, 0],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE);
          return [
            yield* pin(g, m, FREE_PAGE, 2),
            yield* update(g, slotAt(m, FREE_PAGE, 1), entry(mfnOf(m, L2_PAGE), READ_ONLY)),
          ];
        },
      ],
      [
        'chains are refused: a table that is named so names none',
        -XEN_EINVAL,
        function* (g, m) {
          for (const page of [FREE_PAGE, FREE_PAGE_2, FREE_PAGE_3]) {
            yield* prepare(g, m, page);
            yield* pin(g, m, page, 2);
          }
          yield* update(g, slotAt(m, FREE_PAGE, 0), entry(mfnOf(m, FREE_PAGE_2), READ_ONLY));
          return yield* update(
            g,
            slotAt(m, FREE_PAGE_2, 0),
            entry(mfnOf(m, FREE_PAGE_3), READ_ONLY),
          );
        },
      ],
      [
        'chains are refused from the other end too',
        -XEN_EINVAL,
        function* (g, m) {
          for (const page of [FREE_PAGE, FREE_PAGE_2, FREE_PAGE_3]) {
            yield* prepare(g, m, page);
            yield* pin(g, m, page, 2);
          }
          yield* update(g, slotAt(m, FREE_PAGE_2, 0), entry(mfnOf(m, FREE_PAGE_3), READ_ONLY));
          return yield* update(g, slotAt(m, FREE_PAGE, 0), entry(mfnOf(m, FREE_PAGE_2), READ_ONLY));
        },
      ],
      [
        'what a linear entry names stays a page table after its pin is gone',
        [0, -XEN_EINVAL],
        function* (g, m) {
          for (const page of [FREE_PAGE, FREE_PAGE_2]) {
            yield* prepare(g, m, page);
            yield* pin(g, m, page, 2);
          }
          yield* update(g, slotAt(m, FREE_PAGE, 0), entry(mfnOf(m, FREE_PAGE_2), READ_ONLY));
          return [
            yield* unpin(g, m, FREE_PAGE_2),
            yield* operation(g, MMUEXT_CLEAR_PAGE, mfnOf(m, FREE_PAGE_2)),
          ];
        },
      ],
    ],
    pv64,
  );
});

describe('freeing needs no references (rule 1)', () => {
  function* free(g: NativeGuest, mfn: number): NativeCode<number> {
    g.write64(4 * 4096, BigInt(mfn));
    const made = yield* g.memoryOp(XENMEM_decrease_reservation, xen_memory_reservation, {
      extent_start: 4 * 4096,
      nr_extents: 1,
      domid: 0x7ff0,
    });
    return made.result;
  }
  hypercallContract(
    [
      [
        'a mapped page that is given back is still there until it is unmapped',
        [1, 3],
        function* (g, m) {
          g.write32(FREE_PAGE * 4096, 3);
          return [yield* free(g, mfnOf(m, FREE_PAGE)), g.read32(FREE_PAGE * 4096)];
        },
      ],
      [
        'a pinned page that is given back loses its pin',
        [1, -XEN_EINVAL],
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE);
          yield* pin(g, m, FREE_PAGE, 1);
          return [yield* free(g, mfnOf(m, FREE_PAGE)), yield* unpin(g, m, FREE_PAGE)];
        },
      ],
    ],
    pv64,
  );
});
