import { describe, expect, it } from 'vitest';
import { moveBytesIn } from './move-bytes.js';

describe('moveBytes', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const bytes = new Uint8Array(memory.buffer);
  const move = moveBytesIn(memory);

  it('moves within its memory, also where the ranges overlap', () => {
    for (const [to, from, length] of [
      [0x2000, 0x1000, 0x1000],
      [0x1001, 0x1000, 300],
      [0x0fff, 0x1000, 300],
      [0xf000, 0, 0x1000],
    ] as const) {
      bytes.forEach((_, i) => {
        bytes[i] = (i * 7) ^ (i >> 8);
      });
      const expected = bytes.slice().copyWithin(to, from, from + length);
      move(to, from, length);
      expect(Buffer.compare(bytes, expected)).toBe(0);
    }
  });
  it('changes nothing when a range ends beyond the memory', () => {
    const before = bytes.slice();
    expect(() => move(0xff00, 0, 0x101)).toThrow(WebAssembly.RuntimeError);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });
});
