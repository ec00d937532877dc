import { describe, expect, it } from 'vitest';
import { balloonOption } from './balloon-option.js';

const MIB = 2 ** 20;

describe('--balloon', () => {
  it('is a balloon that leaves the guest so much, or all', () => {
    expect(balloonOption(undefined, 256 * MIB)).toBeUndefined();
    expect(balloonOption(true, 256 * MIB)).toEqual({});
    expect(balloonOption('64M', 256 * MIB)).toEqual({ targetBytes: 192 * MIB });
  });

  it.each([
    ['512M', /the guest has 256M; ask for less/],
    ['-1M', /the guest has 256M; ask for less/],
    ['vmlinuz', /is not a size; write it like 256M/],
  ])('refuses %s', (text, message) => {
    expect(() => balloonOption(text, 256 * MIB)).toThrow(message);
  });
});
