import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold, sum16 } from '../checksum.js';
import { viewOf } from '../internet-headers.js';
import { parseIpv4Address } from '../ipv4-address.js';
import { plainFrame } from '../network-port.js';
import { TCP_SYN } from '../tcp/segment.js';
import { ipv4Frame, PAYLOAD_AT, parseIpv4 } from './ipv4-packet.js';
import { FIRST_GUEST, GATEWAY, NAME_SERVER, OWN_MAC } from './layout.js';
import { GUEST_MAC, type TestGuest, type UdpMessage } from './testing-guest.contract.js';
import { type FakeStream, makeTestNetwork } from './testing-host.contract.js';

const address = (text: string): number => parseIpv4Address(text) as number;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (data: string): Uint8Array => new TextEncoder().encode(data);

function ping(guest: TestGuest, target: number, byteLength: number): Uint8Array {
  const message = Uint8Array.from({ length: byteLength }, (_, i) => i & 255);
  message.set([8, 0, 0, 0]);
  viewOf(message).setUint16(2, ~fold(sum16(viewOf(message), 0, byteLength)) & 0xffff);
  guest.send(1, target, message);
  return message;
}

/** What a DHCP message says after its fixed part. */
function optionsOf(message: UdpMessage | undefined): string {
  return (message?.data.subarray(240) ?? new Uint8Array(0)).join(' ');
}

/** A SYN of the guest's, from a port. */
function sendSyn(guest: TestGuest, target: number, sourcePort: number): void {
  const segment = new Uint8Array(20);
  const view = viewOf(segment);
  view.setUint16(0, sourcePort);
  view.setUint16(2, 80);
  view.setUint8(12, 0x50);
  view.setUint8(13, TCP_SYN);
  const frame = ipv4Frame(
    { source: FIRST_GUEST, target, protocol: 6, identification: 1 },
    segment.byteLength,
  );
  frame.set(segment, PAYLOAD_AT);
  frame.set(OWN_MAC);
  frame.set(GUEST_MAC, 6);
  guest.port.send({ ...plainFrame(frame), isChecked: true });
}

