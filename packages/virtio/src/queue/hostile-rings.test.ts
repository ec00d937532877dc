// Rings that no driver would make. The device's side breaks with a reason or goes on; it never throws, loops or touches other memory.
import { FlatMemory, type Gpa } from '@proxeny/memory';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DESC_BYTES,
  PACKED_DESC_FLAGS,
  SPLIT_DESC_FLAGS,
  SPLIT_DESC_NEXT,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../spec/ring.js';
import {
  DATA_AT,
  type QueuePair,
  queuePair,
  type RingKind,
  ringKinds,
} from '../testing/queue-pair.js';
import { openVirtqueue } from './open-virtqueue.js';

const SIZE = 8;

interface Descriptor {
  readonly at?: number;
  readonly byteLength?: number;
  readonly flags?: number;
  readonly next?: number;
}

/** Writes raw descriptors into a table. */
function table(memory: FlatMemory, kind: RingKind, at: number, rows: readonly Descriptor[]): void {
  for (const [i, row] of rows.entries()) {
    const { at: address = DATA_AT, byteLength = 16, flags = 0, next = 0 } = row;
    const to = at + i * DESC_BYTES;
    memory.writeU32(to as Gpa, address % 2 ** 32);
    memory.writeU32((to + 4) as Gpa, Math.floor(address / 2 ** 32));
    memory.writeU32((to + 8) as Gpa, byteLength);
    const marks = kind === 'packed' ? VIRTQ_DESC_F_AVAIL : 0;
    const isSplit = kind === 'split';
    memory.writeU16((to + (isSplit ? SPLIT_DESC_FLAGS : PACKED_DESC_FLAGS)) as Gpa, flags | marks);
    if (isSplit) memory.writeU16((to + SPLIT_DESC_NEXT) as Gpa, next);
  }
}

/** A queue whose driver made the chain at descriptor 0 available, with these rows in its ring. */
function hostileQueue(kind: RingKind, rows: readonly Descriptor[]): QueuePair {
  const pair = queuePair(kind, { size: SIZE });
  table(pair.memory, kind, pair.areas.descriptors, rows);
  if (kind === 'split') pair.memory.writeU16((pair.areas.driver + 2) as Gpa, 1);
  return pair;
}

const NEXT = VIRTQ_DESC_F_NEXT;
const WRITE = VIRTQ_DESC_F_WRITE;
const INDIRECT = VIRTQ_DESC_F_INDIRECT;
const INDIRECT_AT = 0x9000;

const forBoth: readonly [string, readonly Descriptor[], RegExp][] = [
  ['bytes beyond RAM', [{ at: 0x1fff8 }], /16 bytes at 0x1fff8, which is no RAM/],
  ['bytes at the end of all addresses', [{ at: 2 ** 64 - 4096 }], /no RAM/],
  [
    'bytes to read after bytes to write',
    [{ flags: WRITE | NEXT, next: 1 }, {}],
    /bytes to read after bytes to write/,
  ],
  [
    '4 GiB in all',
    [{ byteLength: 0x20000 - DATA_AT, flags: NEXT, next: 1 }, { byteLength: 0xffff_ffff }],
    /4 GiB or more/,
  ],
  ['an empty indirect table', [{ flags: INDIRECT, byteLength: 0 }], /table of 0 bytes/],
  ['half a descriptor', [{ flags: INDIRECT, byteLength: 24 }], /table of 24 bytes/],
  ['a huge indirect table', [{ flags: INDIRECT, byteLength: 16 * 1025 }], /table of 16400 bytes/],
  [
    'an indirect table beyond RAM',
    [{ flags: INDIRECT, at: 0x3_0000_0000 }],
    /table at 0x300000000, which is no RAM/,
  ],
  ['an indirect descriptor that goes on', [{ flags: INDIRECT | NEXT, next: 1 }], /goes on/],
];

describe.each(ringKinds)('a %s queue breaks at', (kind) => {
  it.each(forBoth)('%s', (_, rows, reason) => {
    const { device, reasons } = hostileQueue(kind, rows);
    expect(device.pop()).toBeNull();
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual([expect.stringMatching(reason)]);
    expect(device.publish()).toBe(false);
  });

  it('a chain longer than the ring', () => {
    const rows = Array.from({ length: SIZE }, (_, i) => ({ flags: NEXT, next: (i + 1) % SIZE }));
    const { device, reasons } = hostileQueue(kind, rows);
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual(['has a chain without end']);
  });

  it('buffers that come while it is served, without end', () => {
    const { memory, areas, device, reasons } = hostileQueue(kind, new Array(SIZE).fill({}));
    let served = 0;
    for (; served < 10 * SIZE; served++) {
      if (kind === 'split') memory.writeU16((areas.driver + 2) as Gpa, served + 1);
      else {
        const round = Math.floor(served / SIZE) % 2;
        const at = areas.descriptors + (served % SIZE) * DESC_BYTES + PACKED_DESC_FLAGS;
        memory.writeU16(at as Gpa, round === 0 ? 1 << 7 : 1 << 15);
      }
      const chain = device.pop();
      if (chain === null) break;
      device.push(chain, 0);
    }
    expect(served).toBe(SIZE);
    expect(reasons).toEqual(['made more buffers available than its ring holds']);
  });

  it('more buffers in flight than its ring holds', () => {
    const { memory, areas, device, reasons } = hostileQueue(kind, new Array(SIZE).fill({}));
    for (let i = 0; i < SIZE; i++) {
      if (kind === 'split') memory.writeU16((areas.driver + 2) as Gpa, i + 1);
      expect(device.pop()).not.toBeNull();
    }
    if (kind === 'split') memory.writeU16((areas.driver + 2) as Gpa, SIZE + 1);
    else {
      // The next round: AVAIL is 0 and USED is 1.
      memory.writeU16((areas.descriptors + PACKED_DESC_FLAGS) as Gpa, 1 << 15);
    }
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual(['made more buffers available than its ring holds']);
  });
});

