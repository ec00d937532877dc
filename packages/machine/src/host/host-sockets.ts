// HostSockets: the host's TCP and UDP sockets for a user-mode network. Nothing of them throws once they are open: what the host refuses is an
// event, or a datagram that is lost.
import {
  createSocket,
  type RemoteInfo,
  type SocketOptions,
  type Socket as UdpSocket,
} from 'node:dgram';
import { getServers } from 'node:dns';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type {
  HostDatagrams,
  HostEndpoint,
  HostListener,
  HostNetwork,
  HostStream,
  HostStreamEvents,
  OnDatagram,
} from '../network/user/host-network.js';
import { DNS_PORT } from '../network/user/routes.js';
import { SocketStream } from './socket-stream.js';

/** Of all sockets together: what Node has not passed on to the kernel yet. */
const MAX_UNSENT_BYTES = 1 << 20;

export class HostSockets implements HostNetwork {
  #unsentBytes = 0;

  connect({ address, port }: HostEndpoint, events: HostStreamEvents): HostStream {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    socket.once('connect', () => events.onConnected());
    return new SocketStream(socket, events);
  }

  openDatagrams(family: 4 | 6, onDatagram: OnDatagram): HostDatagrams {
    const type = family === 6 ? 'udp6' : 'udp4';
    return this.#datagrams(createSocket({ type, lookup: addressAsIs }), onDatagram);
  }

  async listen(
    { address, port }: HostEndpoint,
    onStream: (open: (events: HostStreamEvents) => HostStream) => void,
  ): Promise<HostListener> {
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
    const server = createServer(options, (socket) =>
      onStream((events) => new SocketStream(socket, events)),
    );
    server.listen({ host: address, port });
    await once(server, 'listening');
    // A connection that cannot be accepted is lost; the others go on.
    server.on('error', () => {});
    return { close: () => void server.close() };
  }

  async bindDatagrams(
    { address, port }: HostEndpoint,
    onDatagram: OnDatagram,
  ): Promise<HostDatagrams> {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, lookup: addressAsIs });
    const listening = once(socket, 'listening');
    socket.bind({ address, port });
    await listening;
    return this.#datagrams(socket, onDatagram);
  }

  #datagrams(socket: UdpSocket, onDatagram: OnDatagram): HostDatagrams {
    let isClosed = false;
    /** What each datagram that Node has not passed on yet counts. */
    const unsent = new Set<{ readonly byteLength: number }>();
    const settle = (datagram: { readonly byteLength: number }): void => {
      if (unsent.delete(datagram)) this.#unsentBytes -= datagram.byteLength;
    };
    // Node forgets, without a word, what waits in a socket that cannot be bound, or is closed.
    const settleAll = (): void => {
      for (const datagram of unsent) settle(datagram);
    };
    socket.on('message', (bytes, from: RemoteInfo) => {
      // Nobody can be answered at port 0.
      if (!isClosed && from.port !== 0)
        onDatagram(bytes, { address: from.address, port: from.port });
    });
    socket.on('error', settleAll);
    return {
      send: (bytes, { address, port }) => {
        const { byteLength } = bytes;
        if (isClosed || this.#unsentBytes + byteLength > MAX_UNSENT_BYTES) return;
        const datagram = { byteLength };
        unsent.add(datagram);
        this.#unsentBytes += byteLength;
        socket.send(bytes, port, address, () => settle(datagram));
      },
      close: () => {
        if (!isClosed) socket.close();
        isClosed = true;
        settleAll();
      },
    };
  }

  nameServer(): HostEndpoint | null {
    const [first] = getServers();
    return first === undefined ? null : parseServer(first);
  }
}

/** Addresses are never names. Node's own look-up would have each datagram wait for its event loop. */
const addressAsIs: NonNullable<SocketOptions['lookup']> = (address, _options, done) => {
  done(null, address, address.includes(':') ? 6 : 4);
};

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function parseServer(text: string): HostEndpoint {
  const bracketed = /^\[(.*)\]:(\d+)$/.exec(text) ?? /^([^:]*):(\d+)$/.exec(text);
  const [, address = text, port = String(DNS_PORT)] = bracketed ?? [];
  return { address, port: Number(port) };
}