describe('the router of a user-mode network', () => {
  it('answers ARP for its own addresses only', () => {
    const { guest, pass } = makeTestNetwork();
    for (const wanted of [GATEWAY, NAME_SERVER, FIRST_GUEST, address('10.0.2.77')])
      guest.sendArp(1, FIRST_GUEST, wanted);
    pass();
    const answers = guest.frames.map(({ bytes }) => viewOf(bytes).getUint32(28));
    expect(answers).toEqual([GATEWAY, NAME_SERVER]);
    expect(guest.frames[0]?.bytes.subarray(22, 28)).toEqual(OWN_MAC);
    expect(guest.frames[0]?.bytes.subarray(0, 6)).toEqual(GUEST_MAC);
  });

  it('answers pings to itself, cut if they are long, and refuses others', () => {
    const { guest, pass, network } = makeTestNetwork();
    const message = ping(guest, GATEWAY, 64);
    pass();
    expect(guest.icmp[0]?.subarray(4)).toEqual(message.subarray(4));
    expect(guest.icmp[0]?.[0]).toBe(0);
    ping(guest, address('8.8.8.8'), 64);
    pass();
    expect([...(guest.icmp[1] ?? []).slice(0, 2)]).toEqual([3, 13]);
    guest.frames.length = 0;
    ping(guest, NAME_SERVER, 4000);
    pass();
    expect(guest.frames.map(({ bytes }) => bytes.byteLength)).toEqual([1514, 1514, 34 + 1040]);
    expect(network.statistics.malformed).toBe(0);
  });

  it('puts fragments together in any order, and loses what is odd', () => {
    const { guest, pass, network } = makeTestNetwork();
    const whole = Uint8Array.from({ length: 3000 }, (_, i) => (i * 3) & 255);
    whole.set([8, 0, 0, 0]);
    viewOf(whole).setUint16(2, ~fold(sum16(viewOf(whole), 0, 3000)) & 0xffff);
    const send = (offset: number, end: number, identification: number): void => {
      const header = { source: FIRST_GUEST, target: GATEWAY, protocol: 1, identification };
      const more = end < 3000;
      const frame = ipv4Frame(
        { ...header, fragmentOffset: offset, hasMoreFragments: more },
        end - offset,
      );
      frame.set(whole.subarray(offset, end), PAYLOAD_AT);
      frame.set(OWN_MAC);
      frame.set(GUEST_MAC, 6);
      guest.port.send(plainFrame(frame));
    };
    for (const [from, to] of [
      [2400, 3000],
      [0, 800],
      [800, 2400],
    ] as const)
      send(from, to, 1);
    pass();
    expect(guest.frames.length).toBe(3);
    const parts = guest.frames.map(({ bytes }) => parseIpv4(bytes)?.payload ?? new Uint8Array(0));
    expect(Buffer.concat(parts).subarray(4)).toEqual(Buffer.from(whole.subarray(4)));
    // Overlapping, twice the same, of odd length.
    for (const [from, to] of [
      [0, 800],
      [400, 3000],
    ] as const)
      send(from, to, 2);
    for (const [from, to] of [
      [0, 800],
      [0, 800],
    ] as const)
      send(from, to, 3);
    send(0, 801, 4);
    // More than are kept.
    for (let i = 0; i < 40; i++) send(0, 8, 100 + i);
    pass();
    expect(guest.frames.length).toBe(3);
    expect(network.statistics.fragmentsLost).toBeGreaterThanOrEqual(3 + 24);
  });

  it('gives addresses by DHCP, keeps them, and refuses those of others', () => {
    const { guest, pass } = makeTestNetwork();
    guest.sendDhcp(1);
    pass();
    const [offer] = guest.udp.splice(0);
    const view = viewOf(offer?.data as Uint8Array);
    expect([offer?.source, offer?.sourcePort, offer?.targetPort]).toEqual([GATEWAY, 67, 68]);
    expect([view.getUint8(0), view.getUint32(4)]).toEqual([2, 0x01020304]);
    expect(view.getUint32(16)).toBe(FIRST_GUEST);
    const options = optionsOf(offer);
    expect(options).toContain('53 1 2 54 4 10 0 2 2');
    expect(options).toContain('1 4 255 255 255 0 3 4 10 0 2 2 6 4 10 0 2 3 255');
    guest.sendDhcp(3, [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2]);
    pass();
    expect(guest.udp.splice(0)[0]?.data[242]).toBe(5);
    guest.sendDhcp(3, [50, 4, 10, 0, 2, 99]);
    pass();
    expect(guest.udp.splice(0)[0]?.data[242]).toBe(6);
    // It has chosen another server.
    guest.sendDhcp(3, [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 1]);
    pass();
    expect(guest.udp.length).toBe(0);
  });

  it('tells of no router in a restricted network', () => {
    const { guest, pass } = makeTestNetwork({ isRestricted: true });
    guest.sendDhcp(1);
    pass();
    const options = optionsOf(guest.udp[0]);
    expect(options).toContain('1 4 255 255 255 0 255');
  });
});

