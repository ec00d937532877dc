// Conformance of mmu_update: entries of page tables of every level.
import {
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  XEN_EBUSY,
  XEN_EINVAL,
  XEN_EPERM,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import {
  entryIn,
  FREE_PAGE,
  FREE_PAGE_2,
  mfnOf,
  prepare,
  pv32,
  pv64,
  slotAt,
  update,
  updates,
} from './mmu-calls.js';
import {
  DATA,
  entry,
  L1_PAGE,
  L2_PAGE,
  L3_PAGE,
  L4_PAGE,
  PTE_P,
  PTE_RW,
  PTE_US,
  type PvMemory,
  READ_ONLY,
} from './pv-memory.js';

/** A page the guest has not mapped anything at. */
const EMPTY = 100;
const PCD = 0x10;
const PAT = 0x80;
const PSE = 0x80;
const GLOBAL = 0x100;
const NX = 1n << 63n;
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
function* put(g: NativeGuest, m: PvMemory, value: bigint, command = 0): NativeCode<number> {
  return yield* update(g, slotAt(m, L1_PAGE, EMPTY, command), value);
}

describe('mmu_update of an L1 entry', () => {
  hypercallContract(
    [
      [
        'maps a page of the guest',
        [0, 77],
        function* (g, m) {
          g.write32(FREE_PAGE * 4096, 77);
          return [yield* put(g, m, entry(mfnOf(m, FREE_PAGE))), probe(g, EMPTY * 4096)];
        },
      ],
      [
        'that is not present unmaps it',
        [0, 'fault'],
        function* (g, m) {
          yield* put(g, m, entry(mfnOf(m, FREE_PAGE)));
          return [yield* put(g, m, 0n), probe(g, EMPTY * 4096)];
        },
      ],
      [
        'that is not present may have any other bits',
        0,
        (g, m) => put(g, m, 0x7fff_ffff_ffff_f0fen),
      ],
      [
        'with NX, global and available bits is allowed',
        0,
        (g, m) => put(g, m, entry(mfnOf(m, FREE_PAGE), DATA | GLOBAL | 0xe00) | NX),
      ],
      [
        'for a frame of another domain returns -EBUSY',
        -XEN_EBUSY,
        (g, m) => put(g, m, entry(m.strangerMfn, READ_ONLY)),
      ],
      [
        'for a frame of the hypervisor returns -EBUSY',
        -XEN_EBUSY,
        (g, m) => put(g, m, entry(XEN_FRAME, READ_ONLY)),
      ],
      [
        'for a frame that is free returns -EBUSY',
        -XEN_EBUSY,
        (g, m) => put(g, m, entry(m.freeMfn, READ_ONLY)),
      ],
      [
        'for a frame the machine does not have returns -EPERM: no domain is permitted I/O memory',
        -XEN_EPERM,
        (g, m) => put(g, m, entry(BEYOND_MACHINE)),
      ],
      [
        'with PCD returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => put(g, m, entry(mfnOf(m, 5), DATA | PCD)),
      ],
      [
        'with PAT returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => put(g, m, entry(mfnOf(m, 5), DATA | PAT)),
      ],
      [
        'for a page table, writable, returns -EBUSY',
        -XEN_EBUSY,
        (g, m) => put(g, m, entry(mfnOf(m, L1_PAGE))),
      ],
      [
        'for a page table, read only, is allowed',
        0,
        (g, m) => put(g, m, entry(mfnOf(m, L2_PAGE), READ_ONLY)),
      ],
      ['for shared_info is allowed', 0, (g, m) => put(g, m, entry(m.sharedInfoMfn))],
      [
        'with MMU_PT_UPDATE_NO_TRANSLATE is a normal update',
        0,
        (g, m) => put(g, m, entry(mfnOf(m, 5)), MMU_PT_UPDATE_NO_TRANSLATE),
      ],
      [
        'with MMU_PT_UPDATE_PRESERVE_AD keeps accessed and dirty',
        [0, 0x60n],
        function* (g, m) {
          yield* put(g, m, entry(mfnOf(m, 5)));
          const plain = entry(mfnOf(m, 5), PTE_P | PTE_RW | PTE_US);
          return [
            yield* put(g, m, plain, MMU_PT_UPDATE_PRESERVE_AD),
            entryIn(g, L1_PAGE, EMPTY) & 0x60n,
          ];
        },
      ],
      [
        'without it clears them',
        [0, 0n],
        function* (g, m) {
          yield* put(g, m, entry(mfnOf(m, 5)));
          const plain = entry(mfnOf(m, 5), PTE_P | PTE_RW | PTE_US);
          return [yield* put(g, m, plain), entryIn(g, L1_PAGE, EMPTY) & 0x60n];
        },
      ],
      [
        'gets the user bit, and a mark that the guest set none, in a 64-bit guest',
        (1n << 52n) | BigInt(PTE_US),
        function* (g, m) {
          yield* put(g, m, entry(mfnOf(m, 5), PTE_P | PTE_RW));
          return entryIn(g, L1_PAGE, EMPTY) & ((1n << 52n) | BigInt(PTE_US));
        },
      ],
      [
        'can take the right to write the page that holds the requests away',
        [0, 0, 'fault'],
        function* (g, m) {
          const next = slotAt(m, L1_PAGE, EMPTY);
          const done = yield* updates(g, [
            [slotAt(m, L1_PAGE, 1), entry(mfnOf(m, 1), READ_ONLY)],
            [next, entry(mfnOf(m, 5))],
          ]);
          let written: number | string = 'fault';
          try {
            g.write32(4096, 1);
            written = 1;
          } catch {}
          return [done, probe(g, EMPTY * 4096), written];
        },
      ],
    ],
    pv64,
  );
});

describe('mmu_update of upper levels', () => {
  hypercallContract(
    [
      [
        'an L2 entry names a page that can be an L1',
        [0, 55],
        function* (g, m) {
          g.write32(FREE_PAGE_2 * 4096, 55);
          yield* prepare(g, m, FREE_PAGE, { 0: entry(mfnOf(m, FREE_PAGE_2)) });
          const status = yield* update(g, slotAt(m, L2_PAGE, 1), entry(mfnOf(m, FREE_PAGE)));
          return [status, probe(g, 0x20_0000)];
        },
      ],
      [
        'an L2 entry for a page that is mapped writable returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L2_PAGE, 1), entry(mfnOf(m, FREE_PAGE))),
      ],
      [
        'an L2 entry with PSE returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L2_PAGE, 1), entry(mfnOf(m, FREE_PAGE), DATA | PSE)),
      ],
      [
        'an L2 entry with the global bit returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L2_PAGE, 1), entry(mfnOf(m, L1_PAGE), DATA | GLOBAL)),
      ],
      [
        'an L2 entry for a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L2_PAGE, 1), entry(m.strangerMfn)),
      ],
      [
        'an L2 entry for an L1 with a bad entry returns what is wrong with that',
        -XEN_EBUSY,
        function* (g, m) {
          yield* prepare(g, m, FREE_PAGE, { 3: entry(m.strangerMfn) });
          return yield* update(g, slotAt(m, L2_PAGE, 1), entry(mfnOf(m, FREE_PAGE)));
        },
      ],
      [
        'an L2 entry may name the L1 there is a second time',
        [0, 9],
        function* (g, m) {
          g.write32(FREE_PAGE * 4096, 9);
          const status = yield* update(g, slotAt(m, L2_PAGE, 2), entry(mfnOf(m, L1_PAGE)));
          return [status, probe(g, 0x40_0000 + FREE_PAGE * 4096)];
        },
      ],
      [
        'an L3 entry for an L1 returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L3_PAGE, 1), entry(mfnOf(m, L1_PAGE))),
      ],
      [
        'an L4 entry outside of the hypervisor slots is the guest’s',
        0,
        (g, m) => update(g, slotAt(m, L4_PAGE, 300), entry(mfnOf(m, L3_PAGE))),
      ],
      [
        'an L4 entry in a hypervisor slot returns -EINVAL',
        [-XEN_EINVAL, -XEN_EINVAL],
        function* (g, m) {
          return [
            yield* update(g, slotAt(m, L4_PAGE, 256), entry(mfnOf(m, L3_PAGE))),
            yield* update(g, slotAt(m, L4_PAGE, 271), 0n),
          ];
        },
      ],
      [
        'taking away the entry that maps the request itself is the guest’s own loss',
        0,
        (g, m) => update(g, slotAt(m, L4_PAGE, 0), 0n),
      ],
    ],
    pv64,
  );
  hypercallContract(
    [
      [
        'the last entry of a PAE L3 cannot be changed: -EINVAL',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L3_PAGE, 3), 0n),
      ],
      [
        'an entry of a PAE L3 can be changed',
        0,
        (g, m) => update(g, slotAt(m, L3_PAGE, 1), entry(mfnOf(m, L2_PAGE), PTE_P)),
      ],
      [
        'the hypervisor’s part of a PAE guest’s last L2 returns -EPERM',
        -XEN_EPERM,
        (g, m) => update(g, slotAt(m, L4_PAGE, 0x1ac), 0n),
      ],
      [
        'the L2 of the last gigabyte is of another type than the others: -EINVAL elsewhere',
        -XEN_EINVAL,
        (g, m) => update(g, slotAt(m, L3_PAGE, 1), entry(mfnOf(m, L4_PAGE), PTE_P)),
      ],
    ],
    pv32,
  );
});
