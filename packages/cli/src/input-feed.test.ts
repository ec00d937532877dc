import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputFeed } from './input-feed.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function feedTo(port: { isOpen: boolean; queued: number }) {
  const sent: string[] = [];
  const holds: boolean[] = [];
  const start = performance.now();
  const feed = new InputFeed({
    target: () => ({
      send: (typed) => sent.push(new TextDecoder().decode(typed)),
      queued: () => port.queued,
      isOpen: () => port.isOpen,
    }),
    holdInput: (hold) => holds.push(hold),
    lastOutputMs: () => start,
  });
  return { feed, sent, holds };
}

describe('input from a pipe', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('waits until the guest has opened its port, and loses nothing', () => {
    const port = { isOpen: false, queued: 0 };
    const { feed, sent, holds } = feedTo(port);
    feed.push(bytes('one '));
    feed.push(bytes('two'));
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual([]);
    expect(holds.at(-1)).toBe(true);
    port.isOpen = true;
    vi.advanceTimersByTime(20);
    expect(sent).toEqual(['one ', 'two']);
    expect(holds.at(-1)).toBe(false);
  });

  it('goes to a guest that never opens its port when it has long been silent', () => {
    const { feed, sent } = feedTo({ isOpen: false, queued: 0 });
    feed.push(bytes('x'));
    vi.advanceTimersByTime(9000);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(sent).toEqual(['x']);
  });

  it('is held back while the guest has enough', () => {
    const port = { isOpen: true, queued: 100_000 };
    const { feed, sent, holds } = feedTo(port);
    feed.push(bytes('x'));
    vi.advanceTimersByTime(100);
    expect([sent, holds.at(-1)]).toEqual([[], true]);
    port.queued = 0;
    vi.advanceTimersByTime(20);
    expect([sent, holds.at(-1)]).toEqual([['x'], false]);
  });

  it('leaves no timer behind', () => {
    const { feed } = feedTo({ isOpen: false, queued: 0 });
    feed.push(bytes('x'));
    feed.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
