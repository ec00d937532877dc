// VsockSockets: Unix sockets at the host's end of a guest's vsock, as Firecracker has them. What connects to PATH and sends `CONNECT <port>`
// talks to a port of the guest's, after the answer `OK <port>`; the guest talks to whoever listens at PATH_<port>.
import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { VsockHost, VsockReceiver, VsockStream, VsockStreamEvents } from '@proxeny/virtio';
import { SocketStream } from './socket-stream.js';
import { isListening, SOCKET_PATH_MAX_BYTES } from './unix-socket.js';

/** A longer line says nothing. */
const MAX_LINE_BYTES = 64;
const LINE_FEED = 10;
const MAX_PORT = 0xffff_ffff;
/** `_4294967295`. */
const PORT_CHARACTERS = 11;
/** Twice what the device has connections. */
const MAX_SOCKETS = 512;

export class VsockSockets implements VsockHost {
  readonly #path: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  #receiver: VsockReceiver | null = null;

  private constructor(path: string, server: Server) {
    this.#path = path;
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#keep(socket);
      this.#readLine(socket);
    });
    // A connection that cannot be accepted is lost; the others go on.
    server.on('error', () => {});
  }

  /** Listens at `path`; a socket that nobody listens at any more is replaced. @throws Error of Node's, or one that says what is wrong */
  static async listen(path: string): Promise<VsockSockets> {
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES - PORT_CHARACTERS)
      throw new Error('the path is too long for a socket with a port after it');
    const status = await lstat(path).catch(() => null);
    if (status?.isSocket() && !(await isListening(path))) await unlink(path);
    const server = createServer({ allowHalfOpen: true });
    server.listen(path);
    await once(server, 'listening');
    return new VsockSockets(path, server);
  }

  connect(port: number, events: VsockStreamEvents): VsockStream {
    const socket = connect({ path: `${this.#path}_${port}`, allowHalfOpen: true });
    this.#keep(socket);
    socket.once('connect', () => events.onConnected());
    return new SocketStream(socket, events);
  }

  /** Another guest, or the same one anew: connections of the last one end. */
  listen(receiver: VsockReceiver | null): void {
    this.#receiver = receiver;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Listens no more, and ends all connections. */
  close(): void {
    this.#server.close();
    this.listen(null);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size > MAX_SOCKETS) socket.destroy();
  }

  /** Waits for the line that says where to; what follows it is left in the socket. */
  #readLine(socket: Socket): void {
    let line = '';
    const giveUp = (): void => void socket.destroy();
    const read = (): void => {
      for (let byte = socket.read(1); byte !== null; byte = socket.read(1)) {
        if (byte[0] === LINE_FEED) {
          socket.off('readable', read);
          socket.off('end', giveUp);
          this.#request(socket, line);
          return;
        }
        line += byte.toString('latin1');
        if (line.length <= MAX_LINE_BYTES) continue;
        giveUp();
        return;
      }
    };
    socket.on('readable', read);
    socket.on('end', giveUp);
  }

  #request(socket: Socket, line: string): void {
    const [, digits] = /^CONNECT (\d{1,10})\r?$/.exec(line) ?? [];
    const port = Number(digits);
    if (digits === undefined || port > MAX_PORT || !this.#receiver) {
      socket.destroy();
      return;
    }
    const leave = this.#receiver({
      port,
      accept: (hostPort, events) => {
        socket.off('close', leave);
        socket.write(`OK ${hostPort}\n`);
        const stream = new SocketStream(socket, events);
        socket.resume();
        return stream;
      },
      refuse: () => void socket.destroy(),
    });
    socket.on('close', leave);
  }
}
