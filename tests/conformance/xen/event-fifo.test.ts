// Conformance of event_channel_op: the FIFO ABI. Where a guest lends pages, and what becomes of events there.
import {
  DOMID_SELF,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_PENDING,
  EVTCHNOP_expand_array,
  EVTCHNOP_init_control,
  EVTCHNOP_reset,
  EVTCHNOP_set_priority,
  EVTCHNOP_unmask,
  evtchn_expand_array,
  evtchn_fifo_control_block,
  evtchn_init_control,
  evtchn_reset,
  evtchn_set_priority,
  evtchn_unmask,
  MMUEXT_CLEAR_PAGE,
  XEN_EACCES,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSPC,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { alloc, bind, close, send } from './event-calls.js';
import { mfnOf, operation, pin, prepare, pv64 } from './mmu-calls.js';
import { L1_PAGE } from './pv-memory.js';

const CONTROL = 5;
const ARRAY = 6;

function* init(g: NativeGuest, control_gfn: number, offset = 0, vcpu = 0): NativeCode<number> {
  const values = { control_gfn, offset, vcpu };
  return (yield* g.eventChannelOp(EVTCHNOP_init_control, evtchn_init_control, values)).result;
}
function* expand(g: NativeGuest, array_gfn: number): NativeCode<number> {
  const made = yield* g.eventChannelOp(EVTCHNOP_expand_array, evtchn_expand_array, { array_gfn });
  return made.result;
}
function* priority(g: NativeGuest, port: number, value: number): NativeCode<number> {
  const values = { port, priority: value };
  return (yield* g.eventChannelOp(EVTCHNOP_set_priority, evtchn_set_priority, values)).result;
}
function* reset(g: NativeGuest): NativeCode<number> {
  return (yield* g.eventChannelOp(EVTCHNOP_reset, evtchn_reset, { dom: DOMID_SELF })).result;
}
/** A channel to the guest itself: the far port, whose events it watches, and the near one. */
function* channel(g: NativeGuest): NativeCode<readonly [number, number]> {
  const far = yield* alloc(g);
  return [far, yield* bind(g, DOMID_SELF, far)];
}
/** Both pages at once. */
function* useFifo(g: NativeGuest): NativeCode<void> {
  yield* init(g, CONTROL);
  yield* expand(g, ARRAY);
}
/** The word of a port. */
function wordOf(g: NativeGuest, port: number): number {
  return g.read32(ARRAY * 4096 + port * 4);
}
function isSet(g: NativeGuest, port: number, bit: number): boolean {
  return ((wordOf(g, port) >>> bit) & 1) === 1;
}
/** The head of a queue in the control block. */
function headOf(g: NativeGuest, queue: number): number {
  const { head } = evtchn_fifo_control_block.of(64).fields;
  return g.read32(CONTROL * 4096 + head.offset + queue * 4);
}

describe('EVTCHNOP_init_control', () => {
  hypercallContract(
    [
      [
        'takes a page and tells how many bits a link has',
        [0, 17],
        function* (g) {
          const values = { control_gfn: CONTROL };
          const made = yield* g.eventChannelOp(EVTCHNOP_init_control, evtchn_init_control, values);
          return [made.result, made.get('link_bits')];
        },
      ],
      [
        'of a vCPU that has one returns -EINVAL',
        [0, -XEN_EINVAL],
        function* (g) {
          return [yield* init(g, CONTROL), yield* init(g, 7)];
        },
      ],
      [
        'of each vCPU is allowed',
        [0, 0],
        function* (g) {
          return [yield* init(g, CONTROL), yield* init(g, 7, 0, 1)];
        },
      ],
      ['of a vCPU that does not exist returns -ENOENT', -XEN_ENOENT, (g) => init(g, CONTROL, 0, 2)],
      ['not aligned to eight returns -EINVAL', -XEN_EINVAL, (g) => init(g, CONTROL, 4)],
      ['across a page’s end returns -EINVAL', -XEN_EINVAL, (g) => init(g, CONTROL, 4096 - 64)],
      ['at the last place in a page is allowed', 0, (g) => init(g, CONTROL, 4096 - 72)],
      ['in a frame there is not returns -EINVAL', -XEN_EINVAL, (g) => init(g, 0x10_0000)],
      [
        'in a frame number above 2^32 returns -EINVAL',
        -XEN_EINVAL,
        (g) => init(g, 2 ** 40 + CONTROL),
      ],
    ],
    { vcpuCount: 2 },
  );
  hypercallContract(
    [
      ['in a page table returns -EINVAL', -XEN_EINVAL, (g, m) => init(g, mfnOf(m, L1_PAGE))],
      [
        'in a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => init(g, m.strangerMfn),
      ],
      [
        'keeps its page a writable one',
        [0, 0, -XEN_EINVAL],
        function* (g, m) {
          const status = yield* init(g, mfnOf(m, CONTROL));
          const cleared = yield* operation(g, MMUEXT_CLEAR_PAGE, mfnOf(m, CONTROL));
          yield* prepare(g, m, CONTROL);
          return [status, cleared, yield* pin(g, m, CONTROL, 1)];
        },
      ],
      [
        'lets its page go with a reset',
        [0, 0],
        function* (g, m) {
          yield* init(g, mfnOf(m, CONTROL));
          const status = yield* reset(g);
          yield* prepare(g, m, CONTROL);
          return [status, yield* pin(g, m, CONTROL, 1)];
        },
      ],
    ],
    pv64,
  );
});

describe('EVTCHNOP_expand_array', () => {
  hypercallContract([
    ['without the FIFO ABI returns -EOPNOTSUPP', -XEN_EOPNOTSUPP, (g) => expand(g, ARRAY)],
    [
      'takes a page',
      [0, 0],
      function* (g) {
        return [yield* init(g, CONTROL), yield* expand(g, ARRAY)];
      },
    ],
    [
      'of a frame there is not returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        yield* init(g, CONTROL);
        return yield* expand(g, 0x10_0000);
      },
    ],
    [
      'beyond all ports returns -ENOSPC',
      -XEN_ENOSPC,
      function* (g) {
        yield* init(g, CONTROL);
        for (let i = 0; i < 128; i++) yield* expand(g, ARRAY);
        return yield* expand(g, ARRAY);
      },
      { machine: { watch: false } },
    ],
  ]);
});

