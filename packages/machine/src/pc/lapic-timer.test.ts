import { beforeEach, describe, expect, test } from 'vitest';
import { LapicMsr } from './lapic-msr.js';
import { TestingLapic } from './testing-lapic.contract.js';

let advance: TestingLapic['advance'];
let enable: TestingLapic['enable'];
let eoi: TestingLapic['eoi'];
let lapic: TestingLapic['lapic'];
let read: TestingLapic['read'];
let timers: TestingLapic['timers'];
let write: TestingLapic['write'];

beforeEach(() => {
  ({ advance, enable, eoi, lapic, read, timers, write } = new TestingLapic());
});

describe('timer', () => {
  test('one-shot counts down at 1 GHz / divider and fires once', () => {
    enable();
    write(0x320, 0x40);
    write(0x3e0, 3); // divide by 16
    write(0x380, 1000);
    advance(8000);
    expect(read(0x390)).toBe(500);
    expect(lapic.interruptPending).toBe(false);
    advance(8000);
    expect(read(0x390)).toBe(0);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    advance(1e9);
    expect(lapic.interruptPending).toBe(false);
  });

  test('the calibration of Linux measures the bus frequency from the current count', () => {
    enable();
    write(0x320, 0x10000);
    write(0x3e0, 3);
    write(0x380, 0xffffffff);
    const before = read(0x390);
    advance(100e6);
    expect((before - read(0x390)) * 16 * 10).toBe(1e9);
  });

  test('periodic reloads, and delivers every period when late, four times as fast, in its phase at the end', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    advance(1_000_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(read(0x390)).toBe(1_000_000);
    advance(3_400_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(lapic.interruptPending).toBe(false);
    expect(timers.nextDeadlineNs()).toBe(4_650_000);
    advance(250_000);
    expect(lapic.acknowledge()).toBe(0x40);
    advance(250_000);
    eoi();
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(timers.nextDeadlineNs()).toBe(5_000_000);
  });

  test('a period whose interrupt finds the one before still waiting is delivered later, not lost', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    for (let i = 0; i < 5; i++) advance(1_000_000);
    let taken = 0;
    for (let i = 0; i < 30; i++) {
      if (lapic.interruptPending && lapic.acknowledge() === 0x40) {
        taken++;
        eoi();
      }
      advance(50_000);
    }
    expect(taken).toBe(6);
    expect(timers.nextDeadlineNs()).toBe(7_000_000);
  });

  test('more than a second of missed periods is dropped', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1_000_000);
    advance(5_000_400_000);
    expect(lapic.acknowledge()).toBe(0x40);
    eoi();
    expect(timers.nextDeadlineNs()).toBe(5_001_000_000);
  });

  test('a hostile period of one tick fires at most every 20 µs', () => {
    enable();
    write(0x3e0, 0xb);
    write(0x320, 0x20040);
    write(0x380, 1);
    advance(100);
    expect(timers.nextDeadlineNs()).toBeGreaterThanOrEqual(20_000);
  });

  test('TSC deadline fires when the counter gets there, or at once when it is past', () => {
    enable();
    const msr = new LapicMsr(lapic, false);
    write(0x320, 0x40041);
    expect(msr.write(0x6e0, 4_000_000, 0)).toBe(true);
    advance(1_999_999);
    expect(lapic.interruptPending).toBe(false);
    advance(1);
    expect(lapic.acknowledge()).toBe(0x41);
    eoi();
    msr.read(0x6e0);
    expect(msr.low).toBe(0);
    msr.write(0x6e0, 1, 0);
    expect(lapic.acknowledge()).toBe(0x41);
    eoi();
    msr.write(0x6e0, 0xffffffff, 0xffffffff);
    advance(1e12);
    expect(lapic.interruptPending).toBe(false);
  });
});
