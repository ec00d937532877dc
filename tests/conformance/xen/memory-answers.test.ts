// memory_op: exchange, ranges and batches of the physical map, the memory map a guest sets, and what an ordinary domain is refused.
import {
  __HYPERVISOR_memory_op,
  type ArgumentType,
  DOMID_SELF,
  MEMOP_EXTENT_SHIFT,
  XEN_EACCES,
  XEN_EFAULT,
  XEN_EILSEQ,
  XEN_EINVAL,
  XEN_ENOMEM,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMEM_acquire_resource,
  XENMEM_add_to_physmap,
  XENMEM_add_to_physmap_batch,
  XENMEM_claim_pages,
  XENMEM_exchange,
  XENMEM_get_pod_target,
  XENMEM_get_sharing_freed_pages,
  XENMEM_get_vnumainfo,
  XENMEM_memory_map,
  XENMEM_paging_op,
  XENMEM_set_memory_map,
  xen_add_to_physmap,
  xen_add_to_physmap_batch,
  xen_foreign_memory_map,
  xen_mem_acquire_resource,
  xen_memory_exchange,
  xen_memory_map,
  xen_memory_reservation,
  xen_pod_target,
  xen_vnuma_topology_info,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest, RecordValues } from '@proxeny/pv-guest';
import { afterEach, describe, expect, it } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { RECORD, TrapMachine } from './trap-machine.js';

function* op(
  g: NativeGuest,
  command: number,
  type: ArgumentType,
  values: RecordValues,
): NativeCode<number> {
  return (yield* g.memoryOp(command, type, values)).result;
}

/** Writes a list of frames of 64-bit guests. */
function list(g: NativeGuest, address: number, frames: readonly number[]): void {
  for (const [i, frame] of frames.entries()) g.write64(address + i * 8, BigInt(frame));
}
const reservation = (at: number, count: number, order = 0, domid: number = DOMID_SELF) => ({
  extent_start: at,
  nr_extents: count,
  extent_order: order,
  domid,
});

describe('XENMEM_exchange of a translated guest', () => {
  function* exchange(
    g: NativeGuest,
    given: readonly number[],
    places: readonly number[],
    orders: readonly [number, number] = [0, 0],
    nr_exchanged = 0,
  ): NativeCode<unknown> {
    list(g, 0x3000, given);
    list(g, 0x3800, places);
    const { result, get } = yield* g.memoryOp(XENMEM_exchange, xen_memory_exchange, {
      in: reservation(0x3000, given.length, orders[0]),
      out: reservation(0x3800, places.length, orders[1]),
      nr_exchanged,
    });
    return [result, get('nr_exchanged')];
  }
  hypercallContract([
    [
      'gives frames for new ones, zeroed, elsewhere',
      [[0, 2], 0],
      function* (g) {
        g.write32(0x5000, 77);
        const answer = yield* exchange(g, [5, 6], [40, 5]);
        return [answer, g.read32(0x5000)];
      },
    ],
    [
      'gives single frames for an extent',
      [[0, 2], 0],
      function* (g) {
        const answer = yield* exchange(g, [5, 6], [40], [0, 1]);
        return [answer, g.read32(41 * 4096)];
      },
    ],
    ['gives an extent for single frames', [0, 1], (g) => exchange(g, [6], [50, 60], [1, 0])],
    ['goes on where nr_exchanged says', [0, 2], (g) => exchange(g, [999, 6], [41, 42], [0, 0], 1)],
    ['with all done returns 0', [0, 1], (g) => exchange(g, [5], [40], [0, 0], 1)],
    [
      'with more done than there is returns -EINVAL',
      [-XEN_EINVAL, 2],
      (g) => exchange(g, [5], [40], [0, 0], 2),
    ],
    ['of a frame there is not returns -EINVAL', [-XEN_EINVAL, 0], (g) => exchange(g, [999], [40])],
    [
      'of a frame twice returns -EINVAL',
      [-XEN_EINVAL, 0],
      (g) => exchange(g, [5, 5], [40], [0, 1]),
    ],
    ['of sizes that differ returns -EINVAL', [-XEN_EINVAL, 0], (g) => exchange(g, [5, 6], [40])],
    [
      'of extents that are too large returns -EPERM',
      [-XEN_EPERM, 0],
      (g) => exchange(g, [5], [40], [10, 10]),
    ],
    ['to a place that is taken returns -EINVAL', [-XEN_EINVAL, 0], (g) => exchange(g, [5], [7])],
    [
      'of another domain returns -EPERM',
      -XEN_EPERM,
      (g) =>
        op(g, XENMEM_exchange, xen_memory_exchange, {
          in: reservation(0x3000, 1, 0, BYSTANDER),
          out: reservation(0x3800, 1, 0, BYSTANDER),
        }),
    ],
    [
      'of lists that cannot be read returns -EFAULT',
      -XEN_EFAULT,
      (g) =>
        op(g, XENMEM_exchange, xen_memory_exchange, {
          in: reservation(0x5000_0000, 1),
          out: reservation(0x3800, 1),
        }),
    ],
  ]);
});

