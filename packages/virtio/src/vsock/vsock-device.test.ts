import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import * as V from '../spec/vsock.js';
import { MockDriver, type MockDriverOptions } from '../testing/mock-driver.js';
import { ringKinds } from '../testing/queue-pair.js';
import { TestHost, VsockTalker } from '../testing/vsock-peers.js';
import { VsockDevice } from './vsock-device.js';

const {
  VIRTIO_VSOCK_OP_REQUEST: REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE: RESPONSE,
  VIRTIO_VSOCK_OP_RST: RST,
  VIRTIO_VSOCK_OP_SHUTDOWN: SHUTDOWN,
  VIRTIO_VSOCK_OP_RW: RW,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE: CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_CREDIT_REQUEST: CREDIT_REQUEST,
} = V;
const CID = 3;
const BUFFER_BYTES = 128 * 1024;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function attached(start: MockDriverOptions = {}) {
  const host = new TestHost();
  const device = new VsockDevice({ guestCid: CID, host });
  const driver = new MockDriver(device).start(start);
  const guest = new VsockTalker(driver, CID);
  /** A connection that the guest asked for. */
  const connected = (guestPort = 7, rooms: readonly [number, number] = [8, 4096]) => {
    guest.listen(...rooms);
    guest.send(REQUEST, { sourcePort: guestPort });
    const stream = host.streams[host.streams.length - 1];
    stream.events.onConnected();
    expect(guest.operations()).toEqual([RESPONSE]);
    return stream;
  };
  return { connected, device, driver, guest, host };
}

deviceContract('a socket device', () => new VsockDevice({ guestCid: CID, host: new TestHost() }));

describe('a socket device', () => {
  it('says the address of its guest', () => {
    const { driver } = attached();
    expect([0, 4].map((at) => driver.registers.readConfig(at, 4))).toEqual([CID, 0]);
    for (const guestCid of [2, 2 ** 32 - 1, 3.5])
      expect(() => new VsockDevice({ guestCid, host: new TestHost() })).toThrow(RangeError);
  });

  it.each(ringKinds)('connects the guest to a port of the host, over a %s ring', (kind) => {
    const { device, guest, host } = attached({ kind });
    guest.listen(8);
    guest.send(REQUEST);
    const [stream] = host.streams;
    expect([stream.port, guest.heard()]).toEqual([80, []]);
    stream.events.onConnected();
    const [{ header }] = guest.heard();
    expect(header).toEqual({
      ...{ sourceCid: 2, destinationCid: CID, sourcePort: 80, destinationPort: 7, byteLength: 0 },
      ...{ type: 1, op: RESPONSE, flags: 0, bufferBytes: BUFFER_BYTES, forwardedBytes: 0 },
    });
    guest.send(RW, { payload: bytesOf('hel') });
    guest.send(RW, { payload: bytesOf('lo ') });
    guest.send(RW, { payload: bytesOf('host') });
    expect([stream.take(), stream.take(), stream.text]).toEqual([3, 7, 'hello host']);
    stream.events.onData(bytesOf('hello guest'));
    expect(guest.heard()).toMatchObject([
      { header: { op: RW, byteLength: 11, forwardedBytes: 10 }, text: 'hello guest' },
    ]);
    guest.send(SHUTDOWN, { flags: V.VIRTIO_VSOCK_SHUTDOWN_F_BOTH });
    expect(stream.calls).toEqual(['end', 'reset']);
    expect([guest.operations(), device.connectionCount]).toEqual([[RST], 0]);
  });

  it('connects the host to a port of the guest, if somebody is there', () => {
    const { device, guest, host } = attached();
    guest.listen(8);
    host.request(22);
    const [{ header }] = guest.heard();
    expect(header).toMatchObject({ op: REQUEST, destinationPort: 22, sourcePort: 2 ** 30 });
    const ports = { sourcePort: 22, destinationPort: header.sourcePort };
    guest.send(RESPONSE, ports);
    const [stream] = host.streams;
    expect(stream.port).toBe(2 ** 30);
    stream.events.onData(bytesOf('hi'));
    expect(guest.heard()).toMatchObject([{ header: { op: RW }, text: 'hi' }]);
    host.request(23);
    guest.send(RST, { sourcePort: 23, destinationPort: 2 ** 30 + 1 });
    expect([host.refused, device.connectionCount]).toEqual([1, 1]);
    const leave = host.request(24);
    leave();
    expect(guest.operations()).toEqual([REQUEST, REQUEST, RST]);
    expect([host.refused, device.connectionCount]).toEqual([1, 1]);
  });

  it('refuses what belongs to no connection', () => {
    const { device, driver, guest } = attached();
    guest.listen(8);
    guest.send(REQUEST, { destinationPort: 5000 });
    guest.send(RW, { payload: bytesOf('x') });
    guest.send(REQUEST, { destinationCid: 9 });
    guest.send(REQUEST, { type: 2 });
    guest.send(RST);
    guest.send(REQUEST, { sourceCid: 4 });
    expect(guest.heard().map(({ header }) => header)).toMatchObject([
      { op: RST, sourcePort: 5000, destinationPort: 7 },
      { op: RST, sourcePort: 80 },
      { op: RST, sourceCid: 9, destinationCid: CID },
      { op: RST, type: 2 },
    ]);
    expect([device.connectionCount, driver.failures]).toEqual([0, []]);
    driver.add(1, [driver.range(43)]);
    expect([guest.operations(), driver.failures]).toEqual([[], []]);
  });

  it('is not looked at any further while the guest takes no refusals', () => {
    const { driver, guest, host } = attached();
    for (let i = 0; i < 100; i++) guest.send(RW, { sourcePort: i });
    guest.send(REQUEST);
    expect(host.streams).toHaveLength(0);
    let refusals = 0;
    for (let i = 0; i < 100; i++) {
      guest.listen(1);
      refusals += guest.operations().length;
    }
    expect([refusals, host.streams.length, driver.failures]).toEqual([100, 1, []]);
  });
});

