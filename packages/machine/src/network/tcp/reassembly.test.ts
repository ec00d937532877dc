import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reassembly } from './reassembly.js';
import { pattern } from './testing-wire.contract.js';

const START = 0xffff_ff00;
const LENGTH = 300;
const whole = pattern(LENGTH, 2);
const part = fc
  .tuple(fc.nat({ max: LENGTH - 1 }), fc.integer({ min: 1, max: 80 }))
  .map(([from, length]) => ({ from, to: Math.min(from + length, LENGTH) }));

describe('data that came early', () => {
  it('comes out in order, whatever came, in any order, over the wrap of sequence numbers', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 100 }), (parts) => {
        const early = new Reassembly(1 << 20);
        const has = new Uint8Array(LENGTH);
        for (const { from, to } of parts) {
          early.insert((START + from) >>> 0, whole.subarray(from, to));
          has.fill(1, from, to);
        }
        const got = new Uint8Array(LENGTH);
        const taken = new Uint8Array(LENGTH);
        for (let at = 0; at < LENGTH; ) {
          const bytes = early.take((START + at) >>> 0);
          if (bytes) {
            got.set(bytes, at);
            taken.fill(1, at, at + bytes.byteLength);
          }
          at += bytes?.byteLength ?? 1;
        }
        expect(taken).toEqual(has);
        expect(got).toEqual(whole.map((byte, at) => (has[at] === 1 ? byte : 0)));
        // What is old goes with the next look.
        expect(early.take((START + LENGTH) >>> 0)).toBeNull();
        expect(early.byteLength).toBe(0);
      }),
    );
  });

  it('is bounded in bytes and in parts, and keeps nothing of what it was cut from', () => {
    const early = new Reassembly(1000);
    for (let i = 0; i < 20; i++) early.insert(1000 + i * 100, whole.subarray(0, 100));
    expect(early.byteLength).toBe(1000);
    const many = new Reassembly(1 << 20);
    for (let i = 0; i < 1000; i++) many.insert(1000 + i * 2, whole.subarray(0, 1));
    expect(many.byteLength).toBe(256);
    expect(many.take(1000)?.buffer.byteLength).toBe(1);
    many.clear();
    expect(many.byteLength).toBe(0);
  });
});
