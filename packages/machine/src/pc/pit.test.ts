import { beforeEach, describe, expect, test } from 'vitest';
import { PortBus } from '../bus.js';
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { Pit } from './pit.js';
import { Port61 } from './port-61.js';
import { TickRate } from './tick-rate.js';

const rate = new TickRate(1193182);
let clock: ManualClock;
let timers: TimerQueue;
let pit: Pit;
let bus: PortBus;
let edges: number[];
let level: boolean;
let tick: number;

const out = (port: number, value: number): void => bus.write(port, 1, value);
const inb = (port: number): number => bus.read(port, 1);
/** Moves to tick `to`, running timers at each of their deadlines as an idle run loop does. */
function goTo(to: number): void {
  const end = rate.nsAt(to);
  while (timers.nextDeadlineNs() <= end) {
    clock.advanceTo(Math.max(timers.nextDeadlineNs(), clock.nowNs()));
    timers.runDue();
  }
  clock.advanceTo(end);
  tick = to;
}
const step = (ticks: number): void => goTo(tick + ticks);
const count = (channel: number): number => {
  out(0x43, channel << 6);
  return inb(0x40 + channel) | (inb(0x40 + channel) << 8);
};
const status = (channel: number): number => {
  out(0x43, 0xe0 | (2 << channel));
  return inb(0x40 + channel);
};
function program(channel: number, mode: number, value: number, bcd = 0): void {
  out(0x43, (channel << 6) | 0x30 | (mode << 1) | bcd);
  out(0x40 + channel, value & 0xff);
  out(0x40 + channel, value >> 8);
}
/** OUT of a channel, by read-back status, at each of the next `ticks` ticks. */
function wave(channel: number, ticks: number): string {
  let text = '';
  for (let i = 0; i < ticks; i++) {
    step(1);
    text += (status(channel) & 0x80) !== 0 ? '1' : '0';
  }
  return text;
}

beforeEach(() => {
  clock = new ManualClock();
  timers = new TimerQueue(clock);
  edges = [];
  level = false;
  pit = new Pit(timers, (l) => {
    if (l) edges.push(rate.ticksAt(clock.nowNs()));
    level = l;
  });
  bus = new PortBus();
  bus.claim({ name: 'pit', first: 0x40, count: 4, width: 1, device: pit });
  bus.claim({ name: 'port 61', first: 0x61, count: 1, width: 1, device: new Port61(pit) });
  tick = 0;
  goTo(1000);
});

describe('modes, seen through read-back', () => {
  test('mode 0: OUT goes high N + 1 clocks after the write and the counter goes on through zero', () => {
    program(0, 0, 4);
    expect(wave(0, 8)).toBe('00001111');
    expect(count(0)).toBe(0xfffd);
  });

  test('mode 2: OUT is low for the last clock of each cycle and a new count waits for its end', () => {
    program(0, 2, 4);
    expect(wave(0, 6)).toBe('111011');
    out(0x40, 3);
    out(0x40, 0);
    expect(wave(0, 7)).toBe('1011011');
  });

  test('mode 3: a square wave, one clock longer high for odd counts, counting by two', () => {
    program(0, 3, 5);
    expect(wave(0, 10)).toBe('1110011100');
    program(0, 3, 6);
    const counts: number[] = [];
    for (let i = 0; i < 6; i++) {
      step(1);
      counts.push(count(0));
    }
    expect(counts).toEqual([6, 4, 2, 6, 4, 2]);
  });

  test('mode 4: a strobe of one clock, once', () => {
    program(0, 4, 3);
    expect(wave(0, 8)).toBe('11101111');
  });

  test('mode 1: a gate edge starts a one-shot, another one starts it anew', () => {
    program(2, 1, 3);
    expect(wave(2, 3)).toBe('111');
    out(0x61, 1);
    expect(wave(2, 2)).toBe('00');
    out(0x61, 0);
    out(0x61, 1);
    expect(wave(2, 5)).toBe('00011');
  });

  test('mode 5: a gate edge starts the strobe', () => {
    program(2, 5, 2);
    expect(wave(2, 4)).toBe('1111');
    out(0x61, 1);
    expect(wave(2, 5)).toBe('11011');
  });

  test('the gate holds mode 0 and restarts mode 2', () => {
    out(0x61, 1);
    program(2, 0, 100);
    step(11);
    expect(count(2)).toBe(90);
    out(0x61, 0);
    step(50);
    expect(count(2)).toBe(90);
    out(0x61, 1);
    step(10);
    expect(count(2)).toBe(80);
    program(2, 2, 100);
    step(31);
    expect(count(2)).toBe(70);
    out(0x61, 0);
    expect(inb(0x61) & 0x20).toBe(0x20);
    out(0x61, 1);
    step(11);
    expect(count(2)).toBe(90);
  });
});

