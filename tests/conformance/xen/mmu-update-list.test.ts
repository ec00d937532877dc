// Conformance of mmu_update: frames that are no page tables, the M2P, and lists of requests.
import {
  DOMID_SELF,
  MMU_MACHPHYS_UPDATE,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { FREE_PAGE, mfnOf, pv64, slotAt, update, updates } from './mmu-calls.js';
import { entry, L1_PAGE, type PvMemory } from './pv-memory.js';

/** A page the guest has not mapped anything at. */
const EMPTY = 100;
const _PCD = 0x10;
const _PAT = 0x80;
const _PSE = 0x80;
const _GLOBAL = 0x100;
const _NX = 1n << 63n;
/** A frame of the hypervisor's own: the M2P begins at the first one. */
const XEN_FRAME = 0;
const BEYOND_MACHINE = 0x10_0000;

/** What the guest reads at an address, or 'fault'. */
function probe(g: NativeGuest, address: number): number | string {
  try {
    return g.read32(address);
  } catch {
    return 'fault';
  }
}

/** Writes an L1 entry for page EMPTY. */
function* _put(g: NativeGuest, m: PvMemory, value: bigint, command = 0): NativeCode<number> {
  return yield* update(g, slotAt(m, L1_PAGE, EMPTY, command), value);
}

describe('mmu_update of other frames', () => {
  hypercallContract(
    [
      [
        'a page of data is written like memory',
        [0, 0x1234],
        function* (g, m) {
          return [
            yield* update(g, slotAt(m, FREE_PAGE, 2), 0x1234n),
            g.read32(FREE_PAGE * 4096 + 16),
          ];
        },
      ],
      [
        'a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, m.strangerMfn * 4096, 1n),
      ],
      [
        'a frame that is free returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, m.freeMfn * 4096, 1n),
      ],
      [
        'a frame of the hypervisor returns -EINVAL',
        -XEN_EINVAL,
        (g) => update(g, XEN_FRAME * 4096, 1n),
      ],
      [
        'a frame there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => update(g, BEYOND_MACHINE * 4096, 1n),
      ],
      [
        'MMU_MACHPHYS_UPDATE sets the M2P entry of an own frame',
        [0, 0x777],
        function* (g, m) {
          const status = yield* update(g, slotAt(m, FREE_PAGE, 0, MMU_MACHPHYS_UPDATE), 0x777n);
          return [status, m.m2p(mfnOf(m, FREE_PAGE))];
        },
      ],
      [
        'MMU_MACHPHYS_UPDATE of a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, m.strangerMfn * 4096 + MMU_MACHPHYS_UPDATE, 1n),
      ],
      [
        'MMU_MACHPHYS_UPDATE of a frame there is not returns -EINVAL',
        -XEN_EINVAL,
        (g) => update(g, BEYOND_MACHINE * 4096 + MMU_MACHPHYS_UPDATE, 1n),
      ],
      [
        'command 4 returns -ENOSYS',
        -XEN_ENOSYS,
        (g, m) => update(g, slotAt(m, L1_PAGE, 50, 4), 0n),
      ],
      [
        'command 7 returns -ENOSYS',
        -XEN_ENOSYS,
        (g, m) => update(g, slotAt(m, L1_PAGE, 50, 7), 0n),
      ],
    ],
    pv64,
  );
});

describe('mmu_update of a list', () => {
  /** Two good requests around one that is not. */
  function* threeRequests(g: NativeGuest, m: PvMemory, pdone: number): NativeCode<number> {
    return yield* updates(
      g,
      [
        [slotAt(m, L1_PAGE, EMPTY), entry(mfnOf(m, 5))],
        [slotAt(m, L1_PAGE, EMPTY), entry(m.strangerMfn)],
        [slotAt(m, L1_PAGE, EMPTY + 1), entry(mfnOf(m, 5))],
      ],
      pdone,
    );
  }
  const DONE = 3 * 4096;
  hypercallContract(
    [
      ['of no requests returns 0', 0, (g) => updates(g, [])],
      [
        'stops at the first error; what was before stays done, what is behind is not done',
        [-XEN_EBUSY, 0, 'fault'],
        function* (g, m) {
          return [
            yield* threeRequests(g, m, 0),
            probe(g, EMPTY * 4096),
            probe(g, (EMPTY + 1) * 4096),
          ];
        },
      ],
      [
        'counts the requests done',
        [-XEN_EBUSY, 1],
        function* (g, m) {
          return [yield* threeRequests(g, m, DONE), g.read32(DONE)];
        },
      ],
      [
        'that succeeds counts all of them',
        [0, 2],
        function* (g, m) {
          const status = yield* updates(
            g,
            [
              [slotAt(m, L1_PAGE, EMPTY), entry(mfnOf(m, 5))],
              [slotAt(m, L1_PAGE, EMPTY), 0n],
            ],
            DONE,
          );
          return [status, g.read32(DONE)];
        },
      ],
      [
        'with a count that cannot be written is done all the same',
        [0, 0],
        function* (g, m) {
          const one = [[slotAt(m, L1_PAGE, EMPTY), entry(mfnOf(m, 5))]] as const;
          return [yield* updates(g, one, 0x7000_0000), probe(g, EMPTY * 4096)];
        },
      ],
      [
        'that is not mapped returns -EFAULT',
        -XEN_EFAULT,
        (g) => g.hypercall(1, 0x7000_0000, 1, 0, DOMID_SELF),
      ],
      [
        'that ends in an unmapped page returns -EFAULT after what was mapped',
        [-XEN_EFAULT, 1],
        function* (g, m) {
          const last = 24 * 4096 - 16;
          g.write64(last, BigInt(slotAt(m, L1_PAGE, EMPTY)));
          g.write64(last + 8, entry(mfnOf(m, 5)));
          return [yield* g.hypercall(1, last, 2, DONE, DOMID_SELF), g.read32(DONE)];
        },
      ],
      [
        'of another domain’s pages returns -EPERM',
        -XEN_EPERM,
        (g, m) => update(g, slotAt(m, L1_PAGE, EMPTY), entry(m.strangerMfn), BYSTANDER),
      ],
      [
        'of another domain’s page tables returns -EPERM',
        -XEN_EPERM,
        (g, m) => update(g, m.strangerMfn * 4096, 1n, ((BYSTANDER + 1) << 16) | DOMID_SELF),
      ],
      [
        'of a domain that does not exist returns -ESRCH',
        -XEN_ESRCH,
        (g, m) => update(g, slotAt(m, L1_PAGE, EMPTY), 0n, 77),
      ],
      [
        'of page tables of a domain that does not exist returns -ESRCH',
        -XEN_ESRCH,
        (g, m) => update(g, slotAt(m, L1_PAGE, EMPTY), 0n, (78 << 16) | DOMID_SELF),
      ],
      [
        'of the caller by its number returns -ESRCH: it has to say DOMID_SELF',
        -XEN_ESRCH,
        (g, m) => update(g, slotAt(m, L1_PAGE, EMPTY), 0n, g.domainId),
      ],
      [
        'of the caller’s page tables by its number is allowed',
        0,
        (g, m) => update(g, slotAt(m, L1_PAGE, EMPTY), 0n, ((g.domainId + 1) << 16) | DOMID_SELF),
      ],
    ],
    pv64,
  );
  hypercallContract([
    [
      'of a translated guest returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(1, 0x1000, 1, 0, DOMID_SELF),
    ],
  ]);
});
