// Conformance of multicall: entries one after the other, each with its result, and preempted in the middle.
import {
  __HYPERVISOR_memory_op,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_multicall,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_update_va_mapping,
  __HYPERVISOR_xen_version,
  DOMID_SELF,
  MMUEXT_PIN_L2_TABLE,
  mmuext_op,
  multicall_entry,
  SCHEDOP_yield,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XENMEM_populate_physmap,
  XENVER_pagesize,
  XENVER_version,
  xen_memory_reservation,
} from '@proxeny/abi';
import type { NativeArgument, NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { LIST, writeList } from './memory-calls.js';
import { FREE_PAGE, mfnOf, prepare, pv32, pv64 } from './mmu-calls.js';
import { entry } from './pv-memory.js';

const VERSION = (4 << 16) | 17;
const CALLS = 3 * 4096;

type Entry = readonly [op: NativeArgument, ...values: NativeArgument[]];

/** Writes entries at `at`. */
function writeEntries(g: NativeGuest, entries: readonly Entry[], at = CALLS): void {
  const { byteLength } = multicall_entry.of(g.word);
  for (const [i, [op, ...values]] of entries.entries()) {
    const base = at + i * byteLength;
    const words = [op, 0, ...values];
    for (let w = 0; w < 8; w++) {
      const value = BigInt(words[w] ?? 0);
      if (g.word === 64) g.write64(base + w * 8, value);
      else g.write32(base + w * 4, Number(value & 0xffff_ffffn));
    }
  }
}
function resultOf(g: NativeGuest, index: number, at = CALLS): number {
  const { byteLength, fields } = multicall_entry.of(g.word);
  return g.read32(at + index * byteLength + fields.result.offset) | 0;
}
/** Makes the calls: the multicall's own result, then theirs. */
function* calls(g: NativeGuest, entries: readonly Entry[]): NativeCode<number[]> {
  writeEntries(g, entries);
  const result = yield* g.hypercall(__HYPERVISOR_multicall, CALLS, entries.length);
  return [result, ...entries.map((_, i) => resultOf(g, i))];
}

for (const options of [pv64, pv32]) {
  describe(`multicall of a ${options.word}-bit guest`, () => {
    hypercallContract(
      [
        ['of no calls returns 0', [0], (g) => calls(g, [])],
        [
          'gives each call its result',
          [0, VERSION, 4096],
          (g) =>
            calls(g, [
              [__HYPERVISOR_xen_version, XENVER_version],
              [__HYPERVISOR_xen_version, XENVER_pagesize],
            ]),
        ],
        [
          'goes on after a call that fails',
          [0, -XEN_EBUSY, VERSION],
          (g, m) => {
            const value = entry(m.strangerMfn);
            const halves = g.word === 64 ? [value] : [value & 0xffff_ffffn, value >> 32n];
            return calls(g, [
              [__HYPERVISOR_update_va_mapping, FREE_PAGE * 4096, ...halves, 0],
              [__HYPERVISOR_xen_version, XENVER_version],
            ]);
          },
        ],
        [
          'answers -ENOSYS for numbers there are not',
          [0, -XEN_ENOSYS, -XEN_ENOSYS],
          (g) => calls(g, [[55], [0xffff_ffff]]),
        ],
        [
          'answers -EINVAL for a multicall inside',
          [0, -XEN_EINVAL, VERSION],
          (g) =>
            calls(g, [
              [__HYPERVISOR_multicall, CALLS, 1],
              [__HYPERVISOR_xen_version, XENVER_version],
            ]),
        ],
        [
          'that is not mapped returns -EFAULT',
          -XEN_EFAULT,
          (g) => g.hypercall(__HYPERVISOR_multicall, 0x7000_0000, 1),
        ],
        [
          'that cannot be written returns -EFAULT',
          -XEN_EFAULT,
          (g) => g.hypercall(__HYPERVISOR_multicall, 8 * 4096, 1),
        ],
        [
          'that ends in an unmapped page does what comes before',
          [-XEN_EFAULT, VERSION],
          function* (g) {
            const at = 24 * 4096 - multicall_entry.of(g.word).byteLength;
            writeEntries(g, [[__HYPERVISOR_xen_version, XENVER_version]], at);
            const result = yield* g.hypercall(__HYPERVISOR_multicall, at, 2);
            return [result, resultOf(g, 0, at)];
          },
        ],
        [
          'with a yield inside goes on',
          [0, 0, VERSION],
          (g) =>
            calls(g, [
              [__HYPERVISOR_sched_op, SCHEDOP_yield],
              [__HYPERVISOR_xen_version, XENVER_version],
            ]),
        ],
        [
          'of very many calls is preempted and does them all',
          [0, VERSION, VERSION],
          function* (g) {
            const all: Entry[] = Array.from({ length: 60 }, () => [__HYPERVISOR_xen_version, 0]);
            const [result, ...results] = yield* calls(g, all);
            return [result, results[0], results[59]];
          },
          { machine: { workPerCall: 2560 } },
        ],
        [
          'with a call inside that is preempted goes on with that call',
          [0, 0, VERSION],
          function* (g, m) {
            const children: Record<number, bigint> = {};
            for (let i = 0; i < 20; i++) {
              yield* prepare(g, m, 60 + i, { 0: entry(mfnOf(m, 5)) });
              children[i] = entry(mfnOf(m, 60 + i));
            }
            yield* prepare(g, m, FREE_PAGE, children);
            const values = { cmd: MMUEXT_PIN_L2_TABLE, arg1: { mfn: mfnOf(m, FREE_PAGE) } };
            g.writeRecord(mmuext_op, g.scratch, values);
            return yield* calls(g, [
              [__HYPERVISOR_mmuext_op, g.scratch, 1, 0, DOMID_SELF],
              [__HYPERVISOR_xen_version, XENVER_version],
            ]);
          },
          { memoryFrames: 100, machine: { workPerCall: 2560, frames: 512 } },
        ],
      ],
      options,
    );
  });
}

describe('multicall', () => {
  hypercallContract([
    [
      'of a count above 2^32 counts its low half',
      0,
      (g) => g.hypercall(__HYPERVISOR_multicall, CALLS, 2n ** 40n),
    ],
    [
      'of a number above 2^32 answers -ENOSYS',
      [0, -XEN_ENOSYS],
      (g) => calls(g, [[2n ** 32n + BigInt(__HYPERVISOR_xen_version), 0]]),
    ],
    [
      'keeps the progress of a populate inside in its entry',
      [0, 300],
      function* (g) {
        writeList(
          g,
          Array.from({ length: 300 }, (_, i) => 40 + i),
        );
        g.writeRecord(xen_memory_reservation, g.scratch, {
          extent_start: LIST,
          nr_extents: 300,
          domid: DOMID_SELF,
        });
        return yield* calls(g, [[__HYPERVISOR_memory_op, XENMEM_populate_physmap, g.scratch]]);
      },
      { machine: { workPerCall: 2560, frames: 700, watch: false } },
    ],
  ]);
});