describe('XENMEM_exchange of a page-table guest', () => {
  let m: TrapMachine;
  afterEach(() => expect(m.finish()).toEqual([]));
  /** Takes the mapping of a page away, so that nothing refers to it. */
  function unmap(page: number): number {
    m.hypervisor.pageTables.update(m.memory.mfns[8] as never, page, 0, 0, m.domain.id, false);
    return m.memory.mfns[page] as number;
  }
  function exchange(given: number, order = 0): readonly [number, number] {
    m.write64(0x4000, given, given + 1, 0, 0);
    m.write64(0x4800, 20, 21, 0, 0);
    const count = 1 << order;
    const mask = BigInt(DOMID_SELF);
    m.write64(RECORD, 0x4000, count, 0n, mask, 0x4800, 1, BigInt(order), mask, 0);
    const result = m.call(__HYPERVISOR_memory_op, XENMEM_exchange, RECORD);
    return [result, new DataView(m.read(0x4800, 8).buffer).getUint32(0, true)];
  }

  it('gives an unmapped frame and tells the new one’s number', () => {
    m = new TrapMachine();
    const mfn = unmap(20);
    const [result, taken] = exchange(mfn);
    expect(result).toBe(0);
    expect(taken).not.toBe(mfn);
    expect(m.hypervisor.frames.isOwnedBy(taken, m.domain.id)).toBe(true);
    expect(m.hypervisor.m2p.get(taken)).toBe(20);
    expect(m.hypervisor.frames.isOwnedBy(mfn, m.domain.id)).toBe(false);
  });

  it('of a frame that is mapped returns -EINVAL', () => {
    m = new TrapMachine();
    expect(exchange(m.memory.mfns[20] as number)[0]).toBe(-XEN_EINVAL);
  });

  it('for frames in a row returns -ENOMEM', () => {
    m = new TrapMachine();
    const frames = [unmap(20), unmap(21)].sort((a, b) => a - b);
    expect(frames[1]).toBe((frames[0] as number) + 1);
    expect(exchange(frames[0] as number, 1)[0]).toBe(-XEN_ENOMEM);
  });
});

describe('XENMEM_add_to_physmap of a range', () => {
  const range = (g: NativeGuest, size: number, idx: number, gpfn: number) =>
    op(g, XENMEM_add_to_physmap, xen_add_to_physmap, {
      domid: DOMID_SELF,
      size,
      space: XENMAPSPACE_gmfn_range,
      idx,
      gpfn,
    });
  hypercallContract([
    [
      'moves memory, page by page',
      [0, 77, 78],
      function* (g) {
        g.write32(0x5000, 77);
        g.write32(0x6000, 78);
        const result = yield* range(g, 2, 5, 40);
        return [result, g.read32(40 * 4096), g.read32(41 * 4096)];
      },
    ],
    ['of no pages returns 0', 0, (g) => range(g, 0, 5, 40)],
    ['from where there is nothing returns -EINVAL', -XEN_EINVAL, (g) => range(g, 2, 900, 40)],
    [
      'that starts behind its end returns -EILSEQ',
      -XEN_EILSEQ,
      (g) =>
        op(g, XENMEM_add_to_physmap + (3 << MEMOP_EXTENT_SHIFT), xen_add_to_physmap, {
          domid: DOMID_SELF,
          size: 2,
          space: XENMAPSPACE_gmfn_range,
          idx: 5,
          gpfn: 40,
        }),
    ],
  ]);
});

describe('XENMEM_add_to_physmap_batch', () => {
  function* batch(
    g: NativeGuest,
    space: number,
    pairs: readonly (readonly [number, number])[],
    more: RecordValues = {},
  ): NativeCode<unknown> {
    list(
      g,
      0x3000,
      pairs.map((pair) => pair[0]),
    );
    list(
      g,
      0x3800,
      pairs.map((pair) => pair[1]),
    );
    g.write(0x4000, new Uint8Array(64));
    const result = yield* op(g, XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch, {
      domid: DOMID_SELF,
      space,
      size: pairs.length,
      idxs: 0x3000,
      gpfns: 0x3800,
      errs: 0x4000,
      ...more,
    });
    return [result, ...pairs.map((_, i) => g.read32(0x4000 + i * 4) | 0)];
  }
  hypercallContract([
    [
      'does what it can and tells an errno for each',
      [0, 0, -XEN_EINVAL, 0],
      (g) =>
        batch(g, XENMAPSPACE_gmfn, [
          [5, 40],
          [900, 41],
          [6, 42],
        ]),
    ],
    ['shows the grant table', [0, 0], (g) => batch(g, XENMAPSPACE_grant_table, [[0, 40]])],
    ['of nothing returns 0', [0], (g) => batch(g, XENMAPSPACE_gmfn, [])],
    [
      'of a range returns -EOPNOTSUPP',
      [-XEN_EOPNOTSUPP, 0],
      (g) => batch(g, XENMAPSPACE_gmfn_range, [[5, 40]]),
    ],
    [
      'of I/O memory returns -EACCES',
      [-XEN_EACCES, 0],
      (g) => batch(g, XENMAPSPACE_dev_mmio, [[5, 40]]),
    ],
    [
      'of another domain’s frame tells -EPERM',
      [0, -XEN_EPERM],
      (g) => batch(g, XENMAPSPACE_gmfn_foreign, [[5, 40]], { u: { foreign_domid: BYSTANDER } }),
    ],
    [
      'of no domain’s frame tells -ESRCH',
      [0, -XEN_ESRCH],
      (g) => batch(g, XENMAPSPACE_gmfn_foreign, [[5, 40]], { u: { foreign_domid: 77 } }),
    ],
    [
      'whose errors cannot be written returns -EFAULT',
      [-XEN_EFAULT, 0],
      (g) => batch(g, XENMAPSPACE_gmfn, [[5, 40]], { errs: 0x5000_0000 }),
    ],
    [
      'in another domain returns -EPERM',
      [-XEN_EPERM, 0],
      (g) => batch(g, XENMAPSPACE_gmfn, [[5, 40]], { domid: BYSTANDER }),
    ],
  ]);
});

