import type { NativeCode, VirtioChannel } from '@proxeny/pv-guest';
import {
  BlkDevice,
  ConsoleDevice,
  featureMask,
  RngDevice,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_RING_PACKED,
} from '@proxeny/virtio';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { BackendMachine } from '../testing-machine.contract.js';
import {
  BACK,
  expectNothingHeld,
  FRONT,
  finish,
  lentPage,
  onChannel,
} from './testing-channel.contract.js';
import { Virtioback } from './virtioback.js';

const PACKED = featureMask(VIRTIO_F_RING_PACKED);
const rings = [
  ['split', PACKED],
  ['packed', 0n],
  ['split rings without event index', PACKED | featureMask(VIRTIO_F_EVENT_IDX)],
  ['packed rings without event index', featureMask(VIRTIO_F_EVENT_IDX)],
] as const;

/** Agrees with the device, with rings as `without` leaves them, and starts. */
function* bringUp(channel: VirtioChannel, without: bigint): NativeCode {
  expect(yield* channel.negotiate(without)).toBe(true);
  yield* channel.start();
}

/** Reads or writes `count` sectors by one page; the status byte. */
function* transfer(
  channel: VirtioChannel,
  page: ReturnType<typeof lentPage>,
  type: number,
  sector: number,
  count: number,
): NativeCode<number> {
  const request = lentPage(
    channel,
    Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0, sector, 0, 0, 0, 0, 0, 0, 0),
  );
  const header = request.range(0, 16);
  const status = request.range(64, 1);
  const data = page.range(0, count * 512);
  channel.kernel.guest.write(request.page + 64, Uint8Array.of(0xee));
  if (type === 1) yield* channel.queues[0].ask([header, data], [status], true);
  else yield* channel.queues[0].ask([header], [data, status]);
  // What was asked for is over: the device is done with it.
  expect(channel.pages.takeBack(request.at)).toBe(true);
  return channel.kernel.guest.read(request.page + 64, 1)[0];
}

describe.each(rings)('a guest with %s on a channel', (_, without) => {
  it('reads and writes a disk', async () => {
    const disk = new MemoryDisk(64 * 512);
    disk.bytes.fill(0x11, 0, 512).fill(0x22, 512, 1024);
    const read: Uint8Array[] = [];
    const running = onChannel(new BlkDevice({ disk, id: 'one' }), function* (channel) {
      expect([channel.deviceId, channel.queueCount]).toEqual([2, 1]);
      yield* bringUp(channel, without);
      // Configuration space: the capacity.
      expect(yield* channel.read(0x100)).toBe(64);
      const page = lentPage(channel, new Uint8Array(4096).fill(0xab));
      expect(yield* transfer(channel, page, 1, 5, 8)).toBe(0);
      expect(yield* transfer(channel, page, 0, 0, 6)).toBe(0);
      read.push(channel.kernel.guest.read(page.page, 6 * 512));
      expect(yield* transfer(channel, page, 0, 60, 8)).toBe(1);
      expect(yield* channel.disconnect()).toBe(true);
    });
    await finish(running);
    expect(disk.bytes.slice(5 * 512, 13 * 512).every((byte) => byte === 0xab)).toBe(true);
    expect(disk.bytes[13 * 512]).toBe(0);
    expect(read[0]).toEqual(disk.bytes.slice(0, 6 * 512));
    expect(running.failures).toEqual([]);
  });

  it('gets randomness', async () => {
    const rng = new RngDevice({ fill: (target) => target.fill(0x5a) });
    const running = onChannel(rng, function* (channel) {
      yield* bringUp(channel, without);
      const page = lentPage(channel, new Uint8Array(4096));
      for (let turn = 0; turn < 40; turn++)
        expect(yield* channel.queues[0].ask([], [page.range(turn, 100)])).toBe(100);
      const got = channel.kernel.guest.read(page.page, 4096);
      expect(got.findIndex((byte) => byte !== 0x5a)).toBe(139);
      expect(yield* channel.disconnect()).toBe(true);
    });
    await finish(running);
  });

  it('prints on a console, reads from it, and hears that it was resized', async () => {
    let printed = '';
    const device = new ConsoleDevice({
      ports: [{ isConsole: true, onOutput: (bytes) => (printed += Buffer.from(bytes)) }],
    });
    const running = onChannel(device, function* (channel) {
      yield* bringUp(channel, without);
      const [input, output] = channel.queues;
      const page = lentPage(channel, new Uint8Array(256));
      yield* input.add([], [page.range(0, 16)]);
      const before = channel.changes;
      const text = lentPage(channel, Buffer.from('hello\n'), true);
      yield* output.ask([text.range(0, 6)], []);
      const used = yield* input.take();
      expect(Buffer.from(channel.kernel.guest.read(page.page, used.written))).toEqual(
        Buffer.from('typed'),
      );
      yield* channel.waitForChange(before);
      expect(yield* channel.read(0x100)).toBe(132 + 43 * 65536);
      expect(yield* channel.disconnect()).toBe(true);
    });
    await running.machine.run(() => printed !== '');
    device.send(0, Buffer.from('typed'));
    device.resize(132, 43);
    await finish(running);
    expect(printed).toBe('hello\n');
  });
});

