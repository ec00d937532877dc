import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer, TimerQueue } from './timer-queue.js';

describe('a timer queue', () => {
  it('fires timers by deadline, equal ones in the order they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (deadlines) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        deadlines.forEach((deadline, i) => {
          queue.set(new Timer(() => fired.push(i)), deadline);
        });
        queue.run(20);
        const expected = deadlines
          .map((_, i) => i)
          .sort((a, b) => deadlines[a] - deadlines[b] || a - b);
        expect(fired).toEqual(expected);
        expect(queue.size).toBe(0);
      }),
    );
  });

  it('fires what is due and keeps the rest', () => {
    const queue = new TimerQueue();
    const fired: string[] = [];
    queue.set(new Timer(() => fired.push('early')), 10);
    queue.set(new Timer(() => fired.push('late')), 30);
    queue.run(20);
    expect(fired).toEqual(['early']);
    expect(queue.nextDeadlineNs).toBe(30);
  });

  it('forgets a stopped timer and moves one that is set again', () => {
    const queue = new TimerQueue();
    const fired: string[] = [];
    const stopped = new Timer(() => fired.push('stopped'));
    const moved = new Timer(() => fired.push('moved'));
    queue.set(stopped, 5);
    queue.set(moved, 5);
    queue.stop(stopped);
    queue.set(moved, 50);
    queue.run(40);
    expect(fired).toEqual([]);
    expect([stopped.isSet, moved.isSet]).toEqual([false, true]);
    queue.run(50);
    expect(fired).toEqual(['moved']);
  });

  it('lets a timer that sets itself again wait for the next call', () => {
    const queue = new TimerQueue();
    let count = 0;
    const again: Timer = new Timer(() => {
      count++;
      queue.set(again, 0);
    });
    queue.set(again, 0);
    queue.run(100);
    expect(count).toBe(1);
    expect(queue.nextDeadlineNs).toBe(0);
  });
});
