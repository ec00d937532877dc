import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeCable } from '../network/cable.js';
import type { TcpConnection } from '../network/tcp/tcp-connection.js';
import type { TcpEvents } from '../network/tcp/tcp-options.js';
import { FIRST_GUEST, GATEWAY } from '../network/user/layout.js';
import { TestGuest, type TestGuestOptions } from '../network/user/testing-guest.contract.js';
import { UserNetwork, type UserNetworkOptions } from '../network/user/user-network.js';
import { HostAlarm } from './host-alarm.js';
import { HostSockets } from './host-sockets.js';
import { hostRandomU32 } from './random.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function plug(
  guestOptions: TestGuestOptions = {},
  options: Partial<UserNetworkOptions> = {},
): { guest: TestGuest; network: UserNetwork } {
  const [port, far] = makeCable();
  const host = new HostSockets();
  const alarm = new HostAlarm();
  const network = new UserNetwork({ port: far, host, alarm, randomU32: hostRandomU32, ...options });
  const guest = new TestGuest(port, new HostAlarm(), guestOptions);
  closers.push(() => network.close());
  return { guest, network };
}

async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function pattern(byteLength: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 7 + (i >>> 8) * 13 + seed) & 0xff);
}

/** The guest sends `bytes` to a connection as fast as it goes, ends it, and gets all that comes. */
function exchange(
  open: (events: TcpEvents) => TcpConnection,
  bytes: Uint8Array,
): Promise<{ end: string; got: Uint8Array }> {
  return new Promise((resolve) => {
    const got: Uint8Array[] = [];
    let done = 0;
    const fill = (): void => {
      while (done < bytes.byteLength && connection.bufferedBytes < 300_000) {
        connection.write(bytes.subarray(done, done + 50_000).slice());
        done += 50_000;
      }
      if (done >= bytes.byteLength) connection.end();
    };
    const connection = open({
      onOpen: () => fill(),
      onSpace: fill,
      onData: (part) => {
        got.push(part);
        connection.consumed(part.byteLength);
      },
      onEnd: () => resolve({ end: 'fin', got: Buffer.concat(got) }),
      onClosed: (end) => resolve({ end, got: Buffer.concat(got) }),
    });
  });
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

vi.setConfig({ testTimeout: 60_000 });

describe('through a user-mode network', () => {
  it.each([
    ['with offloads', {}],
    ['without', { offloads: false }],
    ['with losses', { offloads: false, isLost: (i: number) => i % 97 === 5 }],
  ])('a guest %s sends to a server of the host, and gets all of it back', async (_, options) => {
    const port = await serve((socket) => socket.pipe(socket));
    const { guest, network } = plug(options);
    const bytes = pattern(3_000_000, 1);
    const { got, end } = await exchange((events) => guest.connect(GATEWAY, port, events), bytes);
    expect(isSame(got, bytes)).toBe(true);
    expect(end).toBe('fin');
    await until(() => network.flowCount === 0);
    expect(network.bufferedBytes).toBe(0);
  });

  it('a guest has 200 connections at once', async () => {
    const port = await serve((socket) => socket.pipe(socket));
    const { guest, network } = plug();
    const all = Array.from({ length: 200 }, (_, i) => {
      const bytes = pattern(20_000 + i, i);
      return exchange((events) => guest.connect(GATEWAY, port, events), bytes).then(
        ({ got, end }) => end === 'fin' && isSame(got, bytes),
      );
    });
    expect((await Promise.all(all)).every(Boolean)).toBe(true);
    await until(() => network.flowCount === 0);
    expect(network.bufferedBytes).toBe(0);
  });

  it('a slow server holds the guest back, and a slow guest the server', async () => {
    const sockets: Socket[] = [];
    const port = await serve((socket) => {
      sockets.push(socket);
      socket.pause();
    });
    const { guest, network } = plug();
    let open = (): void => {};
    const isOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    const connection = guest.connect(GATEWAY, port, {
      onOpen: () => open(),
      onData: () => {}, // and never says that it has room
      onSpace: () => {},
      onEnd: () => {},
      onClosed: () => {},
    });
    await isOpen;
    connection.write(new Uint8Array(30 << 20));
    sockets[0]?.write(new Uint8Array(30 << 20));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(network.bufferedBytes).toBeLessThan(2_000_000);
    expect(connection.bufferedBytes).toBeGreaterThan(20 << 20);
    sockets[0]?.destroy();
  });

  it('a connection that the host refuses is refused to the guest; so is one when restricted', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const open = (guest: TestGuest) => (events: TcpEvents) => guest.connect(GATEWAY, port, events);
    const restricted = plug({}, { isRestricted: true });
    const apart = plug({}, { reachesHost: false });
    const nothing = new Uint8Array(0);
    expect((await exchange(open(restricted.guest), nothing)).end).toBe('reset');
    expect((await exchange(open(apart.guest), nothing)).end).toBe('reset');
    await new Promise((resolve) => server.close(resolve));
    const { guest, network } = plug();
    expect((await exchange(open(guest), nothing)).end).toBe('reset');
    expect(network.flowCount).toBe(0);
  });

  it('the host reaches a forwarded port of the guest, even before the guest is there', async () => {
    const { guest, network } = plug({}, { isRestricted: true });
    const host = { address: '127.0.0.1', port: await freePort() };
    const forward = { protocol: 'tcp' as const, host, guest: { address: FIRST_GUEST, port: 80 } };
    await network.forward(forward);
    const socket = connect({ host: host.address, port: host.port, allowHalfOpen: true });
    await once(socket, 'connect');
    guest.onConnection = () => {
      let own: TcpConnection | null = null;
      return {
        onOpen: (connection) => {
          own = connection;
        },
        onData: (bytes) => {
          own?.write(bytes);
          own?.consumed(bytes.byteLength);
        },
        onSpace: () => {},
        onEnd: () => own?.end(),
        onClosed: () => {},
      };
    };
    const bytes = pattern(500_000, 7);
    socket.end(bytes);
    const got: Uint8Array[] = [];
    for await (const part of socket) got.push(part as Uint8Array);
    expect(isSame(Buffer.concat(got), bytes)).toBe(true);
    await expect(network.forward(forward)).rejects.toThrow('EADDRINUSE');
  });

  it('UDP goes on however many sockets were closed with datagrams that had not been sent', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const got: number[] = [];
    server.on('message', ([first = 0]) => got.push(first));
    const { port } = server.address();
    const sockets = new HostSockets();
    for (let round = 0; round < 40; round++) {
      const socket = sockets.openDatagrams(4, () => {});
      socket.send(new Uint8Array(60_000), { address: '127.0.0.1', port });
      socket.close();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = sockets.openDatagrams(4, () => {});
    closers.push(() => last.close());
    last.send(new Uint8Array(60_000).fill(1), { address: '127.0.0.1', port });
    await until(() => got.includes(1));
  });

  it('UDP goes to the host and back, and from the host to a forwarded port and back', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    server.on('message', (bytes, { port }) => server.send(Buffer.concat([bytes, bytes]), port));
    const { guest, network } = plug();
    const { port } = server.address();
    guest.sendUdp(GATEWAY, port, pattern(500, 3));
    await until(() => guest.udp.length > 0);
    expect(guest.udp[0]).toMatchObject({ source: GATEWAY, sourcePort: port, targetPort: 5000 });
    expect(isSame(guest.udp[0]?.data.subarray(500) as Uint8Array, pattern(500, 3))).toBe(true);

    const host = { address: '127.0.0.1', port: await freePort() };
    const to = { address: FIRST_GUEST, port: 69 };
    await network.forward({ protocol: 'udp', host, guest: to });
    const visitor = createSocket('udp4');
    closers.push(() => visitor.close());
    visitor.send('hello', host.port, host.address);
    await until(() => guest.udp.length > 1);
    const { source, sourcePort, targetPort } = guest.udp[1] as (typeof guest.udp)[0];
    expect([source, targetPort]).toEqual([GATEWAY, 69]);
    guest.sendUdp(source, sourcePort, new TextEncoder().encode('answer'), 69);
    const [answer] = await once(visitor, 'message');
    expect(String(answer)).toBe('answer');
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
