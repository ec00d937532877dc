import type { Gpa } from '@proxeny/memory';
import { expect, it } from 'vitest';
import { channelRegisters } from '../testing/driver-registers.js';
import { AT_ONCE_QUEUE, EchoDevice, HELD_QUEUE } from '../testing/echo-device.js';
import { LentMemory } from '../testing/lent-memory.js';
import { MockDriver } from '../testing/mock-driver.js';
import { ringKinds } from '../testing/queue-pair.js';
import { ChannelTransport } from './channel.js';
import { transportContract } from './transport.contract.js';

transportContract('the channel', channelRegisters);

/** A transport over memory that counts what is held of it, with its register page at 0. */
function opened() {
  const memory = new LentMemory(0x10000);
  const events: string[] = [];
  const device = new EchoDevice();
  const transport = new ChannelTransport({
    ...{ device, memory },
    queueEvent: (queue) => events.push(`queue ${queue}`),
    pageEvent: () => events.push('page'),
  });
  const request = (id: number, access: number, offset: number, value = 0) => {
    for (const [i, word] of [access, offset, value].entries())
      memory.writeU32((4 + 4 * i) as Gpa, word);
    memory.writeU32(0 as Gpa, id);
    transport.serve();
    return memory.readU32(0x14 as Gpa);
  };
  return { memory, events, transport, request };
}

it('the channel answers a request once, by an event', () => {
  const { memory, events, transport, request } = opened();
  transport.serve();
  expect(transport.open(0x10000)).toBe(false);
  expect(transport.open(0)).toBe(true);
  expect(request(1, 4, 0)).toBe(0x74726976);
  expect(memory.readU32(0x10 as Gpa)).toBe(1);
  expect(events).toEqual(['page']);
  // The same event again, and another one without a request.
  transport.serve();
  expect(events).toEqual(['page']);
  // Whatever the driver does to the answers.
  memory.writeU32(0x10 as Gpa, 77);
  transport.serve();
  expect(events).toEqual(['page']);
});

it.each([
  ['of a width that there is not', 3, 0],
  ['beyond its end', 4, 0x1fe],
  ['far beyond its end', 1, 0xffff_ffff],
])('the channel reads 0 from a register file %s', (_, access, offset) => {
  const { transport, request } = opened();
  transport.open(0);
  expect(request(1, 4, 8)).toBe(63);
  expect(request(2, access, offset)).toBe(0);
  expect(request(3, access | 0x100, offset, 15)).toBe(0);
  expect(transport.control.status).toBe(0);
});

it('the channel offers rings that fit a page', () => {
  class Wide extends EchoDevice {
    override readonly queueSizes: readonly number[] = [1024, 8];
  }
  const { registers } = new MockDriver(new Wide(), channelRegisters);
  expect(registers.maxQueueSize(0)).toBe(256);
  expect(registers.maxQueueSize(1)).toBe(8);
});

it.each(ringKinds)(
  'what is lent over %s rings comes back: buffer by buffer, by a reset',
  (kind) => {
    const memory = new LentMemory(0x200000);
    const device = new EchoDevice();
    const driver = new MockDriver(device, channelRegisters, memory);
    const pageOnly = new Map(memory.held);
    for (const end of [
      () => driver.registers.setStatus(0),
      () => driver.registers.reset(),
      () => {
        for (const queue of [0, 1]) driver.registers.resetQueue(queue);
      },
    ]) {
      driver.start({ kind });
      const ringsOnly = new Map(memory.held);
      expect(ringsOnly.size).toBeGreaterThan(pageOnly.size);
      for (const isIndirect of [false, true])
        driver.add(
          AT_ONCE_QUEUE,
          [driver.range(5)],
          [driver.range(8), driver.range(8)],
          isIndirect,
        );
      expect(memory.held).toEqual(ringsOnly);
      driver.add(HELD_QUEUE, [driver.range(5)], [driver.range(8)], true);
      expect(memory.held.size).toBe(ringsOnly.size + 3);
      const [chain] = device.held;
      end();
      expect(memory.held).toEqual(pageOnly);
      // What a device still holds of it is empty.
      expect(chain.write(0, Uint8Array.of(1, 2))).toBe(0);
      expect(chain.read(0, new Uint8Array(5))).toBe(0);
    }
  },
);

it('what is lent comes back from broken rings, too', () => {
  const memory = new LentMemory(0x200000);
  const driver = new MockDriver(new EchoDevice(), channelRegisters, memory);
  const pageOnly = new Map(memory.held);
  driver.start();
  driver.add(AT_ONCE_QUEUE, [driver.range(5), { at: 0xffff_0000, byteLength: 1 }], [], true);
  expect(driver.failures).toHaveLength(1);
  driver.registers.setStatus(0);
  expect(memory.held).toEqual(pageOnly);
  driver.negotiate();
  driver.registers.setupQueue(0, 16, { descriptors: 0x1000, driver: 0x2000, device: 0x3001 });
  driver.registers.setStatus(15);
  expect(driver.failures).toHaveLength(2);
  expect(memory.held).toEqual(pageOnly);
});