describe('access', () => {
  test('a BCD counter reads decimal digits and zero means 10,000', () => {
    program(0, 2, 0x1000, 1);
    step(2);
    expect(count(0)).toBe(0x0999);
    program(0, 0, 0, 1);
    step(2);
    expect(count(0)).toBe(0x9999);
  });

  test('a latched count keeps until it is read, and a second latch command is ignored', () => {
    program(0, 2, 0);
    step(1 + 0x1234);
    out(0x43, 0);
    step(100);
    out(0x43, 0);
    expect([inb(0x40), inb(0x40)]).toEqual([0xcc, 0xed]);
    expect(inb(0x40)).toBe(0x68);
  });

  test('low-only and high-only access move one byte', () => {
    out(0x43, 0x10);
    out(0x40, 50);
    step(11);
    expect([inb(0x40), inb(0x40)]).toEqual([40, 40]);
    out(0x43, 0x20);
    out(0x40, 2);
    step(1 + 0x80);
    expect([inb(0x40), inb(0x40)]).toEqual([1, 1]);
  });

  test('read-back latches status first, then the count, and shows the null count', () => {
    program(0, 2, 1000);
    expect(status(0)).toBe(0x80 | 0x40 | 0x34);
    step(11);
    out(0x43, 0xc2);
    expect([inb(0x40), inb(0x40), inb(0x40)]).toEqual([0xb4, 990 & 0xff, 990 >> 8]);
  });
});

describe('IRQ0', () => {
  test('HZ=250 comes every 4773 ticks for ever, without drift', () => {
    program(0, 2, 4773);
    const start = tick + 1;
    goTo(start + 4773 * 500);
    expect(edges.length).toBe(500);
    expect(edges.every((t, i) => t === start + 4773 * (i + 1))).toBe(true);
  });

  test('mode 0 and mode 4 interrupt once', () => {
    program(0, 0, 100);
    expect(level).toBe(false);
    step(500);
    expect(edges).toEqual([1101]);
    program(0, 4, 100);
    edges.length = 0;
    step(500);
    expect(edges).toEqual([1500 + 1 + 101]);
  });

  test('a late host delivers every lost edge, spread out, and the phase stays', () => {
    program(0, 2, 1193); // 1 ms
    const start = tick + 1;
    clock.advanceTo(rate.nsAt(start + 1193 * 10));
    timers.runDue();
    expect(edges.length).toBe(1);
    goTo(start + 1193 * 20);
    expect(edges.length).toBe(20);
    expect(edges[19]).toBe(start + 1193 * 20);
  });

  test('an edge that finds the one before still waiting is delivered later, not lost', () => {
    let waits = false;
    let rises = 0;
    const held = new Pit(
      timers,
      (l) => {
        if (l) rises++;
      },
      () => waits,
    );
    held.writePort(3, 1, 0x34);
    held.writePort(0, 1, 0xa9); // 1193 ticks: 1 ms
    held.writePort(0, 1, 0x04);
    rises = 0;
    step(1193 * 2 + 10);
    expect(rises).toBe(2);
    waits = true;
    step(1193 * 4);
    expect(rises).toBe(2);
    waits = false;
    step(1193 * 3);
    expect(rises).toBe(9);
  });

  test('more than a second of lost edges is dropped', () => {
    program(0, 2, 1193);
    clock.advance(60e9);
    timers.runDue();
    tick = rate.ticksAt(clock.nowNs());
    const before = tick;
    step(1193 * 10);
    expect(edges.length).toBeLessThanOrEqual(12);
    expect(edges.length).toBeGreaterThanOrEqual(10);
    expect((edges[edges.length - 1] - 1001) % 1193).toBe(0);
    expect(edges[1]).toBeGreaterThan(before);
  });

  test('a count of two cannot flood the host', () => {
    program(0, 2, 2);
    step(119318); // 0.1 s
    expect(edges.length).toBeLessThanOrEqual(2001);
  });
});

describe('port 0x61', () => {
  test('the calibration loop of Linux sees OUT2 rise 50 ms after the count', () => {
    out(0x61, (inb(0x61) & ~0x02) | 0x01);
    program(2, 0, 59659);
    let ticks = 0;
    while ((inb(0x61) & 0x20) === 0) {
      step(1);
      ticks++;
    }
    expect(ticks).toBe(59660);
  });

  test('the refresh bit toggles every 18 ticks of the timer clock', () => {
    let toggles = 0;
    let last = inb(0x61) & 0x10;
    for (let i = 0; i < 1800; i++) {
      step(1);
      const bit = inb(0x61) & 0x10;
      if (bit !== last) toggles++;
      last = bit;
    }
    expect(toggles).toBe(100);
  });
});

describe('saved state', () => {
  test('a restored timer counts and interrupts on', () => {
    program(0, 2, 5000);
    program(2, 3, 777);
    step(1234);
    const saved = structuredClone(pit.save());
    const copyEdges: number[] = [];
    const copy = new Pit(timers, (l) => {
      if (l) copyEdges.push(rate.ticksAt(clock.nowNs()));
    });
    copy.restore(saved);
    expect(copy.save()).toEqual(saved);
    edges.length = 0;
    step(20000);
    expect(copyEdges).toEqual(edges);
    expect(copyEdges.length).toBe(4);
  });

  test('a damaged state is refused and changes nothing', () => {
    program(0, 2, 5000);
    const saved = pit.save();
    const channels = saved.channels.map((c, i) => (i === 2 ? { ...c, period: 0 } : c));
    expect(() => pit.restore({ ...saved, channels })).toThrow(/period must be an integer in 1/);
    expect(() => pit.restore({ ...saved, wakeNs: Number.NaN })).toThrow(/wakeNs/);
    expect(pit.save()).toEqual(saved);
  });
});
