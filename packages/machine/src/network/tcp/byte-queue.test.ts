import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.js';
import { pattern } from './testing-wire.contract.js';

describe('a queue of bytes', () => {
  it('gives what it was given, in order, however it is taken', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 0, max: 20_000 }) }),
      fc.record({ drop: fc.integer({ min: 0, max: 30_000 }) }),
      fc.record({ shift: fc.constant(true) }),
      fc.record({ copy: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ByteQueue();
        let model: Uint8Array = new Uint8Array(0);
        for (const [i, each] of steps.entries()) {
          if ('append' in each) {
            const bytes = pattern(each.append, i);
            queue.append(bytes);
            model = Buffer.concat([model, bytes]);
          } else if ('drop' in each) {
            queue.drop(each.drop);
            model = model.subarray(Math.min(each.drop, model.byteLength));
          } else if ('shift' in each) {
            const bytes = queue.shift();
            expect(bytes === null).toBe(model.byteLength === 0);
            if (!bytes) continue;
            expect(Buffer.compare(bytes, model.subarray(0, bytes.byteLength))).toBe(0);
            model = model.subarray(bytes.byteLength);
          } else {
            const offset = Math.floor(each.copy * model.byteLength);
            const target = new Uint8Array(Math.floor((model.byteLength - offset) / 2));
            queue.copyTo(target, offset);
            const wanted = model.subarray(offset, offset + target.byteLength);
            expect(Buffer.compare(target, wanted)).toBe(0);
          }
          expect(queue.byteLength).toBe(model.byteLength);
        }
      }),
    );
  });

  it('does not keep something large for a little of it, nor a block for every byte', () => {
    const queue = new ByteQueue();
    const large = new Uint8Array(65_000);
    queue.append(large.subarray(10, 5010));
    expect(queue.shift()?.buffer).not.toBe(large.buffer);
    for (let i = 0; i < 10_000; i++) queue.append(Uint8Array.of(i));
    expect(queue.shift()?.byteLength).toBe(10_000);
    queue.append(large);
    expect(queue.shift()?.buffer).toBe(large.buffer);
  });

  it('does not keep much more than what waits when little and large pieces come in turns', () => {
    const queue = new ByteQueue();
    let waiting = 0;
    for (let i = 0; i < 100; i++) {
      for (const byteLength of [1, 4096]) queue.append(new Uint8Array(byteLength));
      waiting += 4097;
    }
    let kept = 0;
    for (let part = queue.shift(); part; part = queue.shift()) kept += part.buffer.byteLength;
    expect(kept).toBeLessThan(waiting * 2.1);
  });
});
