// What every device does, whatever it is for: it comes up, can be reset at any time, keeps its state, and survives any driver.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MockDriver } from '../testing/mock-driver.js';
import { type RingKind, ringKinds } from '../testing/queue-pair.js';
import type { VirtioDevice } from './virtio-device.js';

/** Lets promises of back-ends settle. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

const DRIVER_OK = 15;

export function deviceContract(name: string, make: () => VirtioDevice): void {
  describe(`${name} as a virtio device`, () => {
    it('has queues of sizes that both kinds of ring can have', () => {
      const { queueSizes } = make();
      for (const size of queueSizes) expect(Number.isInteger(Math.log2(size))).toBe(true);
    });

    it.each(ringKinds)(
      'comes up with everything it offers, and with nothing, over %s rings',
      (kind) => {
        for (const features of [undefined, 0n]) {
          const driver = new MockDriver(make()).start({
            kind,
            ...(features === undefined ? {} : { features }),
          });
          expect(driver.status).toBe(DRIVER_OK);
          expect(driver.failures).toEqual([]);
        }
      },
    );

    it('reads the same configuration space in any width, and only within', () => {
      const device = make();
      const { registers } = new MockDriver(device).start();
      for (let at = 0; at + 4 <= device.configBytes; at++) {
        const bytes = [0, 1, 2, 3].map((i) => registers.readConfig(at + i, 1));
        const word = bytes.reduceRight((value, byte) => value * 256 + byte, 0);
        if (at % 4 === 0) expect(registers.readConfig(at, 4)).toBe(word);
        if (at % 2 === 0) expect(registers.readConfig(at, 2)).toBe(word % 65536);
      }
      expect(registers.readConfig(device.configBytes, 4)).toBe(0);
    });

    it('keeps its state, and refuses one that is damaged', async () => {
      const driver = new MockDriver(make()).start();
      const state = structuredClone(driver.registers.save());
      const other = new MockDriver(make());
      other.memory.bytes.set(driver.memory.bytes);
      other.registers.restore(state);
      expect(other.registers.save()).toEqual(state);
      const saved = state as { control: object };
      const damaged = { ...saved, control: { ...saved.control, device: 'none' } };
      expect(() => other.registers.restore(damaged)).toThrow(RangeError);
      await settle();
    });

    it.each(ringKinds)('survives any buffers in %s rings, and comes up again', async (kind) => {
      const piece = fc.record({
        at: fc.oneof(fc.nat(0x1000), fc.nat(0xffff_ffff)),
        byteLength: fc.oneof(fc.nat(32), fc.nat(5000), fc.constant(0x7fff_ffff)),
      });
      const step = fc.record({
        queue: fc.nat(8),
        readable: fc.array(piece, { maxLength: 3 }),
        writable: fc.array(piece, { maxLength: 3 }),
        fill: fc.array(fc.oneof(fc.nat(16), fc.nat(255)), { maxLength: 40 }),
        isReset: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const driver = new MockDriver(make()).start({ kind });
          for (const { queue, readable, writable, fill, isReset } of steps) {
            driver.memory.bytes.set(fill, 0x100);
            const index = queue % driver.queues.length;
            const near = readable.map(({ at, byteLength }) => ({
              at: at < 0x1000 ? 0x100 + (at % 16) : at,
              byteLength,
            }));
            if (near.length + writable.length > 0) driver.add(index, near, writable);
            if (isReset) driver.start({ kind });
          }
          await settle();
          driver.start({ kind });
          expect(driver.status).toBe(DRIVER_OK);
          await settle();
        }),
        { numRuns: 60 },
      );
    });

    it('forgets what is in flight when it is reset', async () => {
      const device = make();
      const driver = new MockDriver(device).start();
      const fill = (kind: RingKind) => {
        for (const index of driver.queues.keys())
          driver.add(index, [driver.range(new Uint8Array(16))], [driver.range(512 + 1)]);
        driver.start({ kind });
      };
      for (const kind of ringKinds) fill(kind);
      const before = driver.memory.bytes.slice();
      await settle();
      expect(driver.status).toBe(DRIVER_OK);
      for (const queue of driver.queues) expect(queue.take()).toBeNull();
      expect(driver.memory.bytes.every((byte, at) => byte === before[at])).toBe(true);
    });
  });
}
