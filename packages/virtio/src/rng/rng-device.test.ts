import { expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { MockDriver } from '../testing/mock-driver.js';
import { RngDevice } from './rng-device.js';

let next = 0;
const make = () =>
  new RngDevice({
    fill: (target) => {
      for (let i = 0; i < target.length; i++) target[i] = ++next;
    },
  });

deviceContract('entropy', make);

it('an entropy device fills buffers, the first 4,096 bytes of long ones', () => {
  next = 0;
  const driver = new MockDriver(make()).start();
  const short = driver.range(5);
  const long = driver.range(5000);
  driver.add(0, [], [short]);
  driver.add(0, [], [long]);
  expect([0, 1].map(() => driver.queues[0].take()?.written)).toEqual([5, 4096]);
  expect([...driver.bytes(short)]).toEqual([1, 2, 3, 4, 5]);
  expect([...driver.bytes(long).subarray(0, 2)]).toEqual([6, 7]);
  expect(driver.bytes(long)[4096]).toBe(0);
});