describe('a device on a channel', () => {
  const entropy = () => new RngDevice({ fill: (target) => target.fill(0x5a) });

  it('is reset and used again, and a queue alone too', async () => {
    const running = onChannel(entropy(), function* (channel) {
      for (const without of [0n, PACKED, 0n]) {
        yield* bringUp(channel, without);
        const page = lentPage(channel, new Uint8Array(64));
        yield* channel.queues[0].ask([], [page.range(0, 8)]);
        yield* channel.write(0xc0, 1);
        expect(yield* channel.read(0x44)).toBe(0);
        yield* channel.write(0x70, 0);
        // Of all that was lent, it has the register page still.
        expect(channel.pages.takeBackAll()).toBe(false);
        expect(running.virtioback.memory.pageCount).toBe(1);
      }
    });
    await finish(running);
  });

  it('is found again by a driver that comes after one that left', async () => {
    const running = onChannel(entropy(), function* (channel) {
      yield* bringUp(channel, 0n);
      expect(yield* channel.disconnect()).toBe(true);
      expect(yield* channel.connect()).toBe(true);
      yield* bringUp(channel, PACKED);
      const page = lentPage(channel, new Uint8Array(64));
      expect(yield* channel.queues[0].ask([], [page.range(0, 8)])).toBe(8);
    });
    await finish(running);
  });

  it.each([
    ['a page that was not granted', (_: VirtioChannel) => 3000 * 4096],
    ['a page without a reference', (_: VirtioChannel) => 2 ** 45],
    [
      'bytes over the end of a page',
      (channel: VirtioChannel) => lentPage(channel, new Uint8Array(1)).at + 4090,
    ],
    [
      'bytes to write in a page that is lent for reading',
      (channel: VirtioChannel) => lentPage(channel, new Uint8Array(1), true).at,
    ],
  ])('needs a reset when a buffer names %s', async (_, addressOf) => {
    const running = onChannel(entropy(), function* (channel) {
      yield* bringUp(channel, 0n);
      const changes = channel.changes;
      yield* channel.queues[0].add([], [{ at: addressOf(channel), byteLength: 8 }]);
      yield* channel.waitForChange(changes);
      expect((yield* channel.read(0x70)) & 64).toBe(64);
      expect(yield* channel.disconnect()).toBe(true);
    });
    await finish(running);
    expect(running.failures).toHaveLength(1);
    expect(running.failures[0]).toContain('which is no RAM');
  });

  it.each([
    ['page-ref', '3000', 'page-ref: cannot be mapped'],
    ['page-ref', 'x', 'page-ref: missing'],
    ['event-channel', '77', 'event-channel: cannot be bound'],
    ['event-channel', '', 'event-channel: missing'],
    ['queue-0/event-channel', '77', 'event-channel of queue 0: cannot be bound'],
    ['queue-0/event-channel', '-1', 'event-channel of queue 0: no number'],
  ])(
    'refuses a front-end whose %s is "%s", and holds nothing of it',
    async (name, value, problem) => {
      const machine = new BackendMachine();
      const guest = machine.addGuest(
        function* (kernel) {
          const page = kernel.takePages(1);
          const write = (key: string, text: string | number) =>
            kernel.store.write(`${FRONT}/${key}`, `${text}`);
          yield* write('page-ref', kernel.grants.grant(0, page));
          yield* write('event-channel', yield* kernel.events.allocate(0));
          yield* write('queue-0/event-channel', yield* kernel.events.allocate(0));
          yield* write(name, value);
          yield* write('state', 3);
        },
        { id: 1 },
      );
      const virtioback = new Virtioback({ host: machine.host, guestId: 1, device: entropy() });
      const backend = machine.addDevice(1, 'virtio', 0, virtioback);
      const running = { machine, virtioback, guest, failures: [], close: () => backend.close() };
      await machine.runGuest(guest);
      expect(machine.store.read('/local/domain/0/error/backend/virtio/1/0/error')).toBe(problem);
      expect(machine.store.read(`${BACK}/state`)).toBe('5');
      expect(machine.host.grants.count).toBe(0);
      expect([...machine.hostDomain.events.open()]).toEqual([]);
      await running.close();
      expectNothingHeld(running);
    },
  );

  it('lets go of everything when its guest is destroyed with a request in flight', async () => {
    const disk = new MemoryDisk(64 * 512);
    let answer: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      answer = resolve;
    });
    disk.write = () => waiting;
    let isAsked = false;
    const running = onChannel(new BlkDevice({ disk, id: 'one' }), function* (channel) {
      yield* bringUp(channel, 0n);
      const page = lentPage(channel, new Uint8Array(4096));
      const request = lentPage(channel, Uint8Array.of(1));
      yield* channel.queues[0].add(
        [request.range(0, 16), page.range(0, 512)],
        [request.range(64, 1)],
      );
      isAsked = true;
      yield* channel.queues[0].take();
    });
    await running.machine.run(() => isAsked);
    expect(running.virtioback.memory.pageCount).toBeGreaterThan(3);
    await running.close();
    expectNothingHeld(running);
    answer();
    await new Promise((resolve) => setImmediate(resolve));
  });
});
