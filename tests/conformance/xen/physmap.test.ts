// Conformance of memory_op: what a translated guest sees at its guest frames.
import {
  DOMID_SELF,
  XEN_EACCES,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  XENMEM_current_reservation,
  xen_memory_domain,
} from '@proxeny/abi';
import type { NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { grant, map, setVersion, showTable } from './grant-calls.js';
import { addToPhysmap, removeFromPhysmap } from './memory-calls.js';
import { pv64 } from './mmu-calls.js';

function isMapped(g: NativeGuest, page: number): boolean {
  try {
    g.read32(page * 4096);
    return true;
  } catch {
    return false;
  }
}

describe('XENMEM_add_to_physmap', () => {
  const info = { space: XENMAPSPACE_shared_info, idx: 0 };
  hypercallContract([
    [
      'shows shared_info where nothing was, and there alone',
      [0, true, false],
      function* (g) {
        const first = yield* addToPhysmap(g, { ...info, gpfn: 40 });
        yield* addToPhysmap(g, { ...info, gpfn: 41 });
        return [first, isMapped(g, 41), isMapped(g, 40)];
      },
    ],
    [
      'shows the same page again at the same place',
      [0, 0, true],
      function* (g) {
        const first = yield* addToPhysmap(g, { ...info, gpfn: 40 });
        return [first, yield* addToPhysmap(g, { ...info, gpfn: 40 }), isMapped(g, 40)];
      },
    ],
    [
      'frees the memory it takes the place of',
      [0, 15],
      function* (g) {
        const status = yield* addToPhysmap(g, { ...info, gpfn: 9 });
        const values = { domid: DOMID_SELF };
        const made = yield* g.memoryOp(XENMEM_current_reservation, xen_memory_domain, values);
        return [status, made.result];
      },
    ],
    [
      'of a second shared_info returns -EINVAL',
      -XEN_EINVAL,
      (g) => addToPhysmap(g, { ...info, idx: 1, gpfn: 40 }),
    ],
    [
      'beyond the frames there can be returns -EINVAL',
      -XEN_EINVAL,
      (g) => addToPhysmap(g, { ...info, gpfn: 0x10_0000_0000 }),
    ],
    [
      'shows frames of the grant table, which grows for it',
      [0, 0, true],
      function* (g) {
        const space = XENMAPSPACE_grant_table;
        return [
          yield* addToPhysmap(g, { space, idx: 0, gpfn: 40 }),
          yield* addToPhysmap(g, { space, idx: 3, gpfn: 41 }),
          isMapped(g, 41),
        ];
      },
    ],
    [
      'of a grant frame beyond the limit returns -EINVAL',
      -XEN_EINVAL,
      (g) => addToPhysmap(g, { space: XENMAPSPACE_grant_table, idx: 64, gpfn: 40 }),
    ],
    [
      'of a status frame of a version 1 table returns -EINVAL',
      -XEN_EINVAL,
      (g) =>
        addToPhysmap(g, {
          space: XENMAPSPACE_grant_table,
          idx: XENMAPIDX_grant_table_status,
          gpfn: 40,
        }),
    ],
    [
      'shows a status frame of a version 2 table',
      0,
      function* (g) {
        yield* setVersion(g, 2);
        const idx = XENMAPIDX_grant_table_status;
        return yield* addToPhysmap(g, { space: XENMAPSPACE_grant_table, idx, gpfn: 40 });
      },
    ],
    [
      'of memory moves it',
      [0, 5, false],
      function* (g) {
        g.write32(9 * 4096, 5);
        const status = yield* addToPhysmap(g, { space: XENMAPSPACE_gmfn, idx: 9, gpfn: 40 });
        return [status, g.read32(40 * 4096), isMapped(g, 9)];
      },
    ],
    [
      'of memory to where it is does nothing',
      [0, 5],
      function* (g) {
        g.write32(9 * 4096, 5);
        return [
          yield* addToPhysmap(g, { space: XENMAPSPACE_gmfn, idx: 9, gpfn: 9 }),
          g.read32(9 * 4096),
        ];
      },
    ],
    [
      'of memory that is not there returns -EINVAL',
      -XEN_EINVAL,
      (g) => addToPhysmap(g, { space: XENMAPSPACE_gmfn, idx: 40, gpfn: 41 }),
    ],
    [
      'over a mapped grant returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* map(g, g.domainId, 9, 40);
        return yield* addToPhysmap(g, { ...info, gpfn: 40 });
      },
    ],
    [
      'of another domain’s frames returns -ENOSYS: that is for the batch',
      -XEN_ENOSYS,
      (g) => addToPhysmap(g, { space: XENMAPSPACE_gmfn_foreign, idx: 0, gpfn: 40 }),
    ],
    [
      'of a space there is not returns -EINVAL',
      -XEN_EINVAL,
      (g) => addToPhysmap(g, { space: 9, idx: 0, gpfn: 40 }),
    ],
    [
      'for another domain returns -EPERM',
      -XEN_EPERM,
      (g) => addToPhysmap(g, { ...info, gpfn: 40, domid: BYSTANDER }),
    ],
    [
      'for a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      (g) => addToPhysmap(g, { ...info, gpfn: 40, domid: 77 }),
    ],
    [
      'with a record that is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(12, XENMEM_add_to_physmap, 0x700_0000),
    ],
  ]);
  hypercallContract(
    [
      [
        'of a page-table guest returns -EACCES',
        -XEN_EACCES,
        (g) => addToPhysmap(g, { space: XENMAPSPACE_shared_info, idx: 0, gpfn: 40 }),
      ],
    ],
    pv64,
  );
});

describe('XENMEM_remove_from_physmap', () => {
  hypercallContract([
    [
      'takes memory out of sight; it still counts',
      [0, false, 16],
      function* (g) {
        const status = yield* removeFromPhysmap(g, 9);
        const values = { domid: DOMID_SELF };
        const made = yield* g.memoryOp(XENMEM_current_reservation, xen_memory_domain, values);
        return [status, isMapped(g, 9), made.result];
      },
    ],
    [
      'takes shared_info out of sight',
      [0, false],
      function* (g) {
        return [yield* removeFromPhysmap(g, 16), isMapped(g, 16)];
      },
    ],
    ['where nothing is returns -ENOENT', -XEN_ENOENT, (g) => removeFromPhysmap(g, 50)],
    [
      'beyond the frames there can be returns -ENOENT',
      -XEN_ENOENT,
      (g) => removeFromPhysmap(g, 0xffff_ffff),
    ],
    ['of another domain returns -EPERM', -XEN_EPERM, (g) => removeFromPhysmap(g, 0, BYSTANDER)],
    [
      'of a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      (g) => removeFromPhysmap(g, 0, 77),
    ],
  ]);
  hypercallContract(
    [['of a page-table guest returns -EACCES', -XEN_EACCES, (g) => removeFromPhysmap(g, 5)]],
    pv64,
  );
});