describe('credit', () => {
  it('holds the guest to what there is room for', () => {
    const { connected, device, guest } = attached();
    const stream = connected();
    const payload = new Uint8Array(BUFFER_BYTES / 2);
    guest.send(RW, { payload });
    guest.send(RW, { payload });
    expect(guest.operations()).toEqual([]);
    stream.take();
    expect(guest.heard()).toMatchObject([
      { header: { op: CREDIT_UPDATE, forwardedBytes: BUFFER_BYTES / 2 } },
    ]);
    guest.send(CREDIT_REQUEST);
    expect(guest.operations()).toEqual([CREDIT_UPDATE]);
    guest.send(RW, { payload });
    expect(stream.calls).toEqual([]);
    guest.send(RW, { payload: Uint8Array.of(1) });
    expect([stream.calls, guest.operations()]).toEqual([['reset'], [RST]]);
    expect(device.connectionCount).toBe(0);
  });

  it('holds the host to what the guest has room for, and pauses it', () => {
    const { connected, guest } = attached();
    const stream = connected();
    guest.send(CREDIT_UPDATE, { bufferBytes: 10 });
    stream.events.onData(bytesOf('0123456789abcdef'));
    const heard = guest.heard();
    expect(heard.map(({ text }) => text)).toEqual(['0123456789', '']);
    expect(heard[1].header.op).toBe(CREDIT_REQUEST);
    stream.events.onData(new Uint8Array(64 * 1024));
    expect(stream.calls).toEqual(['pause']);
    guest.send(CREDIT_UPDATE, { bufferBytes: 10, forwardedBytes: 4 });
    expect(guest.heard().map(({ text }) => text)).toEqual(['abcd', '']);
    guest.listen(20);
    guest.send(CREDIT_UPDATE, { bufferBytes: 2 ** 32 - 1, forwardedBytes: 14 });
    expect(stream.calls).toEqual(['pause', 'resume']);
    const total = guest.heard().reduce((sum, { text }) => sum + text.length, 0);
    expect(total).toBe(2 + 64 * 1024);
    // More taken than was sent: no credit at all.
    guest.send(CREDIT_UPDATE, { bufferBytes: 100, forwardedBytes: 2 ** 31 });
    stream.events.onData(bytesOf('x'));
    expect(guest.operations()).toEqual([CREDIT_REQUEST]);
  });

  it('lets connections take turns', () => {
    const { connected, guest } = attached();
    const streams = [7, 8].map((port) => connected(port));
    for (const stream of streams) stream.events.onData(new Uint8Array(100_000));
    // Buffers that were there before are full.
    guest.heard();
    guest.listen(8);
    const ports = guest.heard().map(({ header }) => header.destinationPort);
    expect(ports).toEqual([7, 8, 7, 8, 7, 8, 7, 8]);
  });
});

