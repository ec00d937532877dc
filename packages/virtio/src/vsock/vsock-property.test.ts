// Random guests and hosts that talk: whatever they do in whatever order, nobody gets what was not sent to him, or in another order, and no
// stream is used that is gone (TestStream looks at that).
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as V from '../spec/vsock.js';
import { MockDriver } from '../testing/mock-driver.js';
import { TestHost, type TestStream, VsockTalker } from '../testing/vsock-peers.js';
import { VsockDevice } from './vsock-device.js';

const CID = 3;
const MAX_BYTES = 2000;
const ROOM_BYTES = 1024;
const MAX_WAITING = 40;
const byteLength = fc.oneof(fc.nat(50), fc.noBias(fc.nat(MAX_BYTES)));

const step = fc.oneof(
  fc.record({
    kind: fc.constant('packet' as const),
    guestPort: fc.nat(1),
    hostPort: fc.constantFrom(0, 1, 2, 2 ** 30, 2 ** 30 + 1),
    op: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(1, 1, 5, 5, 5, 5, 5, 6, 7) },
      { weight: 1, arbitrary: fc.nat(9) },
    ),
    flags: fc.nat(3),
    bufferBytes: fc.oneof(fc.nat(100), fc.constant(2 ** 20)),
    byteLength,
  }),
  fc.record({
    kind: fc.constantFrom(
      ...(['connected', 'connected', 'take', 'take', 'take', 'say', 'say'] as const),
      ...(['end', 'close', 'fail'] as const),
    ),
    stream: fc.nat(20),
    byteLength,
  }),
  fc.record({ kind: fc.constantFrom('hear', 'hear', 'hear', 'request', 'leave'), port: fc.nat(1) }),
);

interface GuestPacket {
  readonly guestPort: number;
  readonly hostPort: number;
  readonly op: number;
  readonly flags: number;
  readonly byteLength: number;
}

/** `count` letters of the alphabet from the `from`th on: what is lost or repeated shows. */
const letters = (from: number, count: number): string =>
  String.fromCharCode(...Array.from({ length: count }, (_, i) => 97 + ((from + i) % 26)));

/** Counts what was sent under each key. */
class Counts<Key> {
  readonly #counts = new Map<Key, number>();
  /** The next `count` letters of a key. */
  next(key: Key, count: number): string {
    const from = this.#counts.get(key) ?? 0;
    this.#counts.set(key, from + count);
    return letters(from, count);
  }
  restart(key: Key): void {
    this.#counts.delete(key);
  }
}

function talk() {
  const host = new TestHost(2);
  const device = new VsockDevice({ guestCid: CID, host });
  const driver = new MockDriver(device).start();
  const guest = new VsockTalker(driver, CID);
  const leave: (() => void)[] = [];
  const toHost = new Counts<string>();
  const toGuest = new Counts<TestStream>();
  const heard = new Counts<string>();
  /** What the guest thinks of its connections. */
  const states = new Map<string, 'asked' | 'open'>();
  const connected = new Set<TestStream>();
  const ended = new Set<TestStream>();
  const statistics = { toHost: 0, toGuest: 0 };
  const hear = (): void => {
    while (guest.roomCount < MAX_WAITING) guest.listen(1, ROOM_BYTES);
    for (const { header, text } of guest.heard()) {
      const key = `${header.destinationPort} ${header.sourcePort}`;
      if (header.op !== V.VIRTIO_VSOCK_OP_RW) {
        if (header.op <= V.VIRTIO_VSOCK_OP_RST) heard.restart(key);
        if (header.op === V.VIRTIO_VSOCK_OP_RESPONSE) states.set(key, 'open');
        if (header.op === V.VIRTIO_VSOCK_OP_RST) states.delete(key);
        continue;
      }
      expect(text).toBe(heard.next(key, text.length));
      statistics.toGuest += text.length;
    }
  };
  const send = (each: GuestPacket) => {
    if (guest.unsentCount >= MAX_WAITING) return;
    const key = `${each.guestPort} ${each.hostPort}`;
    // Mostly it does what makes sense.
    if (each.flags > 0 && each.op === V.VIRTIO_VSOCK_OP_REQUEST && states.has(key)) return;
    if (each.flags > 0 && each.op === V.VIRTIO_VSOCK_OP_RW && states.get(key) !== 'open') return;
    if (each.op === V.VIRTIO_VSOCK_OP_REQUEST) states.set(key, 'asked');
    if (each.op === V.VIRTIO_VSOCK_OP_RESPONSE) states.set(key, 'open');
    const isData = each.op === V.VIRTIO_VSOCK_OP_RW;
    if (each.op <= V.VIRTIO_VSOCK_OP_RST) toHost.restart(key);
    const payload = new TextEncoder().encode(toHost.next(key, isData ? each.byteLength : 0));
    const ports = { sourcePort: each.guestPort, destinationPort: each.hostPort };
    guest.send(each.op, { ...each, ...ports, byteLength: payload.length, payload });
  };
  const act = (stream: TestStream, kind: string, count: number): void => {
    const isConnected = stream.port >= 2 ** 30 || connected.has(stream);
    if (kind === 'take') statistics.toHost += stream.take();
    else if (kind === 'close' || kind === 'fail') stream.close(kind === 'fail' ? kind : null);
    else if (kind === 'connected' && !isConnected) {
      connected.add(stream);
      stream.events.onConnected();
    } else if (!isConnected || ended.has(stream)) return;
    else if (kind === 'say')
      stream.events.onData(new TextEncoder().encode(toGuest.next(stream, count)));
    else {
      ended.add(stream);
      stream.events.onEnd();
    }
  };
  return { act, device, driver, hear, host, leave, send, statistics };
}

it('whatever a guest and a host do, what arrives is what was sent', () => {
  const total = { toHost: 0, toGuest: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const { act, device, driver, hear, host, leave, send, statistics } = talk();
      for (const each of steps) {
        if ('op' in each) send(each);
        else if ('stream' in each) {
          const alive = host.streams.filter(({ isAlive }) => isAlive);
          const stream = alive[each.stream % Math.max(1, alive.length)];
          if (stream) act(stream, each.kind, each.byteLength);
        } else if (each.kind === 'request') leave.push(host.request(each.port));
        else if (each.kind === 'leave') leave.shift()?.();
        else hear();
      }
      for (const { text } of host.streams) expect(text).toBe(letters(0, text.length));
      total.toHost += statistics.toHost;
      total.toGuest += statistics.toGuest;
      expect(driver.failures).toEqual([]);
      driver.start();
      expect(device.connectionCount).toBe(0);
      for (const stream of host.streams) expect(stream.isAlive).toBe(false);
    }),
    { numRuns: 400 },
  );
  expect(Math.min(total.toHost, total.toGuest)).toBeGreaterThan(500);
});
