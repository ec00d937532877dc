import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { Rtc } from './rtc.js';

const START = Date.UTC(2026, 1, 28, 23, 59, 58, 250); // a Saturday
let clock: ManualClock;
let timers: TimerQueue;
let rtc: Rtc;
let line: boolean;
let jumpMs: number;
let rises: number[];

function build(): Rtc {
  return new Rtc({
    timers,
    irq: (level) => {
      if (level && !line) rises.push(clock.nowNs());
      line = level;
    },
    wallClockMs: () => START + jumpMs + clock.nowNs() / 1e6,
    memory: { below4GiB: 0xc0000000, above4GiB: 0x140000000 },
  });
}
beforeEach(() => {
  clock = new ManualClock();
  timers = new TimerQueue(clock);
  line = false;
  jumpMs = 0;
  rises = [];
  rtc = build();
});
const read = (index: number): number => {
  rtc.writePort(0, 1, index);
  return rtc.readPort(1, 1);
};
const write = (index: number, value: number): void => {
  rtc.writePort(0, 1, index);
  rtc.writePort(1, 1, value);
};
const time = (): number[] => [0x32, 9, 8, 7, 6, 4, 2, 0].map(read);
function sleep(ms: number): void {
  const end = clock.nowNs() + ms * 1e6;
  while (timers.nextDeadlineNs() <= end) {
    clock.advanceTo(Math.max(clock.nowNs(), timers.nextDeadlineNs()));
    timers.runDue();
  }
  clock.advanceTo(end);
}

describe('time', () => {
  test('BCD, 24 hours: the registers show the wall clock and carry into the next month', () => {
    expect(time()).toEqual([0x20, 0x26, 0x02, 0x28, 0x07, 0x23, 0x59, 0x58]);
    sleep(1749);
    expect(read(0)).toBe(0x59);
    sleep(1);
    expect(time()).toEqual([0x20, 0x26, 0x03, 0x01, 0x01, 0x00, 0x00, 0x00]);
  });

  test('binary and 12 hours', () => {
    write(0x0b, 0x04);
    expect(time()).toEqual([20, 26, 2, 28, 7, 11 | 0x80, 59, 58]);
    sleep(1750);
    expect(read(4)).toBe(12);
  });

  test('UIP is set in the 2.2 ms before an update and never while SET', () => {
    expect(read(0x0a)).toBe(0x26);
    sleep(749);
    expect(read(0x0a)).toBe(0xa6);
    write(0x0b, 0x82);
    expect(read(0x0a)).toBe(0x26);
  });

  test('a time set as Linux does it runs on from there, first update after half a second', () => {
    write(0x0b, 0x82);
    write(0x0a, 0x76);
    [0x20, 0x30, 0x12, 0x31, 0x01, 0x23, 0x59, 0x59].forEach((value, i) => {
      write([0x32, 9, 8, 7, 6, 4, 2, 0][i], value);
    });
    sleep(5000);
    expect(read(0)).toBe(0x59);
    write(0x0b, 0x02);
    sleep(5000);
    write(0x0a, 0x26);
    sleep(499);
    expect(time()).toEqual([0x20, 0x30, 0x12, 0x31, 0x03, 0x23, 0x59, 0x59]);
    sleep(1);
    expect(time()).toEqual([0x20, 0x31, 0x01, 0x01, 0x04, 0x00, 0x00, 0x00]);
    jumpMs += 3600_000; // the host slept an hour: the guest's clock keeps its difference to the wall clock
    expect(read(4)).toBe(0x01);
  });

  test('nonsense in the registers neither throws nor stops the clock', () => {
    for (let i = 0; i < 10; i++) write(i, 0xff);
    write(0x32, 0xff);
    sleep(2000);
    expect(time().every((value) => value >= 0 && value <= 0xff)).toBe(true);
  });
});