describe('a split queue breaks at', () => {
  it('an index far ahead', () => {
    const { memory, areas, device, reasons } = hostileQueue('split', [{}]);
    memory.writeU16((areas.driver + 2) as Gpa, SIZE + 1);
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual(['has 9 available buffers in a ring of 8']);
  });

  it('a head or a link that is no descriptor', () => {
    const { memory, areas, device, reasons } = hostileQueue('split', [{}]);
    memory.writeU16((areas.driver + 4) as Gpa, SIZE);
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual(['made descriptor 8 available, which is none']);
    const other = hostileQueue('split', [{ flags: NEXT, next: 0xffff }]);
    expect(other.device.pop()).toBeNull();
    expect(other.reasons).toEqual(['has a chain that goes on at 65535, which is none']);
  });

  it('an indirect table in a table, or one that loops', () => {
    const rows = [{ flags: INDIRECT, at: INDIRECT_AT, byteLength: 32 }];
    const nested = hostileQueue('split', rows);
    table(nested.memory, 'split', INDIRECT_AT, [{ flags: INDIRECT }]);
    expect(nested.device.pop()).toBeNull();
    expect(nested.reasons).toEqual(['has an indirect descriptor in an indirect table']);
    const looping = hostileQueue('split', rows);
    table(looping.memory, 'split', INDIRECT_AT, [
      { flags: NEXT, next: 1 },
      { flags: NEXT, next: 0 },
    ]);
    expect(looping.device.pop()).toBeNull();
    expect(looping.reasons).toEqual(['has a chain without end']);
  });

  it('nothing: an indirect table may end a chain', () => {
    const { memory, device } = hostileQueue('split', [
      { flags: NEXT, next: 3, byteLength: 5 },
      {},
      {},
      { flags: INDIRECT | WRITE, at: INDIRECT_AT, byteLength: 32 },
    ]);
    table(memory, 'split', INDIRECT_AT, [
      { flags: NEXT, next: 1, byteLength: 6 },
      { flags: WRITE, byteLength: 7 },
    ]);
    const chain = device.pop();
    expect([chain?.readableBytes, chain?.writableBytes]).toEqual([11, 7]);
  });
});

it('a packed queue breaks at an indirect descriptor within a chain', () => {
  const { device, reasons } = hostileQueue('packed', [{ flags: NEXT }, { flags: INDIRECT }]);
  expect(device.pop()).toBeNull();
  expect(reasons).toEqual(['has an indirect descriptor in a chain']);
});

describe.each(ringKinds)('a %s queue of random bytes', (kind) => {
  /** Mostly small numbers, so that some of them mean something. */
  const byte = fc.oneof({ weight: 4, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(255) });
  const poke = fc.tuple(fc.nat(0x3ff), byte);

  it.each([false, true])(
    'never throws, and writes only its areas and chains (event index: %s)',
    (hasEventIndex) => {
      fc.assert(
        fc.property(
          fc.array(fc.array(poke, { maxLength: 60 }), { minLength: 1, maxLength: 12 }),
          fc.array(fc.nat(0xffff_ffff), { maxLength: 4 }),
          (rounds, fills) => {
            const pair = queuePair(kind, { size: SIZE, hasEventIndex });
            const { memory, areas, device } = pair;
            fills.forEach((fill, i) => {
              memory.bytes.fill(fill & 0xff, 0x1000 + 0x40 * i, 0x1020 + 0x40 * i);
            });
            // The device may change its own area and, packed, the ring.
            const own = new FlatMemory(memory.bytes.slice());
            for (const pokes of rounds) {
              for (const [at, value] of pokes) {
                memory.bytes[0x1000 + at] = value;
                own.bytes[0x1000 + at] = value;
              }
              for (let i = 0, chain = device.pop(); chain && i <= SIZE; i++, chain = device.pop()) {
                const all = new Uint8Array(Math.min(chain.readableBytes, 100));
                expect(chain.read(0, all)).toBe(all.length);
                device.push(chain, 0);
              }
              device.publish();
            }
            expect(device.inFlightCount).toBe(0);
            const isOwn = (at: number) =>
              (at >= areas.device && at < areas.device + 8 * SIZE + 6) ||
              (kind === 'packed' && at >= areas.descriptors && at < areas.descriptors + 16 * SIZE);
            const changed: number[] = [];
            memory.bytes.forEach((value, at) => {
              if (value !== own.bytes[at] && !isOwn(at)) changed.push(at);
            });
            expect(changed).toEqual([]);
          },
        ),
        { numRuns: 150 },
      );
    },
  );
});

it('a queue over memory without RAM behind it cannot be opened', () => {
  const options = {
    memory: { view: () => null, written: () => {} },
    areas: { descriptors: 0, driver: 0x1000, device: 0x2000 },
    ...{ size: SIZE, hasIndirect: true, hasEventIndex: true, onBroken: () => {} },
  };
  for (const isPacked of [false, true])
    expect(openVirtqueue(isPacked, options)).toMatch(/descriptor area at 0x0/);
});
