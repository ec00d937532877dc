import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import * as B from '../spec/blk.js';
import { featureMask } from '../spec/feature.js';
import { ArrayDisk } from '../testing/array-disk.js';
import { MockDriver, type MockDriverOptions } from '../testing/mock-driver.js';
import { BlkDevice, type BlkDeviceOptions } from './blk-device.js';

deviceContract('block', () => new BlkDevice({ disk: new ArrayDisk(64), queueCount: 2 }));

const SECTORS = 64;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function attached(
  options: Partial<BlkDeviceOptions> = {},
  start: MockDriverOptions = {},
  isReadOnly = false,
) {
  const disk = new ArrayDisk(SECTORS, isReadOnly);
  for (let i = 0; i < disk.bytes.length; i++) disk.bytes[i] = (i >> 9) + i;
  const driver = new MockDriver(new BlkDevice({ disk, ...options })).start(start);

  /** A request's header. */
  const header = (type: number, sector: number): Uint8Array => {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, type, true);
    view.setBigUint64(8, BigInt(sector), true);
    return bytes;
  };

  /** Sends a request, waits, and returns its status and used length; -1 if it was not answered. */
  const request = async (
    type: number,
    sector: number,
    out: Uint8Array = new Uint8Array(),
    room = 0,
    queue = 0,
  ) => {
    const status = driver.range(Uint8Array.of(0xee));
    const data = driver.range(room);
    const id = driver.add(
      queue,
      [driver.range(header(type, sector)), driver.range(out)].filter((r) => r.byteLength > 0),
      [data, status].filter((r) => r.byteLength > 0),
    );
    await settle();
    const used = driver.queues[queue].take();
    if (used) expect(used.id).toBe(id);
    return {
      status: used ? driver.bytes(status)[0] : -1,
      written: used?.written ?? -1,
      data: driver.bytes(data),
    };
  };
  return { disk, driver, request };
}

/** A range of a discard or write-zeroes request. */
function range(sector: number, count: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return bytes;
}

