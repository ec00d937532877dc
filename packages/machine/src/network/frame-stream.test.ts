import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSplitter, streamedFrames } from './frame-stream.js';
import { plainFrame } from './network-port.js';
import { findChecksum } from './offload.js';
import { checksumIsRight, tcpFrame } from './testing-frames.contract.js';

describe('frames in a stream', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 14, maxLength: 200 }), { maxLength: 20 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 70 })), (given, cuts) => {
        const stream = Buffer.concat(
          given.flatMap((each) => [...streamedFrames(plainFrame(each))]),
        );
        const got: Uint8Array[] = [];
        const splitter = new FrameSplitter((bytes) => got.push(bytes));
        let at = 0;
        for (const cut of [...cuts, stream.byteLength]) {
          expect(splitter.push(stream.subarray(at, at + cut))).toBe(true);
          at += cut;
        }
        expect(got).toEqual(given);
      }),
    );
  });

  it('are finished: cut, and with checksums', () => {
    const bytes = tcpFrame(4, 3000);
    const large = { protocol: 'tcp4' as const, size: 1000 };
    const frame = {
      ...plainFrame(bytes),
      missingChecksum: findChecksum(bytes),
      largeSegment: large,
    };
    const parts = [...streamedFrames(frame)];
    expect(parts.map((part) => part.subarray(0, 4).join(' '))).toEqual(
      Array.from({ length: 3 }, () => '0 0 4 30'),
    );
    expect(parts.every((part) => checksumIsRight(part.subarray(4)))).toBe(true);
  });

  it('that are too long end it; too short ones are lost', () => {
    const got: Uint8Array[] = [];
    const splitter = new FrameSplitter((bytes) => got.push(bytes));
    expect(splitter.push(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 1, 2))).toBe(true);
    expect(splitter.push(Uint8Array.of(0, 1, 0, 18))).toBe(false);
    expect(got).toEqual([]);
  });
});
