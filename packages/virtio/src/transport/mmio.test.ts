import { FlatMemory } from '@proxeny/memory';
import { expect, it } from 'vitest';
import { mmioRegisters } from '../testing/driver-registers.js';
import { EchoDevice } from '../testing/echo-device.js';
import { MmioTransport } from './mmio.js';
import { transportContract } from './transport.contract.js';

transportContract('MMIO', mmioRegisters);

it('MMIO registers say what they are, and are words', () => {
  const transport = new MmioTransport({
    device: new EchoDevice(),
    memory: new FlatMemory(0x1000),
    interrupt: () => {},
  });
  expect([0, 4, 8, 0xc].map((at) => transport.readMmio(at, 4))).toEqual([
    0x74726976, 2, 63, 0x1af4,
  ]);
  expect(transport.readMmio(0, 1)).toBe(0);
  expect(transport.readMmio(0xb0, 4)).toBe(0xffff_ffff);
  transport.writeMmio(0x70, 1, 1);
  expect(transport.readMmio(0x70, 4)).toBe(0);
});
