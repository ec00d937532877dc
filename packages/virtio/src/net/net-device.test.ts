import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { featureMask } from '../spec/feature.js';
import * as N from '../spec/net.js';
import { MockDriver, type MockDriverOptions } from '../testing/mock-driver.js';
import { NetDevice } from './net-device.js';
import type { NetFrame, NetOffloads } from './net-port.js';

const ADDRESS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OTHER = [2, 0, 0, 0, 0, 2];
const RX = 0;
const TX = 1;
const CONTROL = 2;

/** A port that keeps what is sent, and lets tests deliver. */
function testPort() {
  const sent: NetFrame[] = [];
  const port = {
    sent,
    receive: (_frame: NetFrame): void => {},
    send: (frame: NetFrame): void => {
      sent.push(frame);
    },
    listen: (receiver: ((frame: NetFrame) => void) | null): void => {
      port.receive = receiver ?? (() => {});
    },
  };
  return port;
}

function attached(start: MockDriverOptions = {}, sendsBetweenSlices = false) {
  const port = testPort();
  /** What finishing was asked for. */
  const asked: NetOffloads[] = [];
  const device = new NetDevice({
    ...{ port, address: ADDRESS, sendsBetweenSlices },
    finish: (frame, offloads) => {
      asked.push(offloads);
      return frame.largeSegment && !offloads.tcp4 ? [plain(OTHER, 60), plain(OTHER, 60)] : [frame];
    },
  });
  const driver = new MockDriver(device).start(start);
  const control = (bytes: readonly number[]): number => {
    const answer = driver.range(Uint8Array.of(0xee));
    driver.add(CONTROL, [driver.range(Uint8Array.from(bytes))], [answer]);
    expect(driver.queues[CONTROL].take()?.written).toBe(1);
    return driver.bytes(answer)[0];
  };
  return { asked, control, device, driver, port };
}

/** A frame to `destination` whose bytes count up. */
function plain(destination: readonly number[], byteLength: number, type = 0x0800): NetFrame {
  const bytes = Uint8Array.from({ length: byteLength }, (_, i) => i & 0xff);
  bytes.set(destination);
  bytes.set([type >> 8, type & 0xff], 12);
  return { bytes, missingChecksum: null, isChecked: false, largeSegment: null };
}

function header(fields: {
  flags?: number;
  gso?: number;
  size?: number;
  start?: number;
  offset?: number;
}): Uint8Array {
  const { flags = 0, gso = 0, size = 0, start = 0, offset = 0 } = fields;
  const view = new DataView(new ArrayBuffer(N.NET_HEADER_BYTES));
  view.setUint8(0, flags);
  view.setUint8(1, gso);
  view.setUint16(4, size, true);
  view.setUint16(6, start, true);
  view.setUint16(8, offset, true);
  return new Uint8Array(view.buffer);
}

deviceContract(
  'network',
  () =>
    new NetDevice({ port: testPort(), address: ADDRESS, finish: (frame) => [frame], mtu: 9000 }),
);