describe('a block device', () => {
  it('reads, writes and flushes', async () => {
    const { disk, driver, request } = attached();
    const read = await request(B.VIRTIO_BLK_T_IN, 3, undefined, 1024);
    expect([read.status, read.written]).toEqual([B.VIRTIO_BLK_S_OK, 1025]);
    expect(read.data).toEqual(disk.bytes.slice(3 * 512, 5 * 512));
    const source = new Uint8Array(1536).fill(0xa5);
    expect(await request(B.VIRTIO_BLK_T_OUT, 61, source)).toMatchObject({ status: 0, written: 1 });
    expect(disk.bytes.slice(61 * 512)).toEqual(source);
    expect(await request(B.VIRTIO_BLK_T_FLUSH, 0)).toMatchObject({ status: 0, written: 1 });
    expect(disk.log).toEqual(['read 3+2', 'write 61+3', 'flush']);
    expect(driver.registers.takeInterrupts().queue).toBe(true);
  });

  it('does not care how a request is cut', async () => {
    const { disk, driver } = attached();
    const bytes = driver.range(new Uint8Array(16));
    new DataView(driver.memory.bytes.buffer).setUint32(bytes.at + 8, 5, true);
    const whole = driver.range(513);
    const cut = (from: number, to: number, base: number) => ({
      at: base + from,
      byteLength: to - from,
    });
    const id = driver.add(
      0,
      [cut(0, 1, bytes.at), cut(1, 11, bytes.at), cut(11, 16, bytes.at)],
      [cut(0, 7, whole.at), cut(7, 500, whole.at), cut(500, 513, whole.at)],
    );
    await settle();
    expect(driver.queues[0].take()).toEqual({ id, written: 513 });
    expect(driver.bytes(whole).slice(0, 512)).toEqual(disk.bytes.slice(5 * 512, 6 * 512));
    expect(driver.bytes(whole)[512]).toBe(0);
  });

  it('moves long requests in pieces', async () => {
    const disk = new ArrayDisk(6000);
    disk.bytes.forEach((_, i) => {
      disk.bytes[i] = (i >> 8) ^ i;
    });
    const driver = new MockDriver(new BlkDevice({ disk })).start();
    const byteLength = 3000 * 512;
    const header = driver.range(new Uint8Array(16));
    const room = driver.range(byteLength + 1);
    driver.add(0, [header], [room]);
    for (let i = 0; i < 5; i++) await settle();
    expect(disk.log).toEqual(['read 0+2048', 'read 2048+952']);
    expect(driver.queues[0].take()?.written).toBe(byteLength + 1);
    expect(
      Buffer.compare(
        driver.bytes(room).subarray(0, byteLength),
        disk.bytes.subarray(0, byteLength),
      ),
    ).toBe(0);
  });

  it('says who it is, and how large', async () => {
    const { driver, request } = attached({ id: 'PROXENY-1' });
    const { data, status, written } = await request(B.VIRTIO_BLK_T_GET_ID, 0, undefined, 20);
    expect([status, written]).toEqual([0, 21]);
    expect(new TextDecoder().decode(data)).toBe('PROXENY-1'.padEnd(20, '\0'));
    const { registers } = driver;
    expect(registers.readConfig(B.BLK_CONFIG_CAPACITY, 4)).toBe(SECTORS);
    expect(registers.readConfig(B.BLK_CONFIG_BLK_SIZE, 4)).toBe(512);
    expect(registers.readConfig(B.BLK_CONFIG_PHYSICAL_BLOCK_EXP, 1)).toBe(3);
  });

  it('discards and zeroes ranges', async () => {
    const { disk, request } = attached();
    const ranges = Uint8Array.from([...range(1, 2), ...range(10, 3, 1)]);
    expect(await request(B.VIRTIO_BLK_T_WRITE_ZEROES, 0, ranges)).toMatchObject({ status: 0 });
    expect(await request(B.VIRTIO_BLK_T_DISCARD, 0, range(20, 44))).toMatchObject({ status: 0 });
    expect(disk.log).toEqual(['zeroes 1+2', 'zeroes 10+3', 'discard 20+44']);
  });

  it('answers what cannot be done with an error, and does not ask the disk', async () => {
    const { disk, request } = attached();
    const ioError = B.VIRTIO_BLK_S_IOERR;
    const unsupported = B.VIRTIO_BLK_S_UNSUPP;
    for (const [type, sector, out, room, status] of [
      [B.VIRTIO_BLK_T_IN, 64, 0, 512, ioError],
      [B.VIRTIO_BLK_T_IN, 2 ** 53, 0, 512, ioError],
      [B.VIRTIO_BLK_T_IN, 63, 0, 1024, ioError],
      [B.VIRTIO_BLK_T_IN, 0, 0, 500, ioError],
      [B.VIRTIO_BLK_T_OUT, 63, 1024, 0, ioError],
      [B.VIRTIO_BLK_T_OUT, 0, 511, 0, ioError],
      [B.VIRTIO_BLK_T_GET_ID, 0, 0, 19, ioError],
      [B.VIRTIO_BLK_T_DISCARD, 0, 15, 0, ioError],
      [B.VIRTIO_BLK_T_DISCARD, 0, 16 * 17, 0, ioError],
      [2, 0, 0, 512, unsupported],
      [0xffff_ffff, 0, 0, 0, unsupported],
    ] as const)
      expect(await request(type, sector, new Uint8Array(out), room)).toMatchObject({
        status,
        written: room === 0 ? 1 : 0,
      });
    for (const [type, bytes, status] of [
      [B.VIRTIO_BLK_T_DISCARD, range(0, 65), ioError],
      [B.VIRTIO_BLK_T_DISCARD, range(2 ** 60, 1), ioError],
      [B.VIRTIO_BLK_T_DISCARD, range(0, 1, 1), unsupported],
      [B.VIRTIO_BLK_T_WRITE_ZEROES, range(0, 1, 2), unsupported],
    ] as const)
      expect(await request(type, 0, bytes)).toMatchObject({ status, written: 1 });
    expect(disk.log).toEqual([]);
  });

  it('is read-only if its disk or its owner wants that', async () => {
    for (const { request, driver, disk } of [
      attached({}, {}, true),
      attached({ isReadOnly: true }),
    ]) {
      expect(driver.features & featureMask(B.VIRTIO_BLK_F_RO)).not.toBe(0n);
      expect(driver.features & featureMask(B.VIRTIO_BLK_F_DISCARD)).toBe(0n);
      const source = new Uint8Array(512);
      expect((await request(B.VIRTIO_BLK_T_OUT, 0, source)).status).toBe(B.VIRTIO_BLK_S_IOERR);
      expect((await request(B.VIRTIO_BLK_T_DISCARD, 0, range(0, 1))).status).toBe(1);
      expect((await request(B.VIRTIO_BLK_T_IN, 0, undefined, 512)).status).toBe(B.VIRTIO_BLK_S_OK);
      expect((await request(B.VIRTIO_BLK_T_FLUSH, 0)).status).toBe(B.VIRTIO_BLK_S_OK);
      expect(disk.log).toEqual(['read 0+1', 'flush']);
    }
  });

  it('reports what the disk could not do', async () => {
    const { disk, request } = attached();
    disk.isBroken = true;
    expect(await request(B.VIRTIO_BLK_T_IN, 0, undefined, 512)).toMatchObject({
      status: B.VIRTIO_BLK_S_IOERR,
      written: 0,
    });
    expect((await request(B.VIRTIO_BLK_T_FLUSH, 0)).status).toBe(B.VIRTIO_BLK_S_IOERR);
    disk.isBroken = false;
    expect((await request(B.VIRTIO_BLK_T_FLUSH, 0)).status).toBe(B.VIRTIO_BLK_S_OK);
  });

  it('makes each write stable for a driver without flush, or one that switched the cache off', async () => {
    const plain = attached({}, { features: 0n });
    await plain.request(B.VIRTIO_BLK_T_OUT, 0, new Uint8Array(512));
    expect(plain.disk.log).toEqual(['write 0+1', 'flush']);
    const { disk, driver, request } = attached();
    driver.registers.writeConfig(B.BLK_CONFIG_WRITEBACK, 1, 0);
    driver.registers.writeConfig(B.BLK_CONFIG_CAPACITY, 4, 1);
    await request(B.VIRTIO_BLK_T_OUT, 0, new Uint8Array(512));
    await request(B.VIRTIO_BLK_T_DISCARD, 0, range(0, 1));
    expect(disk.log).toEqual(['write 0+1', 'flush', 'discard 0+1', 'flush']);
    expect(driver.registers.readConfig(B.BLK_CONFIG_CAPACITY, 4)).toBe(SECTORS);
  });

  it('needs a reset after a buffer that holds no request', async () => {
    for (const [out, room] of [
      [15, 1],
      [16, 0],
      [0, 1],
    ]) {
      const { driver } = attached();
      const ranges = (byteLength: number) => (byteLength ? [driver.range(byteLength)] : []);
      driver.add(0, ranges(out), ranges(room));
      driver.add(0, ranges(16), ranges(1));
      expect(driver.failures).toEqual(['queue 0 has a block request without header or status']);
    }
  });

  it('tells its owner once for answers of the same turn, on all queues', async () => {
    let completions = 0;
    const { disk, driver } = attached({ queueCount: 2, onCompletion: () => completions++ });
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (const queue of [0, 0, 0, 1])
      driver.add(queue, [driver.range(new Uint8Array(16))], [driver.range(513)]);
    await settle();
    expect([completions, driver.queues[0].take()]).toEqual([0, null]);
    open();
    await settle();
    expect(completions).toBe(1);
    expect([0, 0, 0, 1].map((queue) => driver.queues[queue].take()?.written)).toEqual([
      513, 513, 513, 513,
    ]);
  });

  it('bounds what is in flight, and takes the rest when there is room', async () => {
    const disk = new ArrayDisk(4096);
    const driver = new MockDriver(new BlkDevice({ disk })).start();
    let open = (): void => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    const header = driver.range(new Uint8Array(16));
    const room = driver.range((1 << 20) + 1);
    for (let i = 0; i < 20; i++) driver.add(0, [header], [room]);
    await settle();
    expect(disk.log).toHaveLength(8);
    open();
    for (let i = 0; i < 5; i++) await settle();
    expect(disk.log).toHaveLength(20);
    for (let i = 0; i < 20; i++) expect(driver.queues[0].take()?.written).toBe((1 << 20) + 1);
  });

  it('repeats in another machine what was in flight when its state was saved', async () => {
    const { disk, driver } = attached();
    disk.gate = new Promise(() => {});
    const room = driver.range(513);
    const id = driver.add(0, [driver.range(new Uint8Array(16))], [room]);
    await settle();
    const other = new MockDriver(new BlkDevice({ disk: new ArrayDisk(SECTORS) }));
    other.memory.bytes.set(driver.memory.bytes);
    other.registers.restore(structuredClone(driver.registers.save()));
    await settle();
    driver.memory.bytes.set(other.memory.bytes);
    expect(driver.queues[0].take()).toEqual({ id, written: 513 });
  });
});