describe('the end of a connection', () => {
  it('is half of one, when one side sends no more', () => {
    const { connected, device, guest } = attached();
    const stream = connected();
    stream.events.onData(bytesOf('last'));
    stream.events.onEnd();
    const heard = guest.heard();
    expect(heard.map(({ header }) => [header.op, header.flags])).toEqual([
      [RW, 0],
      [SHUTDOWN, V.VIRTIO_VSOCK_SHUTDOWN_F_SEND],
    ]);
    guest.send(RW, { payload: bytesOf('still') });
    guest.send(SHUTDOWN, { flags: V.VIRTIO_VSOCK_SHUTDOWN_F_SEND });
    expect(stream.calls).toEqual([]);
    stream.take();
    expect([stream.text, stream.calls]).toEqual(['still', ['end']]);
    stream.events.onClosed(null);
    expect(guest.heard()).toMatchObject([{ header: { op: SHUTDOWN, flags: 3 } }]);
    guest.send(SHUTDOWN, { flags: V.VIRTIO_VSOCK_SHUTDOWN_F_BOTH });
    expect([guest.operations(), device.connectionCount]).toEqual([[RST], 0]);
  });

  it('comes after what was sent, whoever goes first', () => {
    const { connected, device, guest } = attached();
    const first = connected();
    guest.send(RW, { payload: bytesOf('bye') });
    guest.send(RW, { payload: bytesOf(' bye') });
    guest.send(SHUTDOWN, { flags: V.VIRTIO_VSOCK_SHUTDOWN_F_BOTH });
    // The guest is tired of waiting.
    guest.send(RST);
    expect([first.calls, device.connectionCount]).toEqual([[], 1]);
    first.take();
    first.take();
    expect([first.text, first.calls, device.connectionCount]).toEqual([
      'bye bye',
      ['end', 'reset'],
      0,
    ]);
    const second = connected(8);
    guest.send(CREDIT_UPDATE, { sourcePort: 8, bufferBytes: 0 });
    second.events.onData(bytesOf('left'));
    second.events.onClosed('reset');
    expect(guest.operations()).toEqual([CREDIT_REQUEST]);
    guest.send(CREDIT_UPDATE, { sourcePort: 8, bufferBytes: 100 });
    expect(guest.heard()).toMatchObject([{ text: 'left' }, { header: { op: RST } }]);
    expect(device.connectionCount).toBe(0);
  });

  it('is a reset when the guest, its driver, or the rules say so', () => {
    const { connected, device, driver, guest, host } = attached();
    const reset = connected();
    guest.send(RST);
    expect([reset.calls, device.connectionCount]).toEqual([['reset'], 0]);
    for (const op of [REQUEST, RESPONSE, 0, 99]) {
      const stream = connected();
      guest.send(op);
      expect([stream.calls, guest.operations()]).toEqual([['reset'], [RST]]);
    }
    const short = connected();
    guest.send(RW, { payload: bytesOf('x'), byteLength: 2 });
    expect([short.calls, guest.operations()]).toEqual([['reset'], [RST]]);
    const [open] = [connected(), host.request(22)];
    driver.start();
    expect([open.calls, host.refused, device.connectionCount]).toEqual([['reset'], 1, 0]);
  });

  it('comes to old ones when there are too many', () => {
    const { connected, device, guest, host } = attached();
    const streams = Array.from({ length: 256 }, (_, i) => connected(1000 + i, [1, 64]));
    guest.listen(8, 64);
    guest.send(REQUEST);
    expect([guest.operations(), host.streams.length]).toEqual([[RST], 256]);
    host.request(22);
    expect(host.refused).toBe(1);
    // Its host's end is gone, and the guest does not care.
    streams[5].events.onClosed(null);
    expect(guest.operations()).toEqual([SHUTDOWN]);
    guest.send(REQUEST);
    expect([host.streams.length, device.connectionCount]).toEqual([257, 256]);
  });

  it('comes with a restored state, and the driver hears of it', () => {
    const { connected, driver } = attached();
    const stream = connected();
    const room = driver.range(8);
    driver.add(2, [], [room]);
    driver.registers.restore(structuredClone(driver.registers.save()));
    expect(stream.calls).toEqual(['reset']);
    expect(driver.queues[2].take()?.written).toBe(V.VSOCK_EVENT_BYTES);
    expect(driver.registers.takeInterrupts().queue).toBe(true);
  });
});
