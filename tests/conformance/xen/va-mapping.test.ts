// Conformance of update_va_mapping and update_va_mapping_otherdomain.
import {
  DOMID_SELF,
  UVMF_ALL,
  UVMF_INVLPG,
  UVMF_NONE,
  UVMF_TLB_FLUSH,
  XEN_EBUSY,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import {
  entryIn,
  FREE_PAGE,
  mapAt,
  mfnOf,
  operation,
  pv32,
  pv64,
  slotAt,
  update,
} from './mmu-calls.js';
import { DATA, entry, L1_PAGE, L2_PAGE, L4_PAGE, READ_ONLY } from './pv-memory.js';

const EMPTY = 100 * 4096;
const XEN_FRAME = 0;

for (const [name, options] of [
  ['64-bit', pv64],
  ['PAE', pv32],
] as const) {
  describe(`update_va_mapping of a ${name} guest`, () => {
    hypercallContract(
      [
        [
          'maps a page',
          [0, 33],
          function* (g, m) {
            g.write32(FREE_PAGE * 4096, 33);
            return [yield* mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE))), g.read32(EMPTY)];
          },
        ],
        [
          'takes an address within the page for the page',
          [0, 33],
          function* (g, m) {
            g.write32(FREE_PAGE * 4096, 33);
            return [yield* mapAt(g, EMPTY + 0x123, entry(mfnOf(m, FREE_PAGE))), g.read32(EMPTY)];
          },
        ],
        [
          'with 0 unmaps it',
          [0, 'NativePageFault'],
          function* (g) {
            const status = yield* mapAt(g, FREE_PAGE * 4096, 0n);
            try {
              return [status, g.read32(FREE_PAGE * 4096)];
            } catch (error) {
              return [status, (error as Error).name];
            }
          },
        ],
        [
          'flushes as it is told: all kinds succeed',
          [0, 0, 0, 0, 0],
          function* (g, m) {
            const value = entry(mfnOf(m, FREE_PAGE));
            const kinds = [
              UVMF_NONE,
              UVMF_TLB_FLUSH,
              UVMF_TLB_FLUSH | UVMF_ALL,
              UVMF_INVLPG,
              UVMF_INVLPG | UVMF_ALL,
            ];
            const results: number[] = [];
            for (const flags of kinds) results.push(yield* mapAt(g, EMPTY, value, flags));
            return results;
          },
        ],
        [
          'where no page table is returns -EINVAL',
          -XEN_EINVAL,
          (g, m) => mapAt(g, 0x4000_0000, entry(mfnOf(m, FREE_PAGE))),
        ],
        [
          'in the hypervisor’s part of the address space returns -EINVAL',
          -XEN_EINVAL,
          (g, m) =>
            mapAt(g, g.word === 64 ? -0x8000_0000_0000 : 0xf580_0000, entry(mfnOf(m, FREE_PAGE))),
        ],
        [
          'of a frame of another domain returns -EBUSY',
          -XEN_EBUSY,
          (g, m) => mapAt(g, EMPTY, entry(m.strangerMfn, READ_ONLY)),
        ],
        [
          'of a frame of the hypervisor returns -EBUSY',
          -XEN_EBUSY,
          (g) => mapAt(g, EMPTY, entry(XEN_FRAME, READ_ONLY)),
        ],
        [
          'of a frame there is not returns -EPERM',
          -XEN_EPERM,
          (g) => mapAt(g, EMPTY, entry(0xf_0000)),
        ],
        [
          'of a page table, writable, returns -EBUSY',
          -XEN_EBUSY,
          (g, m) => mapAt(g, EMPTY, entry(mfnOf(m, L2_PAGE))),
        ],
        [
          'with cache bits returns -EINVAL',
          [-XEN_EINVAL, -XEN_EINVAL, -XEN_EINVAL],
          function* (g, m) {
            const results: number[] = [];
            for (const bit of [0x08, 0x10, 0x80]) {
              results.push(yield* mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE), DATA | bit)));
            }
            return results;
          },
        ],
        [
          'leaves the old mapping when it fails',
          [-XEN_EBUSY, 44],
          function* (g, m) {
            g.write32(FREE_PAGE * 4096, 44);
            const status = yield* mapAt(g, FREE_PAGE * 4096, entry(m.strangerMfn));
            return [status, g.read32(FREE_PAGE * 4096)];
          },
        ],
        [
          'makes the last writable mapping read only, so that the frame can become a page table',
          [0, 0],
          function* (g, m) {
            g.write(FREE_PAGE * 4096, new Uint8Array(4096));
            const status = yield* mapAt(g, FREE_PAGE * 4096, entry(mfnOf(m, FREE_PAGE), READ_ONLY));
            return [status, yield* operation(g, 0, mfnOf(m, FREE_PAGE))];
          },
        ],
      ],
      options,
    );
  });
}

describe('update_va_mapping', () => {
  hypercallContract(
    [
      [
        'at an address that is not canonical returns -EINVAL',
        [-XEN_EINVAL, -XEN_EINVAL],
        function* (g, m) {
          return [
            yield* mapAt(g, 0x8000_0000_0000, entry(mfnOf(m, FREE_PAGE))),
            yield* mapAt(g, 2 ** 60, entry(mfnOf(m, FREE_PAGE))),
          ];
        },
      ],
      [
        'through a linear entry reaches the table, which is no L1: -EINVAL',
        -XEN_EINVAL,
        function* (g, m) {
          // L4 slot 1 names the L4 itself: the walk ends at the L2 as if it were an L1.
          yield* update(g, slotAt(m, L4_PAGE, 1), entry(m.root, READ_ONLY));
          return yield* mapAt(g, 2 ** 39, entry(mfnOf(m, FREE_PAGE)));
        },
      ],
      [
        'writes the entry of the L1 it finds',
        true,
        function* (g, m) {
          yield* mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE)));
          return entryIn(g, L1_PAGE, 100) >> 12n === BigInt(mfnOf(m, FREE_PAGE));
        },
      ],
    ],
    pv64,
  );
  hypercallContract([
    ['of a translated guest returns -ENOSYS', -XEN_ENOSYS, (g) => mapAt(g, EMPTY, 0n)],
    [
      'of another domain’s page by a translated guest returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => mapAt(g, EMPTY, 0n, 0, BYSTANDER),
    ],
  ]);
});

describe('update_va_mapping_otherdomain', () => {
  hypercallContract(
    [
      [
        'with DOMID_SELF is the same as without',
        0,
        (g, m) => mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE)), UVMF_INVLPG, DOMID_SELF),
      ],
      [
        'of another domain returns -EPERM for an unprivileged caller',
        -XEN_EPERM,
        (g, m) => mapAt(g, EMPTY, entry(m.strangerMfn), UVMF_INVLPG, BYSTANDER),
      ],
      [
        'of a domain that does not exist returns -ESRCH',
        -XEN_ESRCH,
        (g, m) => mapAt(g, EMPTY, entry(m.strangerMfn), UVMF_INVLPG, 77),
      ],
      [
        'of the caller by its number returns -ESRCH',
        -XEN_ESRCH,
        (g, m) => mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE)), UVMF_INVLPG, g.domainId),
      ],
    ],
    pv64,
  );
});
