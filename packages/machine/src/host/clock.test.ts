// Guest time against a host whose clock the test moves.
import { describe, expect, it } from 'vitest';
import { HostClock } from './clock.js';

function rig() {
  const host = { ns: 5e9, work: 0 };
  const clock = new HostClock(
    () => host.work,
    () => host.ns,
  );
  const step = (ns: number, work: number): number => {
    host.ns += ns;
    host.work += work;
    return clock.nowNs();
  };
  return { host, clock, step };
}

describe('HostClock', () => {
  it("follows the host's clock while the guest works", () => {
    const { step } = rig();
    expect(step(0, 0)).toBe(0);
    expect(step(1000, 1)).toBe(1000);
    expect(step(2e6, 100_000)).toBe(2_001_000);
  });

  it('hides a pause between two readings and makes it up within a few milliseconds', () => {
    const { step } = rig();
    const before = step(1000, 1);
    expect(step(800_000, 3) - before).toBeLessThan(10_000);
    let last = before;
    let largest = 0;
    let now = last;
    for (let i = 0; i < 6000; i++) {
      now = step(1000, 3);
      largest = Math.max(largest, i === 0 ? 0 : now - last);
      last = now;
    }
    expect(largest).toBeLessThanOrEqual(1250.001);
    expect(now).toBeCloseTo(801_000 + 6_000_000, 3);
  });

  it('shows a pause that is too long to hide', () => {
    const { step } = rig();
    expect(step(79e6, 1)).toBeLessThan(5000);
    expect(step(1e9, 1)).toBe(1e9 + 79e6);
  });

  it('takes the slow readings of a slow host for no pauses', () => {
    const { step } = rig();
    let now = 0;
    for (let i = 0; i < 2000; i++) now = step(15_000, 3);
    expect(30e6 - now).toBeLessThan(2e6);
  });

  it('never decreases and never passes the host, whatever the counters say', () => {
    const { step, clock } = rig();
    let last = 0;
    let hostNs = 0;
    for (let i = 0; i < 5000; i++) {
      const ns = (i * 7919) % 30_011;
      hostNs += ns;
      const now = step(ns, ((i * 104_729) % 2003) - 900);
      expect(now >= last && now <= hostNs && now >= hostNs - 81e6).toBe(true);
      last = now;
    }
    clock.catchUp();
    expect(clock.nowNs()).toBeCloseTo(hostNs, 3);
  });

  it('stands still between pause and resume, and goes on from there', () => {
    const { step, clock } = rig();
    step(1000, 10);
    clock.pause();
    expect(step(5e9, 0)).toBe(1000);
    clock.catchUp();
    expect(clock.nowNs()).toBe(1000);
    clock.resume();
    expect(clock.nowNs()).toBe(1000);
    expect(step(2000, 100)).toBe(3000);
  });
});
