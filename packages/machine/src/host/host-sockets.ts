// HostSockets: the host's TCP and UDP sockets for a user-mode network. Nothing of them throws once they are open: what the host refuses is an
// event, or a datagram that is lost.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type {
  HostDatagrams,
  HostEndpoint,
  HostFailure,
  HostListener,
  HostNetwork,
  HostStream,
  HostStreamEvents,
  OnDatagram,
} from '../network/user/host-network.js';

/** Of all sockets together: what Node has not passed on to the kernel yet. */
const MAX_UNSENT_BYTES = 1 << 20;
const DNS_PORT = 53;

const failures: Readonly<Record<string, HostFailure>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EINVAL: 'unreachable',
};

class SocketStream implements HostStream {
  readonly #socket: Socket;
  readonly #events: HostStreamEvents;
  #isReset = false;

  constructor(socket: Socket, events: HostStreamEvents) {
    this.#socket = socket;
    this.#events = events;
    let failure: HostFailure | null = null;
    socket.on('data', (bytes) => {
      if (!this.#isReset) events.onData(bytes);
    });
    socket.on('end', () => {
      if (!this.#isReset) events.onEnd();
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      failure = failures[code] ?? 'reset';
    });
    socket.on('close', () => {
      if (!this.#isReset) events.onClosed(failure);
    });
  }

  write(bytes: Uint8Array): void {
    let isTaken = false;
    const taken = (): void => {
      if (isTaken || this.#isReset) return;
      isTaken = true;
      this.#events.onWritten();
    };
    this.#socket.write(bytes, (error) => {
      // A failed one is followed by the end of the stream.
      if (!error) taken();
    });
    // Node tells a turn later what the kernel has taken at once.
    if (this.#socket.writableLength === 0) taken();
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#isReset = true;
    if (this.#socket.connecting || this.#socket.destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

export class HostSockets implements HostNetwork {
  #unsentBytes = 0;

  connect({ address, port }: HostEndpoint, events: HostStreamEvents): HostStream {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    socket.once('connect', () => events.onConnected());
    return new SocketStream(socket, events);
  }

  openDatagrams(family: 4 | 6, onDatagram: OnDatagram): HostDatagrams {
    return this.#datagrams(createSocket(family === 6 ? 'udp6' : 'udp4'), onDatagram);
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
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind({ address, port });
    await once(socket, 'listening');
    return this.#datagrams(socket, onDatagram);
  }

  #datagrams(socket: UdpSocket, onDatagram: OnDatagram): HostDatagrams {
    let isClosed = false;
    socket.on('message', (bytes, from: RemoteInfo) => {
      // Nobody can be answered at port 0.
      if (!isClosed && from.port !== 0)
        onDatagram(bytes, { address: from.address, port: from.port });
    });
    socket.on('error', () => {});
    return {
      send: (bytes, { address, port }) => {
        const { byteLength } = bytes;
        if (isClosed || this.#unsentBytes + byteLength > MAX_UNSENT_BYTES) return;
        this.#unsentBytes += byteLength;
        socket.send(bytes, port, address, () => {
          this.#unsentBytes -= byteLength;
        });
      },
      close: () => {
        if (!isClosed) socket.close();
        isClosed = true;
      },
    };
  }

  nameServer(): HostEndpoint | null {
    const [first] = getServers();
    return first === undefined ? null : parseServer(first);
  }
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function parseServer(text: string): HostEndpoint {
  const bracketed = /^\[(.*)\]:(\d+)$/.exec(text) ?? /^([^:]*):(\d+)$/.exec(text);
  const [, address = text, port = String(DNS_PORT)] = bracketed ?? [];
  return { address, port: Number(port) };
}