describe('interrupts', () => {
  test('the update interrupt comes at each second and IRQ8 stays high until register C is read', () => {
    write(0x0b, 0x12);
    sleep(3000);
    expect(rises).toEqual([750e6]);
    expect(read(0x0c)).toBe(0xf0); // the flags of the periodic tick and of the alarm at 00:00:00 too
    expect(line).toBe(false);
    sleep(1000);
    expect(line).toBe(true);
    expect(read(0x0c) & 0x90).toBe(0x90);
    expect(read(0x0c)).toBe(0);
  });

  test('the periodic interrupt at 1024 Hz does not drift', () => {
    write(0x0b, 0x42);
    for (let i = 0; i < 1024; i++) {
      sleep((timers.nextDeadlineNs() - clock.nowNs()) / 1e6);
      expect(read(0x0c) & 0xc0).toBe(0xc0);
    }
    expect(rises.length).toBe(1024);
    expect(rises[1023] - rises[0]).toBeGreaterThan(0.999e9 - 1);
    expect(rises[1023] - rises[0]).toBeLessThan(0.99903e9);
  });

  test('rates 1 and 2 are 256 and 128 Hz, rate 0 is none', () => {
    for (const [rate, ms] of [
      [1, 3.90625],
      [2, 7.8125],
      [15, 500],
    ]) {
      write(0x0a, 0x20 | rate);
      write(0x0b, 0x42);
      read(0x0c);
      sleep(ms + 0.001);
      read(0x0c);
      const first = timers.nextDeadlineNs();
      sleep((first - clock.nowNs()) / 1e6 + 0.0001);
      read(0x0c);
      expect((timers.nextDeadlineNs() - first) / 1e6).toBeCloseTo(ms, 3);
    }
    write(0x0a, 0x20);
    expect(timers.nextDeadlineNs()).toBe(Infinity);
  });

  test('the alarm matches its time once a day, or every minute with wildcards', () => {
    write(5, 0x00);
    write(3, 0x01);
    write(1, 0x05);
    write(0x0b, 0x22);
    sleep(10_000);
    expect(line).toBe(false);
    sleep(60_000);
    expect(rises).toEqual([66_750e6]); // 00:01:05 is 66.75 s after 23:59:58.25
    expect(read(0x0c) & 0xa0).toBe(0xa0);
    sleep(3600_000);
    expect(line).toBe(false);
    write(5, 0xff);
    write(3, 0xc0);
    sleep(60_000);
    expect(line).toBe(true);
  });

  test('flags are seen by polling, without an interrupt or a timer', () => {
    read(0x0c);
    clock.advance(1e9);
    expect(read(0x0c)).toBe(0x50);
    expect(timers.nextDeadlineNs()).toBe(Infinity);
  });

  test('setting SET clears the update interrupt enable', () => {
    write(0x0b, 0x92);
    expect(read(0x0b)).toBe(0x82);
  });
});

describe('CMOS', () => {
  test('memory sizes are where firmware looks for them', () => {
    const word = (at: number): number => read(at) | (read(at + 1) << 8);
    expect([word(0x15), word(0x17), word(0x30), word(0x34)]).toEqual([640, 0xffff, 0xffff, 0xbf00]);
    expect(word(0x5b) | (read(0x5d) << 16)).toBe(0x14000);
  });

  test('bit 7 of the index masks NMI, RAM keeps what is written, D is read-only', () => {
    write(0x80 | 0x0f, 0x5a);
    expect(rtc.nmiMasked).toBe(true);
    expect(read(0x0f)).toBe(0x5a);
    expect(rtc.nmiMasked).toBe(false);
    write(0x0d, 0);
    expect(read(0x0d)).toBe(0x80);
    rtc.setCmos(0x5f, 3);
    expect(read(0x5f)).toBe(3);
    expect(() => rtc.setCmos(0x0a, 0)).toThrow(/cannot be set/);
  });
});

test('a restored clock goes on, and a damaged state is refused', () => {
  write(0x0b, 0x12);
  write(0x40, 0x77);
  sleep(100);
  const saved = structuredClone(rtc.save());
  rtc = build();
  rtc.restore(saved);
  expect(rtc.save()).toEqual(saved);
  expect(read(0x40)).toBe(0x77);
  rises = [];
  sleep(700);
  expect(rises.length).toBe(1);
  expect(() => rtc.restore({ ...saved, cmos: [1, 2] })).toThrow(/cmos must be an array of 128/);
  expect(() => rtc.restore({ ...saved, offsetMs: 1e300 })).toThrow(/offsetMs/);
});