describe('XENMEM_set_memory_map', () => {
  const set = (g: NativeGuest, nr_entries: number, buffer = 0x3000, domid: number = DOMID_SELF) =>
    op(g, XENMEM_set_memory_map, xen_foreign_memory_map, { domid, map: { nr_entries, buffer } });
  hypercallContract([
    [
      'is what memory_map tells then',
      [0, 0, 1, 0x1234],
      function* (g) {
        g.write32(0x3000, 0x1234);
        const done = yield* set(g, 1);
        const { result, get } = yield* g.memoryOp(XENMEM_memory_map, xen_memory_map, {
          nr_entries: 9,
          buffer: 0x4000,
        });
        return [done, result, get('nr_entries'), g.read32(0x4000)];
      },
    ],
    [
      'of no entries leaves none',
      [0, -XEN_ENOSYS],
      function* (g) {
        const done = yield* set(g, 0);
        return [
          done,
          yield* op(g, XENMEM_memory_map, xen_memory_map, { nr_entries: 9, buffer: 0x4000 }),
        ];
      },
    ],
    ['of too many entries returns -EINVAL', -XEN_EINVAL, (g) => set(g, 1025)],
    ['that cannot be read returns -EFAULT', -XEN_EFAULT, (g) => set(g, 1, 0x5000_0000)],
    ['of another domain returns -EPERM', -XEN_EPERM, (g) => set(g, 1, 0x3000, BYSTANDER)],
    ['of no domain returns -ESRCH', -XEN_ESRCH, (g) => set(g, 1, 0x3000, 77)],
  ]);
});

describe('memory_op for the control domain', () => {
  hypercallContract([
    [
      'get_pod_target returns -EPERM',
      -XEN_EPERM,
      (g) => op(g, XENMEM_get_pod_target, xen_pod_target, { domid: DOMID_SELF }),
    ],
    [
      'get_pod_target of no domain returns -ESRCH',
      -XEN_ESRCH,
      (g) => op(g, XENMEM_get_pod_target, xen_pod_target, { domid: 77 }),
    ],
    [
      'claim_pages returns -EPERM',
      -XEN_EPERM,
      (g) => op(g, XENMEM_claim_pages, xen_memory_reservation, reservation(0, 1, 0, BYSTANDER)),
    ],
    [
      'claim_pages with an order returns -EINVAL',
      -XEN_EINVAL,
      (g) => op(g, XENMEM_claim_pages, xen_memory_reservation, reservation(0, 1, 1, BYSTANDER)),
    ],
    [
      'get_vnumainfo returns -EOPNOTSUPP',
      -XEN_EOPNOTSUPP,
      (g) => op(g, XENMEM_get_vnumainfo, xen_vnuma_topology_info, { domid: DOMID_SELF }),
    ],
    [
      'get_vnumainfo with padding returns -EINVAL',
      -XEN_EINVAL,
      (g) => op(g, XENMEM_get_vnumainfo, xen_vnuma_topology_info, { domid: DOMID_SELF, pad: 1 }),
    ],
    [
      'acquire_resource of itself returns -EPERM',
      -XEN_EPERM,
      (g) => op(g, XENMEM_acquire_resource, xen_mem_acquire_resource, { domid: DOMID_SELF }),
    ],
    [
      'acquire_resource of no domain returns -ESRCH',
      -XEN_ESRCH,
      (g) => op(g, XENMEM_acquire_resource, xen_mem_acquire_resource, { domid: 77 }),
    ],
    [
      'get_sharing_freed_pages returns 0',
      0,
      (g) => g.hypercall(__HYPERVISOR_memory_op, XENMEM_get_sharing_freed_pages, 0),
    ],
    [
      'paging_op returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(__HYPERVISOR_memory_op, XENMEM_paging_op, 0),
    ],
  ]);
});