describe('a network device', () => {
  it('has the address it was given, and its link is up', () => {
    const { device, driver } = attached();
    const { registers } = driver;
    expect([0, 1, 2, 3, 4, 5].map((at) => registers.readConfig(at, 1))).toEqual([...ADDRESS]);
    expect(registers.readConfig(N.NET_CONFIG_STATUS, 2)).toBe(N.VIRTIO_NET_S_LINK_UP);
    device.setLink(false);
    expect(registers.readConfig(N.NET_CONFIG_STATUS, 2)).toBe(0);
    expect(registers.takeInterrupts().config).toBe(true);
  });

  it('sends what the driver puts together, with what is left to do', () => {
    const { device, driver, port } = attached();
    const { bytes } = plain(OTHER, 1000);
    const send = (head: Uint8Array, frame: Uint8Array) => {
      driver.add(TX, [driver.range(head), driver.range(frame)]);
      expect(driver.queues[TX].take()?.written).toBe(0);
    };
    send(header({}), bytes);
    send(header({ flags: 1, start: 34, offset: 16 }), bytes);
    send(header({ flags: 1, start: 34, offset: 16, gso: 1, size: 500 }), bytes);
    send(header({ flags: 1, start: 54, offset: 16, gso: 0x84, size: 500 }), bytes);
    const missingChecksum = { start: 34, offset: 16 };
    expect(port.sent).toEqual([
      { bytes, missingChecksum: null, isChecked: false, largeSegment: null },
      { bytes, missingChecksum, isChecked: false, largeSegment: null },
      { bytes, missingChecksum, isChecked: false, largeSegment: { protocol: 'tcp4', size: 500 } },
      {
        bytes,
        missingChecksum: { start: 54, offset: 16 },
        isChecked: false,
        largeSegment: { protocol: 'tcp6', size: 500 },
      },
    ]);
    for (const bad of [
      header({ flags: 1, start: 998, offset: 1 }),
      header({ gso: 1, size: 500 }),
      header({ flags: 1, start: 34, offset: 16, gso: 1, size: 0 }),
      header({ flags: 1, start: 34, offset: 16, gso: 3, size: 500 }),
    ])
      send(bad, bytes);
    send(header({}), bytes.subarray(0, 13));
    send(header({}), new Uint8Array(65_554));
    expect(port.sent).toHaveLength(4);
    expect(device.statistics).toMatchObject({ sent: 4, sendDropped: 6 });
    device.setLink(false);
    send(header({}), bytes);
    expect(port.sent).toHaveLength(4);
  });

  it('between slices, sends all that its driver has put together, which is interrupted once', () => {
    const { device, driver, port } = attached({}, true);
    const send = () =>
      driver.add(TX, [driver.range(header({})), driver.range(plain(OTHER, 60).bytes)]);
    send();
    const notified = driver.queues[TX].mustNotify();
    send();
    send();
    expect([port.sent.length, notified, driver.queues[TX].take()]).toEqual([0, false, null]);
    device.sliceEnded();
    expect([port.sent.length, driver.registers.takeInterrupts().queue]).toEqual([3, true]);
    device.sliceEnded();
    expect([port.sent.length, driver.registers.takeInterrupts().queue]).toEqual([3, false]);
    send();
    driver.registers.setStatus(0);
    device.sliceEnded();
    expect(port.sent.length).toBe(3);
  });

  it('receives into buffers as they are, and several for one frame', () => {
    const { driver, port } = attached();
    const rooms = [60, 40, 200, 100].map((byteLength) => driver.range(byteLength));
    for (const room of rooms.slice(0, 2)) driver.add(RX, [], [room]);
    const frame = { ...plain([...ADDRESS], 100), isChecked: true };
    port.receive(frame);
    expect(driver.queues[RX].take()).toBeNull();
    driver.add(RX, [], [rooms[2]]);
    driver.add(RX, [], [rooms[3]]);
    const used = [0, 1, 2].map(() => driver.queues[RX].take()?.written);
    expect(used).toEqual([60, 40, 12]);
    const bytes = Buffer.concat(rooms.slice(0, 3).map((room) => driver.bytes(room)));
    const head = [...bytes.subarray(0, 12)];
    expect(head).toEqual([N.VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
    expect(Buffer.compare(bytes.subarray(12, 112), frame.bytes)).toBe(0);
    port.receive(plain([...ADDRESS], 60));
    expect(driver.queues[RX].take()?.written).toBe(72);
    expect(driver.bytes(rooms[3]).slice(10, 12)).toEqual(Uint8Array.of(1, 0));
  });

  it('gives a driver that takes them segments to cut, and others what they can take', () => {
    const frame: NetFrame = {
      ...plain([...ADDRESS], 3000),
      missingChecksum: { start: 34, offset: 16 },
      largeSegment: { protocol: 'tcp4', size: 1400 },
    };
    frame.bytes[34 + 12] = 0x80;
    const whole = attached();
    const room = whole.driver.range(4000);
    whole.driver.add(RX, [], [room]);
    whole.port.receive(frame);
    expect(whole.asked).toEqual([{ checksum: true, tcp4: true, tcp6: true }]);
    const view = new DataView(whole.driver.bytes(room).buffer);
    expect([0, 1].map((at) => view.getUint8(at))).toEqual([1, 1]);
    expect([2, 4, 6, 8, 10].map((at) => view.getUint16(at, true))).toEqual([66, 1400, 34, 16, 1]);
    const simple = attached({ features: 0n });
    for (let i = 0; i < 2; i++) simple.driver.add(RX, [], [simple.driver.range(2000)]);
    simple.port.receive(frame);
    expect(simple.asked).toEqual([{ checksum: false, tcp4: false, tcp6: false }]);
    expect([0, 1].map(() => simple.driver.queues[RX].take()?.written)).toEqual([72, 72]);
  });

  it('loses what does not fit, and never more than that', () => {
    const { device, driver, port } = attached({ features: 0n });
    driver.add(RX, [], [driver.range(50)]);
    driver.add(RX, [], [driver.range(5)]);
    port.receive(plain([...ADDRESS], 60));
    expect(device.statistics.receiveDropped).toBe(1);
    port.receive(plain([...ADDRESS], 30));
    expect(driver.queues[RX].take()?.written).toBe(42);
    for (let i = 0; i < 2000; i++) port.receive(plain([...ADDRESS], 60));
    expect(device.statistics.receiveDropped).toBe(1 + 2000 - 1024);
    const small = attached({ queueSize: 2 });
    for (let i = 0; i < 2; i++) small.driver.add(RX, [], [small.driver.range(100)]);
    small.port.receive(plain([...ADDRESS], 1000));
    small.port.receive(plain([...ADDRESS], 100));
    expect(small.device.statistics.receiveDropped).toBe(1);
    expect([0, 1].map(() => small.driver.queues[RX].take()?.written)).toEqual([100, 12]);
  });

  it('hears everything until its driver says what, and then that', () => {
    const { control, device, driver, port } = attached();
    const group = [0x33, 0x33, 0, 0, 0, 1];
    const broadcast = new Array(6).fill(0xff);
    const heard = (...destinations: readonly number[][]): boolean[] =>
      destinations.map((destination) => {
        const before = device.statistics.received;
        port.receive(plain(destination, 60));
        return device.statistics.received > before;
      });
    const all = [[...ADDRESS], OTHER, group, broadcast];
    expect(heard(...all)).toEqual([true, true, true, true]);
    expect(control([N.VIRTIO_NET_CTRL_RX, N.VIRTIO_NET_CTRL_RX_PROMISC, 0])).toBe(0);
    expect(heard(...all)).toEqual([true, false, false, true]);
    const table = [1, 0, 0, 0, ...OTHER, 1, 0, 0, 0, ...group];
    expect(control([N.VIRTIO_NET_CTRL_MAC, N.VIRTIO_NET_CTRL_MAC_TABLE_SET, ...table])).toBe(0);
    expect(heard(...all)).toEqual([true, true, true, true]);
    expect(control([N.VIRTIO_NET_CTRL_RX, N.VIRTIO_NET_CTRL_RX_NOMULTI, 1])).toBe(0);
    expect(control([N.VIRTIO_NET_CTRL_RX, N.VIRTIO_NET_CTRL_RX_NOBCAST, 1])).toBe(0);
    expect(heard(...all)).toEqual([true, true, false, false]);
    const address = [2, 9, 9, 9, 9, 9];
    expect(control([N.VIRTIO_NET_CTRL_MAC, N.VIRTIO_NET_CTRL_MAC_ADDR_SET, ...address])).toBe(0);
    expect(heard([...ADDRESS], address)).toEqual([false, true]);
    expect(driver.registers.readConfig(1, 1)).toBe(9);
    driver.start();
    expect(heard(...all)).toEqual([true, true, true, true]);
    expect(driver.registers.readConfig(1, 1)).toBe(0);
  });

  it('hears the VLANs its driver is in, and all if it does not say', () => {
    const tagged = (vlan: number): NetFrame => {
      const frame = plain([...ADDRESS], 60, 0x8100);
      frame.bytes.set([0x60 | (vlan >> 8), vlan & 0xff], 14);
      return frame;
    };
    const { control, device, port } = attached();
    port.receive(tagged(0x123));
    expect(device.statistics.received).toBe(0);
    expect(control([N.VIRTIO_NET_CTRL_VLAN, N.VIRTIO_NET_CTRL_VLAN_ADD, 0x23, 0x01])).toBe(0);
    port.receive(tagged(0x123));
    port.receive(tagged(0x124));
    expect(device.statistics.received).toBe(1);
    expect(control([N.VIRTIO_NET_CTRL_VLAN, N.VIRTIO_NET_CTRL_VLAN_DEL, 0x23, 0x01])).toBe(0);
    port.receive(tagged(0x123));
    expect(device.statistics.received).toBe(1);
    const simple = attached({ features: featureMask(N.VIRTIO_NET_F_MAC) });
    simple.port.receive(tagged(0x123));
    expect(simple.device.statistics.received).toBe(1);
  });

  it('answers commands that are none with an error', () => {
    const { control } = attached();
    for (const bytes of [
      [0],
      [0, 9, 1],
      [0, 0],
      [0, 0, 2],
      [1, 0, 9, 0, 0, 0],
      [1, 0, 0, 0, 0, 0],
      [1, 1, 2, 3],
      [1, 2],
      [2, 0, 0, 0x10],
      [2, 7, 1, 0],
      [4, 0, 2, 0],
      [99, 0],
    ])
      expect(control(bytes)).toBe(N.VIRTIO_NET_ERR);
    expect(control(new Array(9000).fill(1))).toBe(N.VIRTIO_NET_ERR);
  });
});
