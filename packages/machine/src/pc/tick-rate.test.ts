import { expect, test } from 'vitest';
import { TickRate } from './tick-rate.js';

test('ticks and nanoseconds convert exactly, for hours of guest time', () => {
  for (const hertz of [1193182, 32768, 3579545]) {
    const rate = new TickRate(hertz);
    for (const tick of [0, 1, 2, 17, hertz - 1, hertz, hertz + 1, hertz * 86400 + 12345]) {
      const ns = rate.nsAt(tick);
      expect(rate.ticksAt(ns)).toBe(tick);
      if (ns > 0) expect(rate.ticksAt(ns - 1)).toBe(tick - 1);
    }
    const exact = (BigInt(hertz) * 123_456_789_012_345n) / 1_000_000_000n;
    expect(BigInt(rate.ticksAt(123_456_789_012_345))).toBe(exact);
  }
});
