import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTcp, TCP_SYN, tcpHeaderBytes, writeTcp } from './segment.js';

const ports = { sourcePort: 1025, targetPort: 80 };

describe('a TCP segment', () => {
  it('is read as it was written', () => {
    const option = (max: number) => fc.option(fc.nat({ max }), { nil: null });
    const word = fc.nat({ max: 0xffff_ffff });
    const header = fc.record({
      ...{ sequence: word, acknowledgement: word },
      window: fc.nat({ max: 0xffff }),
      mss: option(0xffff),
      windowScale: option(14),
    });
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 30 }), (given, payload) => {
        const whole = { ...given, flags: TCP_SYN };
        const bytes = new Uint8Array(tcpHeaderBytes(whole) + payload.byteLength);
        writeTcp(new DataView(bytes.buffer), 0, ports, whole, 7);
        bytes.set(payload, tcpHeaderBytes(whole));
        expect(parseTcp(bytes)).toEqual({ ...whole, ...ports, payload });
      }),
    );
  });

  it('may be anything: it is null, or within its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 15 }), (bytes, offset) => {
        if (bytes.byteLength > 12) bytes[12] = offset << 4;
        const segment = parseTcp(bytes);
        if (!segment) return;
        expect(segment.payload.byteLength).toBe(bytes.byteLength - offset * 4);
        expect(segment.windowScale ?? 0).toBeLessThanOrEqual(14);
      }),
    );
  });
});