describe('UDP of a guest', () => {
  it('to the name server goes to the resolver of the host, and its answers come back', () => {
    const { guest, host, pass } = makeTestNetwork();
    guest.sendUdp(NAME_SERVER, 53, bytesOf('who?'));
    const [socket] = host.sockets;
    expect(text(socket?.sent[0]?.bytes as Uint8Array)).toBe('who?');
    expect(socket?.sent[0]?.to).toEqual({ address: '192.0.2.53', port: 53 });
    // The first answer waits for the guest to say where it is.
    socket?.receive(bytesOf('me'), { address: '192.0.2.53', port: 53 });
    // Nobody has asked this one.
    socket?.receive(bytesOf('no, me'), { address: '192.0.2.54', port: 53 });
    pass();
    expect(guest.udp.map(({ source, data }) => [source, text(data)])).toEqual([
      [NAME_SERVER, 'me'],
    ]);
    pass(30);
    expect([host.openSockets, guest.udp.length]).toEqual([0, 1]);
  });

  it('takes answers from another port of the same address, as TFTP sends them', () => {
    const { guest, host, pass } = makeTestNetwork();
    guest.sendUdp(address('192.0.2.7'), 69, bytesOf('file'));
    host.sockets[0]?.receive(bytesOf('block'), { address: '192.0.2.7', port: 4444 });
    pass();
    expect(guest.udp[0]).toMatchObject({ source: address('192.0.2.7'), sourcePort: 4444 });
  });

  it('goes nowhere that guests may not reach, and says so', () => {
    const { guest, host, pass, network } = makeTestNetwork();
    for (const target of ['127.0.0.1', '0.0.0.1', '10.0.2.77', '240.0.0.1'])
      guest.sendUdp(address(target), 53, bytesOf('x'));
    guest.sendUdp(NAME_SERVER, 54, bytesOf('x'));
    guest.sendUdp(address('224.0.0.251'), 5353, bytesOf('x'));
    pass();
    expect(host.sockets.length).toBe(0);
    expect(guest.icmp.map((message) => [message[0], message[1]])).toEqual([
      ...Array.from({ length: 4 }, () => [3, 13]),
      [3, 3],
    ]);
    expect(network.statistics.refused).toBe(5);
  });

  it('is answered by whom it has written to last: no more of them are remembered', () => {
    const { guest, host, pass } = makeTestNetwork();
    const peers = Array.from({ length: 300 }, (_, i) => ({
      address: `192.0.${i >> 8}.${i & 255}`,
    }));
    for (const peer of peers) guest.sendUdp(address(peer.address), 9, bytesOf('x'));
    for (const peer of peers) host.sockets[0]?.receive(bytesOf('y'), { ...peer, port: 9 });
    pass();
    // An endpoint, and its address alone for answers from other ports, are two.
    expect(guest.udp.length).toBe(32);
    expect(guest.udp.at(-1)?.source).toBe(address('192.0.1.43'));
  });

  it('has a bounded number of flows', () => {
    const { guest, host, network, pass } = makeTestNetwork();
    for (let i = 0; i < 2000; i++) guest.sendUdp(address('192.0.2.1'), 9, bytesOf('x'), 1000 + i);
    expect(network.flowCount).toBe(512);
    expect(host.openSockets).toBe(512);
    pass(200);
    expect([network.flowCount, host.openSockets]).toEqual([0, 0]);
  });
});

describe('TCP of a guest', () => {
  const deaf = { onOpen() {}, onData() {}, onSpace() {}, onEnd() {}, onClosed() {} };

  it('is answered when the host has connected', () => {
    const { guest, host, pass } = makeTestNetwork();
    const connection = guest.connect(address('192.0.2.1'), 80, deaf);
    pass(0.2);
    expect(connection.state).toBe('syn-sent');
    expect(host.streams[0]?.to).toEqual({ address: '192.0.2.1', port: 80 });
    host.streams[0]?.events.onConnected();
    pass();
    expect(connection.state).toBe('open');
    connection.write(bytesOf('question'));
    connection.write(bytesOf('!'));
    expect(host.streams[0]?.written.map(text)).toEqual(['question']);
    host.streams[0]?.events.onWritten();
    expect(host.streams[0]?.written.map(text)).toEqual(['question', '!']);
    host.streams[0]?.events.onWritten();
    connection.end();
    pass();
    expect(host.streams[0]?.isEnded).toBe(true);
  });

  it('is in the budget of bytes until the host has taken all of it, though both have ended', () => {
    const { guest, host, pass, network } = makeTestNetwork();
    const connection = guest.connect(address('192.0.2.1'), 80, deaf);
    const stream = host.streams[0] as FakeStream;
    stream.events.onConnected();
    pass();
    for (let i = 0; i < 10; i++) connection.write(new Uint8Array(20_000));
    connection.end();
    pass(1);
    stream.events.onEnd();
    pass(1);
    expect(connection.state).toBe('time-wait');
    expect([network.flowCount, network.bufferedBytes]).toEqual([1, 200_000]);
    for (let done = 0; done < stream.written.length; done++) stream.events.onWritten();
    expect([stream.isEnded, network.bufferedBytes]).toEqual([true, 0]);
    stream.events.onClosed(null);
    expect(network.flowCount).toBe(0);
  });

  it('gives back what it kept when the host resets it after both have ended', () => {
    const { guest, host, pass, network } = makeTestNetwork();
    const connection = guest.connect(address('192.0.2.1'), 80, deaf);
    const stream = host.streams[0] as FakeStream;
    stream.events.onConnected();
    pass();
    connection.write(new Uint8Array(20_000));
    connection.write(new Uint8Array(20_000));
    connection.end();
    stream.events.onEnd();
    pass(1);
    expect(network.bufferedBytes).toBe(40_000);
    stream.events.onClosed('reset');
    expect([network.flowCount, network.bufferedBytes]).toEqual([0, 0]);
  });

  it('hears of a host that cannot be reached, and of one that resets', () => {
    const { guest, host, pass, network } = makeTestNetwork();
    const ends: string[] = [];
    const events = { ...deaf, onClosed: (end: string) => ends.push(end) };
    guest.connect(address('192.0.2.1'), 80, events);
    host.streams[0]?.events.onClosed('unreachable');
    pass();
    expect([...(guest.icmp[0] ?? []).slice(0, 2)]).toEqual([3, 1]);
    const second = guest.connect(address('192.0.2.1'), 80, events);
    host.streams[1]?.events.onConnected();
    pass();
    expect(second.state).toBe('open');
    host.streams[1]?.events.onClosed('reset');
    pass();
    expect(ends).toEqual(['reset']);
    expect(network.flowCount).toBe(0);
  });

  it('has a bounded number of connections; an idle one makes room for a new one', () => {
    const { guest, host, network, pass } = makeTestNetwork();
    for (let i = 0; i < 2000; i++) sendSyn(guest, address('192.0.2.1'), 1000 + i);
    expect([network.flowCount, host.streams.length]).toEqual([512, 512]);
    pass(61);
    sendSyn(guest, address('192.0.2.1'), 5000);
    expect([network.flowCount, host.streams.length]).toEqual([512, 513]);
    expect(host.streams[0]?.isReset).toBe(true);
    network.close();
    expect(host.streams.every(({ isReset }) => isReset)).toBe(true);
  });
});

