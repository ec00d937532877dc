import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, type TcpHeader } from './segment.js';
import { pattern, TestWire } from './testing-wire.contract.js';

const ended = (wire: TestWire): boolean => wire.near.end !== null && wire.far.end !== null;

/** A wire with an open connection. */
function opened(...args: ConstructorParameters<typeof TestWire>): TestWire {
  const wire = new TestWire(...args);
  wire.near.connection.connect();
  wire.run(60, () => wire.near.isOpen && wire.far.isOpen);
  expect([wire.near.isOpen, wire.far.isOpen]).toEqual([true, true]);
  return wire;
}

/** Numbers from 0 to 1 that seem to be random (xorshift). */
function chances(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Nothing is kept of a connection that is over. */
function expectNothingKept(wire: TestWire): void {
  expect([wire.near.budget.usedBytes, wire.far.budget.usedBytes]).toEqual([0, 0]);
}

describe('a TCP connection', () => {
  it('carries data both ways, and ends: first closer through TIME-WAIT, second at once', () => {
    const wire = opened();
    const [there, back] = [pattern(300_000), pattern(200_000, 5)];
    wire.near.write(there);
    wire.far.write(back);
    wire.run(60, () => wire.near.isEnded && wire.far.isEnded);
    expect(wire.far.hasReceived(there)).toBe(true);
    expect(wire.near.hasReceived(back)).toBe(true);
    wire.run(60, () => ended(wire));
    expect([wire.near.end, wire.far.end]).toEqual(['closed', 'closed']);
    expectNothingKept(wire);
  });

  it('stays half open as long as one side sends', () => {
    const wire = opened();
    wire.near.write(pattern(10));
    wire.run(3600);
    expect([wire.far.isEnded, wire.near.end, wire.far.end]).toEqual([true, null, null]);
    const late = pattern(100_000, 9);
    wire.far.write(late);
    wire.run(60, () => ended(wire));
    expect(wire.near.hasReceived(late)).toBe(true);
    // It closed second.
    expect(wire.far.end).toBe('closed');
    expectNothingKept(wire);
  });

  it('survives a wire that loses, doubles and reorders', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0, max: 0.25, noNaN: true }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 64, max: 2000 }),
        (seed, loss, there, back, mss) => {
          const next = chances(seed);
          const wire = new TestWire(() => {
            const value = next();
            if (value < loss) return [];
            if (value < loss + 0.05) return [1, 3 + 20 * next()];
            return [value < 0.5 ? 1 : 1 + 10 * next()];
          }, mss);
          wire.near.connection.connect();
          const [one, other] = [pattern(there, 3), pattern(back, 4)];
          wire.run(400, () => wire.near.isOpen || wire.near.end !== null);
          // Six SYNs in a row may be lost.
          if (!wire.near.isOpen) return;
          wire.near.write(one);
          wire.far.write(other);
          wire.run(20_000, () => ended(wire));
          if ([wire.near.end, wire.far.end].includes('timeout')) return;
          expect(wire.far.receivedBytes).toBe(there);
          expect(wire.near.receivedBytes).toBe(back);
          expect(wire.far.hasReceived(one)).toBe(true);
          expect(wire.near.hasReceived(other)).toBe(true);
          expectNothingKept(wire);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  it('sends a lost segment again after three duplicates, long before its timeout', () => {
    let isLost = false;
    let count = 0;
    const wire: TestWire = opened(() => {
      count++;
      if (count === 12 && !isLost) {
        isLost = true;
        return [];
      }
      return [1];
    });
    const before = wire.alarm.nowNs();
    wire.near.write(pattern(200_000));
    wire.run(60, () => wire.far.isEnded);
    expect(isLost).toBe(true);
    expect(wire.far.hasReceived(pattern(200_000))).toBe(true);
    expect(wire.alarm.nowNs() - before).toBeLessThan(250e6);
  });

  it('backs off when nothing is answered, and gives up', () => {
    let isCut = false;
    const times: number[] = [];
    const wire: TestWire = opened(() => {
      if (!isCut) return [1];
      times.push(wire.alarm.nowNs() / 1e6);
      return [];
    });
    isCut = true;
    wire.near.write(pattern(10), false);
    wire.run(3600, () => wire.near.end !== null);
    expect(wire.near.end).toBe('timeout');
    const waits = times.slice(1).map((at, i) => at - (times[i] as number));
    for (const [i, wait] of waits.slice(1, -1).entries()) {
      const last = waits[i] as number;
      expect(wait).toBeGreaterThanOrEqual(Math.min(last * 1.9, 60_000));
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_001);
    expect(wire.near.budget.usedBytes).toBe(0);
  });

  it('stops at a closed window, probes it, and goes on when it opens', () => {
    const wire = opened();
    wire.far.isReading = false;
    const bytes = pattern(1_500_000);
    wire.near.write(bytes);
    wire.run(5);
    const held = wire.far.receivedBytes;
    expect(held).toBeLessThanOrEqual(512 * 1024);
    expect(held).toBeGreaterThan(500 * 1024);
    const sent = wire.near.sent.length;
    // Longer than any number of unanswered retransmissions would take.
    wire.run(3600);
    expect(wire.near.end).toBeNull();
    expect(wire.far.receivedBytes).toBe(held);
    expect(wire.near.sent.length - sent).toBeGreaterThan(10);
    wire.far.release();
    wire.run(120, () => wire.far.isEnded);
    expect(wire.far.hasReceived(bytes)).toBe(true);
  });

  it('opens though the first SYNs are lost, and is refused by a reset', () => {
    const wire = opened((i) => (i < 2 ? [] : [1]));
    expect(wire.alarm.nowNs()).toBeGreaterThan(3e9);
    const refused = new TestWire();
    refused.near.connection.connect();
    refused.far.connection.hold({
      ...(refused.near.sent[0] as TcpHeader),
      payload: new Uint8Array(0),
    });
    refused.far.connection.abort();
    refused.run(1, () => refused.near.end !== null);
    expect(refused.near.end).toBe('reset');
  });

  it('is reset by its peer only at the sequence that is next', () => {
    const wire = opened();
    const { connection } = wire.near;
    const far = wire.near.sent.at(-1)?.acknowledgement ?? 0;
    const reset = {
      ...{ sequence: (far + 100) >>> 0, acknowledgement: 0, flags: TCP_RST, window: 0 },
      ...{ mss: null, windowScale: null, payload: new Uint8Array(0) },
    };
    connection.receive(reset);
    expect(wire.near.end).toBeNull();
    // A challenge.
    expect(wire.near.sent.at(-1)).toMatchObject({ flags: TCP_ACK, acknowledgement: far });
    connection.receive({ ...reset, sequence: (far - 1) >>> 0 });
    expect(wire.near.end).toBeNull();
    connection.receive({ ...reset, flags: TCP_SYN });
    expect(wire.near.end).toBeNull();
    connection.receive({ ...reset, sequence: far });
    expect(wire.near.end).toBe('reset');
  });

  it('has its peer know when it is aborted', () => {
    const wire = opened();
    wire.far.write(pattern(5000), false);
    wire.near.connection.abort();
    wire.run(2, () => wire.far.end !== null);
    expect(wire.far.end).toBe('reset');
    expectNothingKept(wire);
  });

  it('takes anything a hostile peer sends', () => {
    const flags = fc.integer({ min: 0, max: 255 });
    const offset = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer());
    const segment = fc.record({
      ...{ flags, sequence: offset, acknowledgement: offset },
      window: fc.integer({ min: 0, max: 0xffff }),
      payload: fc.uint8Array({ maxLength: 3000 }),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 60 }), fc.boolean(), (segments, isReading) => {
        const wire = opened();
        const { near } = wire;
        near.isReading = isReading;
        near.write(pattern(50_000), false);
        const base = near.sent.at(-1) as { sequence: number; acknowledgement: number };
        for (const each of segments) {
          near.connection.receive({
            ...each,
            sequence: (base.acknowledgement + each.sequence) >>> 0,
            acknowledgement: (base.sequence + each.acknowledgement) >>> 0,
            ...{ mss: null, windowScale: null },
          });
        }
        expect(near.receivedBytes).toBeLessThanOrEqual(60 * 3000);
        expect(near.budget.usedBytes).toBeLessThan(1_000_000);
        wire.run(10);
        near.connection.abort();
        // What was delivered counts until it is consumed.
        near.release();
        expect(near.budget.usedBytes).toBe(0);
      }),
      { numRuns: 50 },
    );
  }, 60_000);

  it('sends FIN with the last bytes, and again if it is lost', () => {
    let lost = 0;
    let seen: readonly TcpHeader[] = [];
    const wire = opened(() => {
      const isFin = ((seen.at(-1)?.flags ?? 0) & TCP_FIN) !== 0;
      if (isFin && lost < 2) {
        lost++;
        return [];
      }
      return [1];
    });
    seen = wire.near.sent;
    wire.near.write(pattern(100));
    wire.run(10, () => wire.far.isEnded);
    expect(lost).toBe(2);
    expect(wire.far.receivedBytes).toBe(100);
  });
});
