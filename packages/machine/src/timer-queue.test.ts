import { expect, test } from 'vitest';
import { ManualClock } from './clock.js';
import { TimerQueue } from './timer-queue.js';

test('timers run in deadline order, equal deadlines in the order they were armed', () => {
  const clock = new ManualClock();
  const queue = new TimerQueue(clock);
  const ran: string[] = [];
  queue.schedule(30, () => ran.push('c'));
  queue.schedule(10, () => ran.push('a'));
  queue.schedule(30, () => ran.push('d'));
  queue.schedule(20, () => ran.push('b'));
  expect(queue.nextDeadlineNs()).toBe(10);
  clock.advance(9);
  queue.runDue();
  expect(ran).toEqual([]);
  clock.advance(100);
  queue.runDue();
  expect(ran).toEqual(['a', 'b', 'c', 'd']);
  expect(queue.nextDeadlineNs()).toBe(Infinity);
});

test('a timer that re-arms itself in the past runs once in each runDue', () => {
  const clock = new ManualClock(1000);
  const queue = new TimerQueue(clock);
  let runs = 0;
  const timer = queue.create(() => {
    runs++;
    timer.rearm(5);
  });
  timer.rearm(1);
  queue.runDue();
  expect(runs).toBe(1);
  expect(queue.nextDeadlineNs()).toBe(5);
  queue.runDue();
  expect(runs).toBe(2);
});

test('a callback can cancel and move timers that are due in the same runDue', () => {
  const clock = new ManualClock();
  const queue = new TimerQueue(clock);
  const ran: string[] = [];
  queue.schedule(1, () => {
    ran.push('first');
    cancelled.cancel();
    moved.rearm(50);
  });
  const cancelled = queue.schedule(2, () => ran.push('cancelled'));
  const moved = queue.schedule(3, () => ran.push('moved'));
  clock.advance(10);
  queue.runDue();
  expect(ran).toEqual(['first']);
  expect(cancelled.armed).toBe(false);
  expect(moved.deadlineNs).toBe(50);
  clock.advance(40);
  queue.runDue();
  expect(ran).toEqual(['first', 'moved']);
});

test('a throwing callback loses no other timer', () => {
  const clock = new ManualClock();
  const queue = new TimerQueue(clock);
  let ran = 0;
  queue.schedule(1, () => {
    throw new Error('broken device');
  });
  queue.schedule(2, () => ran++);
  clock.advance(5);
  expect(() => queue.runDue()).toThrow('broken device');
  queue.runDue();
  expect(ran).toBe(1);
});

test('a thousand random arms, moves and cancels keep the heap in order', () => {
  const clock = new ManualClock();
  const queue = new TimerQueue(clock);
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % 1000;
  };
  const seen: number[] = [];
  const timers = Array.from({ length: 50 }, (_, i) => queue.create(() => seen.push(at[i])));
  const at: number[] = new Array(50).fill(Infinity);
  for (let i = 0; i < 1000; i++) {
    const which = random() % 50;
    at[which] = random() < 200 ? Infinity : random();
    timers[which].rearm(at[which]);
    expect(queue.nextDeadlineNs()).toBe(Math.min(...at));
  }
  clock.advance(1000);
  queue.runDue();
  expect(seen).toEqual(at.filter((t) => t !== Infinity).sort((a, b) => a - b));
});

test('a NaN deadline and a clock that goes backwards are refused', () => {
  const clock = new ManualClock(10);
  expect(() => new TimerQueue(clock).schedule(Number.NaN, () => {})).toThrow(/NaN/);
  expect(() => clock.advance(-1)).toThrow(/only goes forward/);
});