describe('EVTCHNOP_set_priority', () => {
  hypercallContract([
    [
      'of a port that cannot be returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        yield* useFifo(g);
        return yield* priority(g, 0x1_ffff, 3);
      },
    ],
    [
      'above 15 returns -EINVAL',
      [0, -XEN_EINVAL],
      function* (g) {
        yield* useFifo(g);
        const port = yield* alloc(g);
        return [yield* priority(g, port, 15), yield* priority(g, port, 16)];
      },
    ],
    [
      'of a closed port returns -EACCES',
      -XEN_EACCES,
      function* (g) {
        yield* useFifo(g);
        const port = yield* alloc(g);
        yield* close(g, port);
        return yield* priority(g, port, 3);
      },
    ],
    [
      'without the FIFO ABI returns -ENOSYS',
      -XEN_ENOSYS,
      function* (g) {
        return yield* priority(g, yield* alloc(g), 3);
      },
    ],
  ]);
});

describe('events of the FIFO ABI', () => {
  hypercallContract([
    [
      'are pending, linked, and the head of their queue',
      [true, true, 1],
      function* (g) {
        yield* useFifo(g);
        const [far, near] = yield* channel(g);
        yield* send(g, near);
        return [isSet(g, far, EVTCHN_FIFO_PENDING), isSet(g, far, EVTCHN_FIFO_LINKED), far];
      },
    ],
    [
      'follow each other by links, in the order they came',
      true,
      function* (g) {
        yield* useFifo(g);
        const [farA, nearA] = yield* channel(g);
        const [farB, nearB] = yield* channel(g);
        yield* priority(g, farA, 3);
        yield* priority(g, farB, 3);
        yield* send(g, nearA);
        yield* send(g, nearB);
        return headOf(g, 3) === farA && (wordOf(g, farA) & 0x1_ffff) === farB;
      },
    ],
    [
      'go to the queue of their priority',
      [true, true],
      function* (g) {
        yield* useFifo(g);
        const [far, near] = yield* channel(g);
        yield* priority(g, far, 2);
        yield* send(g, near);
        const ready = g.read32(CONTROL * 4096);
        return [headOf(g, 2) === far, ((ready >>> 2) & 1) === 1];
      },
    ],
    [
      'that are masked are pending but not linked',
      [true, false],
      function* (g) {
        yield* useFifo(g);
        const [far, near] = yield* channel(g);
        g.write32(ARRAY * 4096 + far * 4, (1 << EVTCHN_FIFO_MASKED) >>> 0);
        yield* send(g, near);
        return [isSet(g, far, EVTCHN_FIFO_PENDING), isSet(g, far, EVTCHN_FIFO_LINKED)];
      },
    ],
    [
      'that are unmasked are linked',
      [0, true],
      function* (g) {
        yield* useFifo(g);
        const [far, near] = yield* channel(g);
        g.write32(ARRAY * 4096 + far * 4, (1 << EVTCHN_FIFO_MASKED) >>> 0);
        yield* send(g, near);
        const made = yield* g.eventChannelOp(EVTCHNOP_unmask, evtchn_unmask, { port: far });
        return [made.result, isSet(g, far, EVTCHN_FIFO_LINKED)];
      },
    ],
    [
      'that came before the array are delivered with it',
      true,
      function* (g) {
        yield* init(g, CONTROL);
        const [far, near] = yield* channel(g);
        yield* send(g, near);
        yield* expand(g, ARRAY);
        return isSet(g, far, EVTCHN_FIFO_PENDING);
      },
    ],
    [
      'that came in the 2-level ABI are not lost',
      true,
      function* (g) {
        const [far, near] = yield* channel(g);
        yield* send(g, near);
        yield* useFifo(g);
        return isSet(g, far, EVTCHN_FIFO_PENDING);
      },
    ],
    [
      'may have any links the guest writes: the hypervisor follows none',
      0,
      function* (g) {
        yield* useFifo(g);
        const [farA, nearA] = yield* channel(g);
        const [, nearB] = yield* channel(g);
        yield* send(g, nearA);
        g.write(ARRAY * 4096, new Uint8Array(4096).fill(0xff));
        g.write(CONTROL * 4096, new Uint8Array(128).fill(0xff));
        yield* send(g, nearB);
        return yield* close(g, farA);
      },
    ],
  ]);
});
