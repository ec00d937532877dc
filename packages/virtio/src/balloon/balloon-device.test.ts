import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import * as B from '../spec/balloon.js';
import { featureMask } from '../spec/feature.js';
import { MockDriver, type MockDriverOptions } from '../testing/mock-driver.js';
import { ringKinds } from '../testing/queue-pair.js';
import { BalloonDevice, type BalloonDeviceOptions } from './balloon-device.js';
import type { BalloonStatistics } from './balloon-statistics.js';

const INFLATE = 0;
const DEFLATE = 1;
const STATISTICS = 2;
const REPORTING = 3;
const MIB = 1 << 20;

function attached(options: BalloonDeviceOptions = {}, start: MockDriverOptions = {}) {
  const released: number[][] = [];
  const told: BalloonStatistics[] = [];
  const device = new BalloonDevice({
    release: (...range) => released.push(range),
    onStatistics: (statistics) => told.push(statistics),
    ...options,
  });
  const driver = new MockDriver(device).start(start);
  const { registers } = driver;
  const send = (queue: number, pages: readonly number[]): void => {
    driver.add(queue, [driver.range(new Uint8Array(Uint32Array.from(pages).buffer))]);
    expect(driver.queues[queue].take()?.written).toBe(0);
  };
  const tell = (statistics: readonly (readonly [tag: number, value: bigint])[]): void => {
    const view = new DataView(new ArrayBuffer(B.BALLOON_STAT_BYTES * statistics.length));
    for (const [i, [tag, value]] of statistics.entries()) {
      view.setUint16(i * B.BALLOON_STAT_BYTES, tag, true);
      view.setBigUint64(i * B.BALLOON_STAT_BYTES + 2, value, true);
    }
    driver.add(STATISTICS, [driver.range(new Uint8Array(view.buffer))]);
  };
  return { device, driver, registers, released, send, tell, told };
}

deviceContract('a balloon', () => new BalloonDevice({ targetBytes: 8 * MIB }));
deviceContract('a balloon that gives pages on', () => new BalloonDevice({ release: () => {} }));

describe('a balloon device', () => {
  it('says how large it should be, and hears how large it is', () => {
    const { device, registers } = attached({ targetBytes: 8 * MIB + 4095 });
    expect(registers.readConfig(B.BALLOON_CONFIG_NUM_PAGES, 4)).toBe(2048);
    registers.writeConfig(B.BALLOON_CONFIG_NUM_PAGES, 4, 7);
    registers.writeConfig(B.BALLOON_CONFIG_ACTUAL, 4, 256);
    expect([device.targetBytes, device.actualBytes]).toEqual([8 * MIB, MIB]);
    device.setTarget(16 * MIB);
    expect(registers.takeInterrupts().config).toBe(true);
    expect(registers.readConfig(B.BALLOON_CONFIG_NUM_PAGES, 4)).toBe(4096);
    for (const bad of [-1, 2 ** 44, Number.NaN])
      expect(() => device.setTarget(bad)).toThrow(RangeError);
    registers.setStatus(0);
    expect([device.targetBytes, device.actualBytes]).toEqual([16 * MIB, 0]);
  });

  it('takes pages, and hands those on that follow one another together', () => {
    const { released, send } = attached();
    send(INFLATE, [16, 17, 18, 5, 9, 10, 0xffff_ffff]);
    expect(released).toEqual([
      [16 * 4096, 3 * 4096],
      [5 * 4096, 4096],
      [9 * 4096, 2 * 4096],
      [0xffff_ffff * 4096, 4096],
    ]);
    send(DEFLATE, [16, 17]);
    send(INFLATE, []);
    expect(released).toHaveLength(4);
    send(
      INFLATE,
      Array.from({ length: 40_000 }, (_, i) => 100_000 + i),
    );
    expect(released[4]).toEqual([100_000 * 4096, 16_384 * 4096]);
  });

  it('is told of free pages only if somebody wants them', () => {
    const reporting = featureMask(B.VIRTIO_BALLOON_F_PAGE_REPORTING);
    const silent = new BalloonDevice({ deflatesOnOom: false });
    expect(silent.features).toBe(featureMask(B.VIRTIO_BALLOON_F_STATS_VQ));
    expect(silent.queueSizes).toHaveLength(REPORTING);
    const { device, driver, registers, released } = attached();
    expect(device.features & reporting).toBe(reporting);
    const pieces = [2 * MIB, MIB].map((byteLength) => ({ at: 4096, byteLength: byteLength / 4 }));
    driver.add(REPORTING, [], pieces);
    expect(driver.queues[REPORTING].take()?.written).toBe(0);
    expect(released).toEqual([
      [4096, MIB / 2],
      [4096, MIB / 4],
    ]);
    registers.writeConfig(B.BALLOON_CONFIG_POISON_VAL, 4, 0xaaaa_aaaa);
    driver.add(REPORTING, [], pieces);
    expect(driver.queues[REPORTING].take()?.written).toBe(0);
    expect(released).toHaveLength(2);
  });

  it.each(ringKinds)('asks for statistics by giving a buffer of a %s ring back', (kind) => {
    const { device, driver, tell, told } = attached({}, { kind });
    expect(device.requestStatistics()).toBe(false);
    tell([
      [B.VIRTIO_BALLOON_S_MEMFREE, 5n],
      [B.VIRTIO_BALLOON_S_MEMTOT, 2n ** 33n],
      [77, 1n],
    ]);
    expect(told).toEqual([{ freeBytes: 5, totalBytes: 2 ** 33 }]);
    expect(driver.queues[STATISTICS].take()).toBeNull();
    const second: BalloonStatistics[] = [];
    const restored = new BalloonDevice({
      release: () => {},
      onStatistics: (statistics) => second.push(statistics),
    });
    const other = new MockDriver(restored);
    other.memory.bytes.set(driver.memory.bytes);
    other.registers.restore(structuredClone(driver.registers.save()));
    expect(second).toEqual(told);
    expect([1, 2].map(() => restored.requestStatistics())).toEqual([true, false]);
    expect(other.registers.takeInterrupts().queue).toBe(true);
    expect([device.requestStatistics(), driver.queues[STATISTICS].take()?.written]).toEqual([
      true,
      0,
    ]);
  });

  it('keeps one statistics buffer, and none after a reset of its queue', () => {
    const { device, driver, registers, tell, told } = attached();
    tell([[B.VIRTIO_BALLOON_S_MAJFLT, 1n]]);
    tell([[B.VIRTIO_BALLOON_S_MAJFLT, 2n]]);
    expect(told).toEqual([{ majorFaults: 1 }, { majorFaults: 2 }]);
    expect(driver.queues[STATISTICS].take()?.written).toBe(0);
    registers.resetQueue(STATISTICS);
    expect(device.requestStatistics()).toBe(false);
    expect(driver.failures).toEqual([]);
  });
});
