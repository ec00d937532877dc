import { describe, expect, it } from 'vitest';
import { HostClock } from './host/clock.js';
import { RunLoop } from './run-loop.js';

const SLICE_MS = 0.5;
const VISITS = 20;

/** The most slices between two visits of the event loop, each of which brings `news` or nothing. */
async function slicesBetweenVisits(news: boolean): Promise<number> {
  let slices = 0;
  let most = 0;
  let visits = 0;
  let isOver = false;
  const loop: RunLoop = new RunLoop({
    clock: new HostClock(() => 0),
    get isOver() {
      return isOver;
    },
    hold: () => null,
    runSlice: () => {
      slices++;
      const end = performance.now() + SLICE_MS;
      while (performance.now() < end);
      return 0;
    },
  });
  const visit = (): void => {
    if (visits > 1) most = Math.max(most, slices);
    slices = 0;
    if (news) loop.wake();
    if (++visits === VISITS) isOver = true;
    else setImmediate(visit);
  };
  setImmediate(visit);
  await loop.run();
  return most;
}

describe('the run loop', () => {
  it('looks for what happens outside, and sooner again when something did', async () => {
    expect(await slicesBetweenVisits(true)).toBeLessThanOrEqual(3);
    expect(await slicesBetweenVisits(false)).toBeLessThanOrEqual(9);
  });
});
