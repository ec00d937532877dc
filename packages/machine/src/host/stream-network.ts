// Networks over stream sockets (frame-stream.ts), to other processes: QEMU, passt, gvproxy, or another of ours. One that connects is a cable;
// one that listens is a switch, into which everybody who connects is plugged.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FrameSplitter, streamedFrames } from '../network/frame-stream.js';
import {
  type EthernetFrame,
  type FrameReceiver,
  type NetworkPort,
  plainFrame,
} from '../network/network-port.js';
import { NetworkSwitch } from '../network/network-switch.js';

/** Of one stream: frames on top are lost, as on any network. */
const MAX_UNSENT_BYTES = 1 << 20;
const MAX_CONNECTIONS = 64;
const RECONNECT_MS = 1000;

/** A port of the host's, or the path of a Unix socket. */
export type StreamAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Frames through one socket. */
class StreamPort implements NetworkPort {
  readonly #socket: Socket;
  #receiver: FrameReceiver | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const splitter = new FrameSplitter((bytes) => this.#receiver?.(plainFrame(bytes)));
    socket.on('data', (bytes) => {
      if (!splitter.push(bytes)) socket.destroy();
    });
    // Its end follows.
    socket.on('error', () => {});
  }

  send(frame: EthernetFrame): void {
    for (const bytes of streamedFrames(frame)) {
      if (this.#socket.writableLength + bytes.byteLength > MAX_UNSENT_BYTES) return;
      if (this.#socket.writable) this.#socket.write(bytes);
    }
  }

  listen(receiver: FrameReceiver | null): void {
    this.#receiver = receiver;
  }

  close(): void {
    this.#receiver = null;
    this.#socket.destroy();
  }
}

/** A cable to whoever listens; plugged in again when they come back. */
class ConnectedPort implements NetworkPort {
  readonly #address: StreamAddress;
  #port: StreamPort | null = null;
  #receiver: FrameReceiver | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(address: StreamAddress, socket: Socket) {
    this.#address = address;
    this.#use(socket);
  }

  #use(socket: Socket): void {
    const port = new StreamPort(socket);
    port.listen(this.#receiver);
    this.#port = port;
    socket.on('close', () => {
      this.#port = null;
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#again(), RECONNECT_MS).unref();
    });
  }

  #again(): void {
    this.#use(connect(this.#address));
  }

  send(frame: EthernetFrame): void {
    this.#port?.send(frame);
  }

  listen(receiver: FrameReceiver | null): void {
    this.#receiver = receiver;
    this.#port?.listen(receiver);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#port?.close();
  }
}

/** Connects to a network of another process. @throws Error of Node's if nobody is there */
export async function connectStreamNetwork(address: StreamAddress): Promise<NetworkPort> {
  const socket = connect(address);
  await once(socket, 'connect');
  return new ConnectedPort(address, socket);
}

export interface StreamNetwork {
  /** Our own port of the switch. */
  readonly port: NetworkPort;
  /** Where it listens. */
  readonly address: StreamAddress;
  close(): void;
}

/** A switch that other processes connect to. @throws Error of Node's if the address cannot be had */
export async function listenStreamNetwork(address: StreamAddress): Promise<StreamNetwork> {
  const network = new NetworkSwitch();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    const [outer, inner] = [new StreamPort(socket), network.addPort()];
    outer.listen((frame) => inner.send(frame));
    inner.listen((frame) => outer.send(frame));
    socket.on('close', () => {
      sockets.delete(socket);
      inner.close();
    });
  });
  server.listen(address);
  await once(server, 'listening');
  server.on('error', () => {});
  const bound = server.address() as AddressInfo | string;
  return {
    port: network.addPort(),
    address:
      typeof bound === 'string' ? { path: bound } : { host: bound.address, port: bound.port },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
