// What every transport does, whatever its registers look like. A transport's test calls this with a way to put a device behind one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  featureMask,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
} from '../spec/feature.js';
import { AT_ONCE_QUEUE, ECHO_FEATURE, EchoDevice, HELD_QUEUE } from '../testing/echo-device.js';
import { MockDriver, type TransportMaker } from '../testing/mock-driver.js';
import { ringKinds } from '../testing/queue-pair.js';

const NOTHING = { queue: false, config: false };
const DRIVER_OK = 15;
const FEATURES_OK = 11;
const NEEDS_RESET = 64;

export function transportContract(name: string, make: TransportMaker): void {
  const attached = () => {
    const device = new EchoDevice();
    const driver = new MockDriver(device, make);
    return { device, driver, registers: driver.registers };
  };
  const message = Uint8Array.of(1, 2, 3, 4, 5);

  describe(`${name} as a virtio transport`, () => {
    it.each(ringKinds)('brings a driver and its device together over %s rings', (kind) => {
      const { driver, registers } = attached();
      driver.start({ kind });
      expect(driver.status).toBe(DRIVER_OK);
      driver.queues[0].wantInterrupts(true);
      const answer = driver.range(8);
      const id = driver.add(AT_ONCE_QUEUE, [driver.range(message)], [answer]);
      expect(registers.takeInterrupts()).toEqual({ queue: true, config: false });
      expect(registers.takeInterrupts()).toEqual(NOTHING);
      expect(driver.queues[0].take()).toEqual({ id, written: 5 });
      expect([...driver.bytes(answer)]).toEqual([5, 4, 3, 2, 1, 0, 0, 0]);
      expect(driver.failures).toEqual([]);
    });

    it('agrees on features: what was offered, with version 1, and no more after that', () => {
      const { device, driver, registers } = attached();
      driver.negotiate({ features: 0n });
      expect(driver.status).toBe(FEATURES_OK);
      registers.chooseWord(0, 2 ** ECHO_FEATURE);
      expect(registers.control.features & device.features).toBe(0n);
      for (const refused of [
        [0, 0],
        [2 ** ECHO_FEATURE, 0],
        [1, 1],
        [0, 1 | (1 << 20)],
      ]) {
        registers.setStatus(0);
        registers.chooseWord(0, refused[0]);
        registers.chooseWord(1, refused[1]);
        registers.setStatus(FEATURES_OK);
        expect(driver.status).toBe(3);
        registers.setStatus(DRIVER_OK);
        expect(driver.status).toBe(3);
      }
      expect(registers.offeredWord(2)).toBe(0);
      const offered = BigInt(registers.offeredWord(0)) | (BigInt(registers.offeredWord(1)) << 32n);
      for (const bit of [
        ECHO_FEATURE,
        VIRTIO_F_VERSION_1,
        VIRTIO_F_EVENT_IDX,
        VIRTIO_F_RING_PACKED,
      ])
        expect(offered & featureMask(bit)).toBe(featureMask(bit));
    });

    it('sets up queues, as many as there are', () => {
      const { device, driver, registers } = attached();
      expect([0, 1, 2, 99].map((queue) => registers.maxQueueSize(queue))).toEqual([16, 8, 0, 0]);
      driver.negotiate();
      driver.setupQueues({ queueSize: 4 });
      expect([0, 1, 2].map((queue) => registers.isQueueEnabled(queue))).toEqual([
        true,
        true,
        false,
      ]);
      registers.setStatus(DRIVER_OK);
      expect(device.driver?.queue(0)?.size).toBe(4);
      expect(device.driver?.queue(2)).toBeNull();
    });

    it('takes what was added before the driver was ready', () => {
      const { driver, registers } = attached();
      driver.negotiate();
      driver.setupQueues();
      driver.queues[0].add([driver.range(message)], []);
      registers.notify(AT_ONCE_QUEUE);
      expect(driver.queues[0].take()).toBeNull();
      registers.setStatus(DRIVER_OK);
      expect(driver.queues[0].take()).not.toBeNull();
    });

    it('reads and writes configuration space, and tells of its changes', () => {
      const { device, driver, registers } = attached();
      driver.start();
      expect(registers.readConfig(0, 4)).toBe(0x04030201);
      expect(registers.readConfig(4, 4)).toBe(0x0605);
      expect(registers.readConfig(200, 4)).toBe(0);
      registers.writeConfig(0, 1, 9);
      registers.writeConfig(200, 4, 9);
      expect(registers.readConfig(0, 1)).toBe(9);
      const generation = registers.configGeneration();
      device.driver?.configChanged();
      expect(registers.configGeneration()).not.toBe(generation);
      expect(registers.takeInterrupts()).toEqual({ queue: false, config: true });
    });

    it('needs a reset after a broken ring, says so, and works again after one', () => {
      const { device, driver, registers } = attached();
      driver.start();
      driver.add(AT_ONCE_QUEUE, [{ at: 0xffff_0000, byteLength: 1 }]);
      expect(driver.status).toBe(DRIVER_OK | NEEDS_RESET);
      expect(driver.failures).toEqual([
        'queue 0 has a buffer that names 1 bytes at 0xffff0000, which is no RAM',
      ]);
      expect(registers.takeInterrupts()).toEqual({ queue: false, config: true });
      driver.add(HELD_QUEUE, [driver.range(message)]);
      expect(device.held).toEqual([]);
      registers.setStatus(0);
      expect(driver.status).toBe(0);
      expect(device.resets).toBe(1);
      driver.start();
      driver.add(AT_ONCE_QUEUE, [driver.range(message)]);
      expect(driver.queues[0].take()).not.toBeNull();
    });

    it('needs a reset when a queue is no place for one, and tells nobody before the driver is ready', () => {
      const { driver, registers } = attached();
      driver.negotiate();
      registers.setupQueue(0, 16, { descriptors: 8, driver: 0x1000, device: 0x2000 });
      expect(registers.takeInterrupts()).toEqual(NOTHING);
      registers.setStatus(DRIVER_OK);
      expect(driver.status).toBe(DRIVER_OK | NEEDS_RESET);
      expect(driver.failures).toEqual([
        'queue 0 has its descriptor area at 0x8, which is no RAM or not aligned',
      ]);
      driver.negotiate();
      registers.setupQueue(0, 32, { descriptors: 0x1000, driver: 0x2000, device: 0x3000 });
      registers.setStatus(DRIVER_OK);
      expect(driver.failures[1]).toBe('queue 0 has a ring of 32 descriptors');
    });

    it('forgets everything when it is reset, whoever does it', () => {
      const { device, driver, registers } = attached();
      for (const reset of [() => registers.setStatus(0), () => registers.reset()]) {
        driver.start();
        driver.add(HELD_QUEUE, [driver.range(message)]);
        expect(device.held).toHaveLength(1);
        reset();
        expect(driver.status).toBe(0);
        expect(device.held).toEqual([]);
        expect(registers.isQueueEnabled(0)).toBe(false);
        expect(registers.takeInterrupts()).toEqual(NOTHING);
      }
    });

    it('resets a queue alone, and takes it up again', () => {
      const { device, driver, registers } = attached();
      driver.start();
      driver.add(HELD_QUEUE, [driver.range(message)]);
      registers.resetQueue(HELD_QUEUE);
      expect(device.held).toEqual([]);
      expect(registers.isQueueEnabled(HELD_QUEUE)).toBe(false);
      expect(driver.status).toBe(DRIVER_OK);
      driver.setupQueues();
      driver.add(HELD_QUEUE, [driver.range(message)]);
      expect(device.held).toHaveLength(1);
    });

    it('goes on from a saved state in another machine', () => {
      const { driver, registers } = attached();
      driver.start({ kind: 'packed' });
      registers.writeConfig(0, 1, 77);
      driver.queues[1].wantInterrupts(true);
      const answer = driver.range(8);
      const id = driver.add(HELD_QUEUE, [driver.range(message)], [answer]);
      const state = structuredClone(registers.save());
      const other = attached();
      other.driver.memory.bytes.set(driver.memory.bytes);
      other.registers.restore(state);
      expect(other.registers.save()).toEqual(state);
      expect(other.registers.readConfig(0, 1)).toBe(77);
      other.device.answer(HELD_QUEUE);
      other.device.driver?.publish(HELD_QUEUE);
      expect(other.registers.takeInterrupts()).toEqual({ queue: true, config: false });
      driver.memory.bytes.set(other.driver.memory.bytes);
      expect(driver.queues[1].take()).toEqual({ id, written: 5 });
      for (const damage of [null, 7, {}, { ...(state as object), control: { version: 1 } }])
        expect(() => other.registers.restore(damage)).toThrow(RangeError);
    });

    it('survives any registers accesses', () => {
      const access = fc.record({
        offset: fc.oneof(fc.nat(0x140), fc.nat(0x7fff)),
        size: fc.constantFrom(1 as const, 2 as const, 4 as const),
        value: fc.oneof(fc.nat(20), fc.nat(0xffff_ffff)),
        isWrite: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(access, { maxLength: 200 }), (accesses) => {
          const { driver, registers } = attached();
          driver.start();
          for (const { offset, size, value, isWrite } of accesses) {
            if (isWrite) registers.writeAny(offset, size, value);
            else {
              const read = registers.readAny(offset, size);
              expect(read).toBe(read >>> 0);
              expect(read).toBeLessThan(2 ** (8 * size));
            }
          }
          registers.restore(structuredClone(registers.save()));
          driver.start();
          expect(driver.status).toBe(DRIVER_OK);
        }),
        { numRuns: 200 },
      );
    });
  });
}
