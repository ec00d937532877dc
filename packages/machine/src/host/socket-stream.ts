// SocketStream: a stream socket of the host's, TCP or Unix, as whoever carries a guest's connections wants it. Nothing of it throws: what
// the host refuses is an event.
import type { Socket } from 'node:net';
import type { HostFailure, HostStream, HostStreamEvents } from '../network/user/host-network.js';

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

export class SocketStream implements HostStream {
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
    const { connecting, destroyed, remoteAddress } = this.#socket;
    // Unix sockets have no address, and no resets.
    if (connecting || destroyed || remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
