import { FlatMemory, type Gpa } from '@proxeny/memory';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeQueue } from '../driver/index.js';
import {
  DESC_LENGTH,
  PACKED_DESC_FLAGS,
  PACKED_DESC_ID,
  USED_INDEX,
  USED_RING,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_USED,
} from '../spec/ring.js';
import { DATA_AT, INDIRECT_SIZE, queuePair, ringKinds } from '../testing/queue-pair.js';
import type { DescriptorChain } from './descriptor-chain.js';
import { openVirtqueue } from './open-virtqueue.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe.each(ringKinds)('a %s queue', (kind) => {
  it('takes a buffer in pieces, and gives it back with what it wrote', () => {
    const { memory, driver, device } = queuePair(kind);
    memory.copyTo(DATA_AT as Gpa, text('question'));
    const id = driver.add(
      [
        { at: DATA_AT, byteLength: 3 },
        { at: DATA_AT + 3, byteLength: 5 },
      ],
      [
        { at: DATA_AT + 100, byteLength: 2 },
        { at: DATA_AT + 200, byteLength: 10 },
      ],
    );
    expect(driver.mustNotify()).toBe(true);
    const chain = device.pop() as DescriptorChain;
    expect([chain.readableBytes, chain.writableBytes]).toEqual([8, 12]);
    const question = new Uint8Array(20);
    expect(chain.read(1, question)).toBe(7);
    expect(new TextDecoder().decode(question.subarray(0, 7))).toBe('uestion');
    expect(chain.write(1, text('answer'))).toBe(6);
    device.push(chain, 7);
    expect(device.publish()).toBe(true);
    expect(device.publish()).toBe(false);
    expect(driver.take()).toEqual({ id, written: 7 });
    expect(driver.take()).toBeNull();
    expect(memory.readU8((DATA_AT + 101) as Gpa)).toBe(text('a')[0]);
    expect(new TextDecoder().decode(memory.bytes.subarray(DATA_AT + 200, DATA_AT + 205))).toBe(
      'nswer',
    );
    expect(device.pop()).toBeNull();
  });

  it('gives buffers back in their order where that was agreed on, whatever the order they are pushed in', () => {
    const { driver, device } = queuePair(kind, { isInOrder: true });
    const range = (i: number) => ({ at: DATA_AT + 16 * i, byteLength: 16 });
    for (let round = 0; round < 5; round++) {
      const ids = [0, 1, 2].map((i) => driver.add([], [range(i)]));
      const chains = [0, 1, 2].map(() => device.pop() as DescriptorChain);
      const taken = (): (number | undefined)[] => {
        device.publish();
        return [driver.take(), driver.take(), driver.take()].map((used) => used?.written);
      };
      device.push(chains[2], 3);
      expect(() => device.push(chains[2], 3)).toThrow('not in flight');
      expect(taken()).toEqual([undefined, undefined, undefined]);
      device.push(chains[0], 1);
      expect(taken()).toEqual([1, undefined, undefined]);
      device.push(chains[1], 2);
      expect(taken()).toEqual([2, 3, undefined]);
      expect([device.inFlightCount, driver.free, new Set(ids).size]).toEqual([0, 8, 3]);
    }
  });

  it('tells of several buffers by the last of them, to a driver that agreed on their order', () => {
    const { memory, areas, driver } = queuePair(kind, { isInOrder: true });
    const ids = [100, 200, 300].map((byteLength) =>
      driver.add([{ at: DATA_AT, byteLength: 8 }], [{ at: DATA_AT + 8, byteLength }]),
    );
    const [, , last] = ids as [number, number, number];
    if (kind === 'split') {
      memory.writeU32((areas.device + USED_RING) as Gpa, last);
      memory.writeU32((areas.device + USED_RING + 4) as Gpa, 7);
      memory.writeU16((areas.device + USED_INDEX) as Gpa, 3);
    } else {
      memory.writeU32((areas.descriptors + DESC_LENGTH) as Gpa, 7);
      memory.writeU16((areas.descriptors + PACKED_DESC_ID) as Gpa, last);
      const flags = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
      memory.writeU16((areas.descriptors + PACKED_DESC_FLAGS) as Gpa, flags);
    }
    expect([driver.take(), driver.take(), driver.take(), driver.take()]).toEqual([
      { id: ids[0], written: 100 },
      { id: ids[1], written: 200 },
      { id: last, written: 7 },
      null,
    ]);
    expect(driver.free).toBe(8);
  });

  it('delivers every buffer once, in order, whatever the order they are given back in', () => {
    const step = fc.record({
      readable: fc.array(fc.nat(300), { maxLength: 3 }),
      writable: fc.array(fc.nat(300), { maxLength: 3 }),
      isIndirect: fc.boolean(),
      action: fc.constantFrom('add', 'pop', 'push', 'publish', 'take'),
      pick: fc.nat(100),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 200 }),
        fc.boolean(),
        fc.constantFrom(1, 4, 8),
        (steps, hasEventIndex, size) => {
          const { driver, device, reasons } = queuePair(kind, { hasEventIndex, size });
          const added: [number, number, number][] = [];
          const held: [DescriptorChain, number][] = [];
          let given: [number, number][] = [];
          const visible: [number, number][] = [];
          let popped = 0;
          const publish = (): void => {
            device.publish();
            visible.push(...given);
            given = [];
            popped = 0;
          };
          for (const { readable, writable, isIndirect, action, pick } of steps) {
            if (action === 'add' && readable.length + writable.length > 0) {
              const range = (byteLength: number) => ({ at: DATA_AT + byteLength, byteLength });
              const id = driver.add(readable.map(range), writable.map(range), isIndirect);
              const sum = (all: number[]) => all.reduce((a, b) => a + b, 0);
              if (id >= 0) added.push([id, sum(readable), sum(writable)]);
            } else if (action === 'pop') {
              // As often as that between two publications, and no oftener: see pop().
              if (popped === size) publish();
              const chain = device.pop();
              if (chain) popped++;
              const [next] = added.splice(0, chain ? 1 : 0);
              if (!chain) expect(added).toEqual([]);
              else {
                expect([chain.readableBytes, chain.writableBytes]).toEqual(next.slice(1));
                held.push([chain, next[0]]);
              }
            } else if (action === 'push' && held.length > 0) {
              const [[chain, id]] = held.splice(pick % held.length, 1);
              const written = Math.min(pick, chain.writableBytes);
              device.push(chain, written);
              given.push([id, written]);
            } else if (action === 'publish') {
              publish();
            } else if (action === 'take' && kind === 'split') {
              const used = driver.take();
              const [next] = visible.splice(0, 1);
              expect(used && [used.id, used.written]).toEqual(next ?? null);
            } else if (action === 'take') {
              // A packed ring shows what was given at once.
              const all = [...visible, ...given];
              const used = driver.take();
              expect(used && [used.id, used.written]).toEqual(all[0] ?? null);
              if (visible.length > 0) visible.shift();
              else given.shift();
            }
          }
          expect(reasons).toEqual([]);
          expect(device.inFlightCount).toBe(held.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('loses no notification and no interrupt, and with the event index saves some', () => {
    const run = fc.record({ isDevice: fc.boolean(), count: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 100 }), fc.boolean(), (runs, hasEventIndex) => {
        const { driver, device } = queuePair(kind, { hasEventIndex });
        let isNotified = false;
        let isInterrupted = false;
        driver.wantInterrupts(true);
        device.pop();
        for (const { isDevice, count } of runs) {
          if (!isDevice) {
            for (let i = 0; i < count; i++)
              if (driver.add([{ at: DATA_AT, byteLength: 1 }], []) >= 0 && driver.mustNotify())
                isNotified = true;
            if (!isInterrupted) expect(driver.take()).toBeNull();
            else {
              isInterrupted = false;
              while (driver.take());
              driver.wantInterrupts(true);
            }
          } else if (!isNotified) {
            expect(device.pop()).toBeNull();
          } else {
            isNotified = false;
            for (let chain = device.pop(); chain; chain = device.pop()) device.push(chain, 0);
            if (device.publish()) isInterrupted = true;
          }
        }
      }),
      { numRuns: 200 },
    );
    const { driver, device } = queuePair(kind, { hasEventIndex: true });
    driver.wantInterrupts(true);
    device.pop();
    const notified = [1, 2, 3].map(() => {
      driver.add([{ at: DATA_AT, byteLength: 1 }], []);
      return driver.mustNotify();
    });
    expect(notified).toEqual([true, false, false]);
    const interrupted = [1, 2, 3].map(() => {
      device.push(device.pop() as DescriptorChain, 0);
      return device.publish();
    });
    expect(interrupted).toEqual([true, false, false]);
  });

  it('keeps quiet when the driver wants no interrupts', () => {
    for (const hasEventIndex of [false, true]) {
      const { driver, device } = queuePair(kind, { hasEventIndex });
      driver.wantInterrupts(false);
      driver.add([{ at: DATA_AT, byteLength: 1 }], []);
      device.push(device.pop() as DescriptorChain, 0);
      expect(device.publish()).toBe(false);
      driver.take();
      driver.wantInterrupts(true);
      driver.add([{ at: DATA_AT, byteLength: 1 }], []);
      device.push(device.pop() as DescriptorChain, 0);
      expect(device.publish()).toBe(true);
    }
  });

  it('goes on from a saved state: what was in flight comes again, first', () => {
    const { memory, areas, driver, device } = queuePair(kind);
    const ids = [1, 2, 3, 4].map((byteLength) =>
      driver.add([{ at: DATA_AT, byteLength }], [{ at: DATA_AT, byteLength: 10 * byteLength }]),
    );
    const [first, second] = [device.pop(), device.pop()] as DescriptorChain[];
    device.push(second, 0);
    device.publish();
    const state = structuredClone(device.save());
    const options = {
      ...{ memory, areas, size: 8, hasIndirect: true, hasEventIndex: false },
      onBroken: () => {},
    };
    const other = openVirtqueue(kind === 'packed', options);
    if (typeof other === 'string') throw new Error(other);
    other.restore(state);
    expect(other.save()).toEqual(state);
    const sizes: number[][] = [];
    for (let chain = other.pop(); chain; chain = other.pop()) {
      sizes.push([chain.readableBytes, chain.writableBytes]);
      other.push(chain, 0);
    }
    other.publish();
    expect(sizes).toEqual([
      [1, 10],
      [3, 30],
      [4, 40],
    ]);
    expect([1, 2, 3, 4].map(() => driver.take()?.id)).toEqual([ids[1], ids[0], ids[2], ids[3]]);
    expect(first.readableBytes).toBe(1);
    for (const damage of [
      null,
      { ...state, version: 2 },
      { ...state, nextUsed: 65536 },
      { ...state, inFlight: [{ ...state.inFlight[0], readable: [DATA_AT] }] },
      { ...state, inFlight: [{ ...state.inFlight[0], writable: [0xffff_0000, 4] }] },
      { ...state, inFlight: new Array(9).fill(state.inFlight[0]) },
    ])
      expect(() => other.restore(damage)).toThrow(RangeError);
  });

  it('is opened only where it is RAM, aligned, and of a size it can have', () => {
    const isPacked = kind === 'packed';
    const memory = new FlatMemory(0x10000);
    const { areas } = placeQueue(isPacked, 16, 0x1000);
    const open = (change: object) =>
      openVirtqueue(isPacked, {
        ...{ memory, areas, size: 16, hasIndirect: true, hasEventIndex: true },
        onBroken: () => {},
        ...change,
      });
    expect(typeof open({})).toBe('object');
    expect(open({ size: 0 })).toMatch(/ring of 0 /);
    expect(open({ size: 65536 })).toMatch(/ring of 65536/);
    if (!isPacked) expect(open({ size: 12 })).toMatch(/ring of 12/);
    expect(open({ areas: { ...areas, descriptors: 0x1001 } })).toMatch(/0x1001, .*aligned/);
    expect(open({ areas: { ...areas, driver: 0x10000 } })).toMatch(/driver area at 0x10000/);
    expect(open({ areas: { ...areas, device: 2 ** 60 } })).toMatch(/device area/);
  });

  it('refuses indirect tables that were not negotiated', () => {
    const { driver, device, reasons } = queuePair(kind, { hasIndirect: false });
    driver.add([{ at: DATA_AT, byteLength: 1 }], [], true);
    expect(device.pop()).toBeNull();
    expect(reasons).toEqual(['has an indirect descriptor, which was not negotiated']);
  });

  it('takes as many pieces by an indirect table as it has, with one descriptor of the ring', () => {
    const { driver, device } = queuePair(kind, { size: 1 });
    const pieces = Array.from({ length: INDIRECT_SIZE }, (_, i) => ({
      at: DATA_AT + i,
      byteLength: 1,
    }));
    for (let round = 0; round < 5; round++) {
      expect(driver.add(pieces.slice(0, 5), pieces.slice(5), true)).toBe(0);
      expect(driver.add(pieces, [], true)).toBe(-1);
      const chain = device.pop() as DescriptorChain;
      expect([chain.readableBytes, chain.writableBytes]).toEqual([5, 3]);
      device.push(chain, 3);
      device.publish();
      expect(driver.take()).toEqual({ id: 0, written: 3 });
    }
  });
});
