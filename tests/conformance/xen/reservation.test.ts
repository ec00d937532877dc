// Conformance of memory_op: increase, decrease, populate and exchange. The result is how many extents were done, errors or not.
import {
  DOMID_SELF,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOMEM,
  XEN_EPERM,
  XEN_ESRCH,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_exchange,
  XENMEM_increase_reservation,
  XENMEM_populate_physmap,
  xen_memory_domain,
  xen_memory_exchange,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { LIST, readList, reserve, writeList } from './memory-calls.js';
import { FREE_PAGE, mapAt, mfnOf, pv32, pv64 } from './mmu-calls.js';
import { entry } from './pv-memory.js';

function* reservation(g: NativeGuest): NativeCode<number> {
  const made = yield* g.memoryOp(XENMEM_current_reservation, xen_memory_domain, {
    domid: DOMID_SELF,
  });
  return made.result;
}

/** Whether a page is there. */
function isMapped(g: NativeGuest, page: number): boolean {
  try {
    g.read32(page * 4096);
    return true;
  } catch {
    return false;
  }
}

describe('XENMEM_populate_physmap of a translated guest', () => {
  hypercallContract([
    [
      'adds memory where there was none',
      [1, 0, 17],
      function* (g) {
        const done = yield* reserve(g, XENMEM_populate_physmap, [40]);
        return [done, g.read32(40 * 4096), yield* reservation(g)];
      },
    ],
    [
      'adds extents of several frames',
      [2, true, true],
      function* (g) {
        const done = yield* reserve(g, XENMEM_populate_physmap, [40, 48], { extent_order: 3 });
        return [done, isMapped(g, 47), isMapped(g, 55)];
      },
    ],
    ['where memory is does nothing: 0 done', 0, (g) => reserve(g, XENMEM_populate_physmap, [5])],
    [
      'beyond the frames there can be does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [0x7fff_ffff]),
    ],
    [
      'stops at the first extent that cannot be',
      [1, true, false],
      function* (g) {
        const done = yield* reserve(g, XENMEM_populate_physmap, [40, 5, 41]);
        return [done, isMapped(g, 40), isMapped(g, 41)];
      },
    ],
    [
      'does not go beyond the limit of the domain',
      [2, 18],
      function* (g) {
        const done = yield* reserve(g, XENMEM_populate_physmap, [40, 41, 42]);
        return [done, yield* reservation(g)];
      },
      { limits: { maxFrames: 18 } },
    ],
    ['of no extents does nothing', 0, (g) => reserve(g, XENMEM_populate_physmap, [])],
    [
      'of an order above 9 does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { extent_order: 10 }),
    ],
    [
      'of an order too large to be a shift does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { extent_order: 0xffff_ffff }),
    ],
    [
      'of more extents than can be counted does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { nr_extents: 0x400_0000 }),
    ],
    [
      'of another domain does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { domid: BYSTANDER }),
    ],
    [
      'of a domain that does not exist does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { domid: 77 }),
    ],
    [
      'with a list that is not mapped does nothing',
      0,
      (g) => reserve(g, XENMEM_populate_physmap, [40], { extent_start: 0x700_0000 }),
    ],
    [
      'with a record that is not mapped does nothing',
      0,
      (g) => g.hypercall(12, XENMEM_populate_physmap, 0x700_0000),
    ],
    [
      'that goes on at an extent beyond its count answers with that',
      5,
      function* (g) {
        yield* reserve(g, XENMEM_populate_physmap, []);
        return yield* g.hypercall(12, XENMEM_populate_physmap | (5 << 6), g.scratch);
      },
    ],
    [
      'of many extents is preempted and does them all',
      [500, 516],
      function* (g) {
        const frames = Array.from({ length: 500 }, (_, i) => 40 + i);
        const done = yield* reserve(g, XENMEM_populate_physmap, frames);
        return [done, yield* reservation(g)];
      },
      { machine: { frames: 1024, workPerCall: 2560, watch: false } },
    ],
  ]);
});

describe('XENMEM_decrease_reservation', () => {
  hypercallContract([
    [
      'takes memory away',
      [1, false, 15],
      function* (g) {
        const done = yield* reserve(g, XENMEM_decrease_reservation, [9]);
        return [done, isMapped(g, 9), yield* reservation(g)];
      },
    ],
    [
      'of extents of several frames takes them all',
      [1, false, false],
      function* (g) {
        const done = yield* reserve(g, XENMEM_decrease_reservation, [8], { extent_order: 1 });
        return [done, isMapped(g, 8), isMapped(g, 9)];
      },
    ],
    ['where nothing is does nothing', 0, (g) => reserve(g, XENMEM_decrease_reservation, [50])],
    [
      'stops at the first frame that is not there',
      [1, true],
      function* (g) {
        const done = yield* reserve(g, XENMEM_decrease_reservation, [9, 50, 10]);
        return [done, isMapped(g, 10)];
      },
    ],
    [
      'and populating again gives zeroed memory',
      [1, 0],
      function* (g) {
        g.write32(9 * 4096, 0xdead);
        yield* reserve(g, XENMEM_decrease_reservation, [9]);
        const done = yield* reserve(g, XENMEM_populate_physmap, [9]);
        return [done, g.read32(9 * 4096)];
      },
    ],
    [
      'of another domain does nothing',
      0,
      (g) => reserve(g, XENMEM_decrease_reservation, [0], { domid: BYSTANDER }),
    ],
  ]);
  hypercallContract(
    [
      [
        'of a page-table guest takes machine frames, which must be its own',
        [1, 0, 0, 0],
        function* (g, m) {
          const results: number[] = [];
          for (const mfn of [mfnOf(m, FREE_PAGE), m.strangerMfn, 0, m.freeMfn]) {
            results.push(yield* reserve(g, XENMEM_decrease_reservation, [mfn]));
          }
          return results;
        },
      ],
      [
        'of shared_info does nothing: it is not the guest’s to give',
        0,
        (g, m) => reserve(g, XENMEM_decrease_reservation, [m.sharedInfoMfn]),
      ],
      [
        'of a frame there is not does nothing',
        0,
        (g) => reserve(g, XENMEM_decrease_reservation, [0xffff_ffff]),
      ],
    ],
    pv64,
  );
});

describe('XENMEM_increase_reservation and populate_physmap of a page-table guest', () => {
  for (const options of [pv64, pv32]) {
    hypercallContract(
      [
        [
          `increase gives a frame of a ${options.word}-bit guest’s own`,
          [1, 0, 0],
          function* (g, m) {
            const done = yield* reserve(g, XENMEM_increase_reservation, [0]);
            const mfn = readList(g, 0);
            const mapped = yield* mapAt(g, 100 * 4096, entry(mfn));
            return [done, mapped, m.mfns.includes(mfn) ? -1 : g.read32(100 * 4096)];
          },
        ],
        [
          `populate gives a ${options.word}-bit guest a frame and sets its M2P entry`,
          [1, 0x321, 0],
          function* (g, m) {
            const done = yield* reserve(g, XENMEM_populate_physmap, [0x321]);
            const mfn = readList(g, 0);
            return [done, m.m2p(mfn), yield* mapAt(g, 100 * 4096, entry(mfn))];
          },
        ],
      ],
      options,
    );
  }
  hypercallContract(
    [
      [
        'increase without a list tells nothing of the frames',
        [2, 26],
        function* (g) {
          const done = yield* reserve(g, XENMEM_increase_reservation, [0, 0], { extent_start: 0 });
          return [done, yield* reservation(g)];
        },
      ],
      [
        'increase beyond the limit does nothing',
        0,
        (g) => reserve(g, XENMEM_increase_reservation, [0]),
        { limits: { maxFrames: 24 } },
      ],
      [
        'increase of another domain does nothing',
        0,
        (g) => reserve(g, XENMEM_increase_reservation, [0], { domid: BYSTANDER }),
      ],
      [
        'populate with a list that is read only does nothing',
        0,
        (g) => reserve(g, XENMEM_populate_physmap, [7], { extent_start: 8 * 4096 }),
      ],
    ],
    pv64,
  );
});

describe('XENMEM_exchange', () => {
  const OUT_LIST = 5 * 4096;
  /** Exchanges frames for others that shall be the guest's frames `pfns`: the result. */
  function* exchange(
    g: NativeGuest,
    mfns: readonly number[],
    pfns: readonly number[],
    given: Readonly<Record<string, number>> = {},
    got: Readonly<Record<string, number>> = {},
    nr_exchanged = 0,
  ): NativeCode<number> {
    writeList(g, mfns);
    writeList(g, pfns, OUT_LIST);
    const made = yield* g.memoryOp(XENMEM_exchange, xen_memory_exchange, {
      in: { extent_start: LIST, nr_extents: mfns.length, domid: DOMID_SELF, ...given },
      out: { extent_start: OUT_LIST, nr_extents: pfns.length, domid: DOMID_SELF, ...got },
      nr_exchanged,
    });
    return made.result;
  }
  /** Unmaps a page, as a guest does before it gives its frame. */
  function* unmapped(g: NativeGuest, page: number): NativeCode<number> {
    yield* mapAt(g, page * 4096, 0n);
    return page;
  }
  hypercallContract(
    [
      [
        'gives another frame for one that is not in use',
        [0, true, 24, FREE_PAGE],
        function* (g, m) {
          const old = mfnOf(m, yield* unmapped(g, FREE_PAGE));
          const status = yield* exchange(g, [old], [FREE_PAGE]);
          const mfn = readList(g, 0, OUT_LIST);
          return [status, mfn !== old, yield* reservation(g), m.m2p(mfn)];
        },
      ],
      [
        'counts what is exchanged',
        [0, 2],
        function* (g, m) {
          const mfns = [mfnOf(m, yield* unmapped(g, 12)), mfnOf(m, yield* unmapped(g, 13))];
          const status = yield* exchange(g, mfns, [12, 13]);
          return [status, g.readMember(xen_memory_exchange, g.scratch, 'nr_exchanged')];
        },
      ],
      [
        'of a frame that is mapped returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => exchange(g, [mfnOf(m, FREE_PAGE)], [FREE_PAGE]),
      ],
      [
        'of a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => exchange(g, [m.strangerMfn], [FREE_PAGE]),
      ],
      [
        'of shared_info returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => exchange(g, [m.sharedInfoMfn], [FREE_PAGE]),
      ],
      [
        'of a frame there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => exchange(g, [0xf_ffff], [FREE_PAGE]),
      ],
      ['of lists of different sizes returns -EINVAL', -XEN_EINVAL, (g) => exchange(g, [5, 6], [5])],
      [
        'of different domains returns -EINVAL',
        -XEN_EINVAL,
        (g) => exchange(g, [5], [5], {}, { domid: BYSTANDER }),
      ],
      [
        'that has exchanged more than there is returns -EINVAL',
        -XEN_EINVAL,
        (g) => exchange(g, [5], [5], {}, {}, 2),
      ],
      ['that has exchanged all returns 0', 0, (g) => exchange(g, [5], [5], {}, {}, 1)],
      [
        'of an order above 9 returns -EPERM',
        -XEN_EPERM,
        (g) => exchange(g, [5], [5], { extent_order: 10 }),
      ],
      [
        'for runs of frames returns -ENOMEM',
        -XEN_ENOMEM,
        function* (g, m) {
          const mfns = [mfnOf(m, yield* unmapped(g, 12)), mfnOf(m, yield* unmapped(g, 13))];
          return yield* exchange(g, mfns, [12], {}, { extent_order: 1 });
        },
      ],
      [
        'of another domain returns -EPERM',
        -XEN_EPERM,
        (g) => exchange(g, [5], [5], { domid: BYSTANDER }, { domid: BYSTANDER }),
      ],
      [
        'of a domain that does not exist returns -ESRCH',
        -XEN_ESRCH,
        (g) => exchange(g, [5], [5], { domid: 77 }, { domid: 77 }),
      ],
      [
        'with a list that is not mapped returns -EFAULT',
        -XEN_EFAULT,
        (g) => exchange(g, [5], [5], { extent_start: 0x7000_0000 }),
      ],
      [
        'going on at an extent in the command returns -EINVAL',
        -XEN_EINVAL,
        (g) => g.hypercall(12, XENMEM_exchange | 64, g.scratch),
      ],
      [
        'of many frames is preempted and does them all',
        [0, 300],
        function* (g, m) {
          const pages = Array.from({ length: 300 }, (_, i) => 100 + i);
          for (const page of pages) yield* unmapped(g, page);
          const mfns = pages.map((page) => mfnOf(m, page));
          const status = yield* exchange(g, mfns, pages);
          const got = pages.map((_, i) => readList(g, i, OUT_LIST));
          return [status, new Set(got).size];
        },
        { memoryFrames: 420, machine: { frames: 1024, workPerCall: 2560, watch: false } },
      ],
    ],
    pv64,
  );
});