describe('frames that make no sense', () => {
  it('are lost, whatever they are: nothing throws, and nothing grows', () => {
    const { guest, host, network, pass } = makeTestNetwork();
    const header = fc.record({
      type: fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100, 5),
      protocol: fc.constantFrom(1, 6, 17, 2),
      source: fc.constantFrom(0, FIRST_GUEST, GATEWAY, 0xffff_ffff, address('10.0.2.200')),
      target: fc.constantFrom(GATEWAY, NAME_SERVER, 0xffff_ffff, address('192.0.2.9')),
      fragment: fc.constantFrom(0, 0x2000, 1, 0x2001, 0x1fff),
      isSummed: fc.boolean(),
      isChecked: fc.boolean(),
      body: fc.uint8Array({ maxLength: 400 }),
      cut: fc.nat({ max: 80 }),
    });
    fc.assert(
      fc.property(header, (given) => {
        const { source, target, protocol, body } = given;
        const bytes = ipv4Frame({ source, target, protocol, identification: 7 }, body.byteLength);
        bytes.set(OWN_MAC);
        bytes.set(GUEST_MAC, 6);
        bytes.set(body, PAYLOAD_AT);
        const view = viewOf(bytes);
        view.setUint16(12, given.type);
        view.setUint16(20, given.fragment);
        view.setUint16(24, 0);
        if (given.isSummed) view.setUint16(24, ~fold(sum16(view, 14, 34)) & 0xffff);
        // UDP to DHCP, to have that see it too.
        if (protocol === 17 && body.byteLength > 250) view.setUint16(PAYLOAD_AT + 2, 67);
        const frame = given.cut > 60 ? bytes.subarray(0, given.cut) : bytes;
        guest.port.send({ ...plainFrame(frame), isChecked: given.isChecked });
      }),
      { numRuns: 5000 },
    );
    pass(0.1);
    const { malformed, ignored, refused } = network.statistics;
    expect(Math.min(malformed, ignored, refused)).toBeGreaterThan(10);
    expect(network.flowCount).toBeLessThanOrEqual(1024);
    expect(host.openSockets).toBeLessThanOrEqual(512);
    expect(network.bufferedBytes).toBeLessThan(1 << 20);
    ping(guest, GATEWAY, 64);
    pass();
    expect(guest.icmp.at(-1)?.[0]).toBe(0);
  }, 60_000);
});
