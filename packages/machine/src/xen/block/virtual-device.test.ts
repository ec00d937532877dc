import { expect, it } from 'vitest';
import { virtualDeviceNumber } from './virtual-device.js';

it.each([
  ['xvda', 51712],
  ['xvda1', 51713],
  ['xvdb', 51728],
  ['xvdp15', (202 << 8) | 255],
  ['xvda16', (1 << 28) | 16],
  ['xvdq', (1 << 28) | (16 << 8)],
  ['xvdaa3', (1 << 28) | (26 << 8) | 3],
  ['sda', 2048],
  ['sdb2', 2066],
  ['hda', 768],
  ['hdb1', 833],
  ['hdc', 5632],
  ['hdc5', 5637],
  ['d0', 51712],
  ['d5p2', 51794],
])('%s is device %i', (name, number) => {
  expect(virtualDeviceNumber(name)).toBe(number);
});

it.each([
  '',
  'xvd',
  'xvda0',
  'xvda256',
  'sdq',
  'sda16',
  'hde',
  'hda64',
  'vda',
  'XVDA',
  'xvda1 ',
  'd1048576',
])('"%s" is no device', (name) => {
  expect(virtualDeviceNumber(name)).toBeNull();
});
