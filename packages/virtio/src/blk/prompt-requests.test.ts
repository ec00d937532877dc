// Requests whose data the host has at hand.
import { expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import * as B from '../spec/blk.js';
import { ArrayDisk } from '../testing/array-disk.js';
import { MockDriver } from '../testing/mock-driver.js';
import { BlkDevice } from './blk-device.js';

const PROMPT_BYTES = 64 * 1024;
const SECTOR = 512;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A disk that has everything at hand, unless `isAway`. */
class PromptDisk extends ArrayDisk {
  isAway = false;

  readNow(sector: number, targets: readonly Uint8Array[]): boolean {
    return this.#move('readNow', sector, targets, (at, target) =>
      target.set(this.bytes.subarray(at, at + target.length)),
    );
  }

  writeNow(sector: number, sources: readonly Uint8Array[]): boolean {
    return this.#move('writeNow', sector, sources, (at, source) => this.bytes.set(source, at));
  }

  #move(
    what: string,
    sector: number,
    buffers: readonly Uint8Array[],
    move: (at: number, buffer: Uint8Array) => void,
  ): boolean {
    if (this.isAway) return false;
    this.log.push(`${what} ${sector} ${buffers.map(({ length }) => length).join('+')}`);
    let at = sector * SECTOR;
    for (const buffer of buffers) {
      move(at, buffer);
      at += buffer.length;
    }
    return true;
  }
}

deviceContract('block, with a disk that has all at hand,', () => {
  const device = new BlkDevice({ disk: new PromptDisk(64), promptBytes: PROMPT_BYTES });
  device.sliceBegins();
  return device;
});

function attached(options: { isReadOnly?: boolean } = {}) {
  const disk = new PromptDisk(4096);
  disk.bytes.forEach((_, i) => {
    disk.bytes[i] = (i >> 9) + i;
  });
  const device = new BlkDevice({ disk, promptBytes: PROMPT_BYTES, ...options });
  const driver = new MockDriver(device).start();
  device.sliceBegins();
  const header = (type: number, sector: number) => {
    const view = new DataView(new ArrayBuffer(16));
    view.setUint32(0, type, true);
    view.setBigUint64(8, BigInt(sector), true);
    return driver.range(new Uint8Array(view.buffer));
  };
  return { disk, device, driver, header };
}

it('a read of what the host has at hand is answered within the notification, wherever its bytes go', () => {
  const { disk, driver, header } = attached();
  const pieces = [driver.range(100), driver.range(1024 - 100), driver.range(1)];
  const id = driver.add(0, [header(B.VIRTIO_BLK_T_IN, 3)], pieces);
  expect(driver.queues[0].take()).toEqual({ id, written: 1025 });
  const data = pieces.flatMap((piece) => [...driver.bytes(piece)]);
  expect(data).toEqual([...disk.bytes.slice(3 * SECTOR, 5 * SECTOR), B.VIRTIO_BLK_S_OK]);
  expect(disk.log).toEqual(['readNow 3 100+924']);
  expect(driver.registers.takeInterrupts().queue).toBe(true);
});

it('so is a write, however it is cut', () => {
  const { disk, driver, header } = attached();
  const { at } = header(B.VIRTIO_BLK_T_OUT, 7);
  const data = driver.range(new Uint8Array(SECTOR).fill(0xa5));
  expect(data.at).toBe(at + 16);
  const id = driver.add(
    0,
    [
      { at, byteLength: 10 },
      { at: at + 10, byteLength: 106 },
      { at: at + 116, byteLength: 412 },
    ],
    [driver.range(1)],
  );
  expect(driver.queues[0].take()).toEqual({ id, written: 1 });
  expect(disk.bytes.slice(7 * SECTOR, 8 * SECTOR)).toEqual(new Uint8Array(SECTOR).fill(0xa5));
  expect(disk.log).toEqual(['writeNow 7 100+412']);
});

it('what is not at hand is done between slices', async () => {
  const { disk, device, driver, header } = attached();
  disk.isAway = true;
  driver.add(0, [header(B.VIRTIO_BLK_T_IN, 3)], [driver.range(513)]);
  expect([driver.queues[0].take(), device.isBusy]).toEqual([null, true]);
  await settle();
  expect(driver.queues[0].take()?.written).toBe(513);
  expect(disk.log).toEqual(['read 3+1']);
});

it('a slice has only so much moved at once, the next one as much again', async () => {
  const { disk, device, driver, header } = attached();
  const read = () => driver.add(0, [header(B.VIRTIO_BLK_T_IN, 0)], [driver.range(16 * SECTOR + 1)]);
  for (let i = 0; i < 8; i++) read();
  // A request counts for more than its data.
  expect(disk.log.filter((what) => what.startsWith('readNow')).length).toBe(4);
  expect(disk.log.filter((what) => what.startsWith('read ')).length).toBe(4);
  await settle();
  device.sliceBegins();
  read();
  expect(disk.log.at(-1)).toBe(`readNow 0 ${16 * SECTOR}`);
});

it('a write is never done at once on a disk without a write cache, nor on one that may not be changed', async () => {
  const { disk, driver, header } = attached();
  driver.registers.writeConfig(B.BLK_CONFIG_WRITEBACK, 1, 0);
  const write = (to: MockDriver, at: ReturnType<typeof header>) =>
    to.add(0, [at, to.range(new Uint8Array(SECTOR))], [to.range(1)]);
  write(driver, header(B.VIRTIO_BLK_T_OUT, 1));
  await settle();
  expect(disk.log).toEqual(['write 1+1', 'flush']);

  const fixed = attached({ isReadOnly: true });
  write(fixed.driver, fixed.header(B.VIRTIO_BLK_T_OUT, 1));
  fixed.driver.add(0, [fixed.header(B.VIRTIO_BLK_T_IN, 2)], [fixed.driver.range(SECTOR + 1)]);
  expect(fixed.disk.log).toEqual([`readNow 2 ${SECTOR}`]);
});
