// NBD servers by address (the NetworkBlockDevice project's doc/uri.md): `nbd://host:port/export` and `nbd+unix:///export?socket=path`.
import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import { BlockError } from '../storage/block-backend.js';
import type { ByteStream } from '../storage/nbd/byte-stream.js';
import { NbdFile } from '../storage/nbd/nbd-file.js';
import { DEFAULT_PORT } from '../storage/nbd/protocol.js';

/** A server that does not answer for so long is gone. */
const PATIENCE_MS = 30_000;

export interface NbdAddress {
  readonly connect: NetConnectOpts;
  readonly exportName: string;
}

export function isNbdAddress(name: string): boolean {
  return /^nbds?(\+unix)?:/i.test(name);
}

/** @throws BlockError `bad-image` for an address that is not one of the two kinds */
export function parseNbdAddress(text: string): NbdAddress {
  const wrong = (what: string): BlockError =>
    new BlockError(
      'bad-image',
      `${text}: ${what}; write nbd://host:port/export or nbd+unix:///export?socket=path`,
    );
  if (/^nbds/i.test(text)) throw wrong('NBD with TLS is not supported');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('is no address');
  }
  const exportName = decodeURIComponent(url.pathname.replace(/^\//, ''));
  if (url.protocol === 'nbd+unix:') {
    const path = url.searchParams.get('socket');
    if (!path) throw wrong('names no socket');
    return { connect: { path }, exportName };
  }
  if (url.hostname === '') throw wrong('names no host');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { connect: { host, port: Number(url.port || DEFAULT_PORT) }, exportName };
}

/** @throws BlockError */
export async function openNbdFile(
  address: string,
  options: { readonly isReadOnly: boolean; readonly patienceMs?: number },
): Promise<NbdFile> {
  const { connect, exportName } = parseNbdAddress(address);
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  return NbdFile.open({
    name: address,
    exportName,
    isReadOnly: options.isReadOnly,
    connect: () => openStream(address, connect, patienceMs),
  });
}

function openStream(
  address: string,
  where: NetConnectOpts,
  patienceMs: number,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(where);
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), patienceMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(new SocketStream(socket, patienceMs));
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      const what = `${address}: no NBD server answers: ${error.message}`;
      reject(new BlockError('io', what, { cause: error }));
    });
  });
}

class SocketStream implements ByteStream {
  readonly #socket: Socket;
  readonly #patienceMs: number;
  readonly #chunks: Buffer[] = [];
  #available = 0;
  #wanted: {
    byteLength: number;
    resolve(bytes: Uint8Array): void;
    reject(error: Error): void;
  } | null = null;
  #end: Error | null = null;

  constructor(socket: Socket, patienceMs: number) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#available += chunk.byteLength;
      this.#deliver();
    });
    socket.on('error', (error) => this.#finish(error));
    socket.on('close', () => this.#finish(new Error('the server closed it')));
    socket.on('timeout', () => socket.destroy(new Error('the server does not answer')));
  }

  send(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  take(byteLength: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#wanted = { byteLength, resolve, reject };
      this.#deliver();
    });
  }

  #deliver(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    if (this.#available >= wanted.byteLength) {
      this.#wanted = null;
      wanted.resolve(this.#cut(wanted.byteLength));
    } else if (this.#end) {
      this.#wanted = null;
      wanted.reject(this.#end);
    }
    // What nobody asks for waits in the host's buffers.
    if (this.#available > 0 && !this.#wanted) this.#socket.pause();
    else this.#socket.resume();
  }

  /** The first bytes of what came. */
  #cut(byteLength: number): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    for (let done = 0; done < byteLength; ) {
      const chunk = this.#chunks[0] as Buffer;
      const part = chunk.subarray(0, byteLength - done);
      bytes.set(part, done);
      done += part.byteLength;
      if (part.byteLength === chunk.byteLength) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.byteLength);
    }
    this.#available -= byteLength;
    return bytes;
  }

  #finish(reason: Error): void {
    this.#end ??= reason;
    this.#deliver();
  }

  setWaiting(isWaiting: boolean): void {
    this.#socket.setTimeout(isWaiting ? this.#patienceMs : 0);
  }

  close(): void {
    this.#socket.end();
    // A server that keeps its half open does not keep us.
    this.#socket.unref();
    this.#socket.destroySoon();
  }
}
