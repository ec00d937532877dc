import { expect, test } from 'vitest';
import { StateReader } from './state-reader.js';

test('a damaged state names the device, the field, what was expected and what was found', () => {
  expect(() => new StateReader('pic', null, 1)).toThrow(
    'pic: a saved state must be an object, got null',
  );
  expect(() => new StateReader('pic', { version: 2 }, 1)).toThrow(
    'pic: saved state has version 2, this program reads version 1',
  );
  const reader = new StateReader(
    'pic',
    { version: 1, irr: 256, on: 1, list: [1, -1], toString: 3 },
    1,
  );
  expect(() => reader.u8('irr')).toThrow(
    'pic: saved state is damaged: irr must be an integer in 0..255, got 256',
  );
  expect(() => reader.boolean('on')).toThrow(/on must be a boolean, got 1/);
  expect(() => reader.bytes('list', 2, 2)).toThrow(
    /list\[1\] must be an integer in 0..255, got -1/,
  );
  expect(() => reader.bytes('list', 3, 9)).toThrow(/list must be an array of 3..9 integers/);
  expect(() => reader.finite('valueOf')).toThrow(/valueOf must be a finite number, got nothing/);
  expect(() => reader.oneOf('irr', ['a', 'b'])).toThrow(/irr must be one of a, b, got 256/);
});

test('good fields come back, arrays as copies', () => {
  const list = [1, 2];
  const reader = new StateReader(
    'x',
    { version: 3, a: 0xffffffff, b: true, list, raw: new Uint8Array([7]) },
    3,
  );
  expect([reader.u32('a'), reader.boolean('b'), reader.bytes('raw', 0, 1)]).toEqual([
    0xffffffff,
    true,
    [7],
  ]);
  const copy = reader.bytes('list', 0, 2);
  copy[0] = 9;
  expect(list).toEqual([1, 2]);
});
