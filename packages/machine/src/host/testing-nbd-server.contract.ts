// A small NBD server for tests, of what a client must get along with.

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { command, option } from '../storage/nbd/protocol.js';

export interface NbdServerOptions {
  readonly bytes: Uint8Array;
  /** Replies with chunks, data and holes mixed. */
  readonly hasStructuredReplies?: boolean;
  /** Knows the option GO; else only the older EXPORT_NAME. */
  readonly hasGo?: boolean;
  /** Transmission flags; default: everything. */
  readonly flags?: number;
  readonly minBlockBytes?: number;
  /** The errno of requests from byte 4096 on. */
  readonly errno?: number;
}

const EVERYTHING = 1 | (1 << 2) | (1 << 5) | (1 << 6);
const ERROR_UNSUPPORTED = 0x8000_0001;
const ERROR_UNKNOWN = 0x8000_0006;

/** A running server, and what it has seen. */
export class NbdServer {
  readonly options: NbdServerOptions;
  readonly seen: { readonly type: number; readonly at: number; readonly byteLength: number }[] = [];
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    this.#serve(socket).catch(() => socket.destroy());
  });
  readonly #sockets: Set<Socket> = new Set();
  /** Requests are taken and not answered. */
  isSilent = false;

  constructor(options: NbdServerOptions) {
    this.options = options;
  }

  /** @returns its address, for the export `disk` */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `nbd://127.0.0.1:${this.port}/disk`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As if it was killed. */
  async stop(): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async #serve(socket: Socket): Promise<void> {
    const take = taker(socket);
    const hello = Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1');
    socket.write(hello);
    await take(4);
    while (!(await this.#option(socket, take)));
    while (await this.#request(socket, take));
    socket.end();
  }

  /** @returns whether an export was chosen */
  async #option(socket: Socket, take: Taker): Promise<boolean> {
    const { hasGo = true, hasStructuredReplies = false, minBlockBytes = 1 } = this.options;
    const head = await take(16);
    const number = head.readUInt32BE(8);
    const data = await take(head.readUInt32BE(12));
    const reply = (type: number, payload = Buffer.alloc(0)): void => {
      const bytes = Buffer.alloc(20);
      bytes.writeBigUInt64BE(0x0003e889045565a9n, 0);
      bytes.writeUInt32BE(number, 8);
      bytes.writeUInt32BE(type, 12);
      bytes.writeUInt32BE(payload.byteLength, 16);
      socket.write(Buffer.concat([bytes, payload]));
    };
    const size = Buffer.alloc(10);
    size.writeBigUInt64BE(BigInt(this.options.bytes.byteLength), 0);
    size.writeUInt16BE(this.options.flags ?? EVERYTHING, 8);
    if (number === option.exportName) {
      socket.write(size);
      return true;
    }
    if (number === option.structuredReply) reply(hasStructuredReplies ? 1 : ERROR_UNSUPPORTED);
    else if (number !== option.go || !hasGo) reply(ERROR_UNSUPPORTED);
    else if (data.subarray(4, 4 + data.readUInt32BE(0)).toString() !== 'disk')
      reply(ERROR_UNKNOWN, Buffer.from('look elsewhere'));
    else {
      reply(3, Buffer.concat([Buffer.from([0, 0]), size]));
      const sizes = Buffer.alloc(14);
      sizes.writeUInt16BE(3, 0);
      sizes.writeUInt32BE(minBlockBytes, 2);
      sizes.writeUInt32BE(4096, 6);
      sizes.writeUInt32BE(65536, 10);
      reply(3, sizes);
      reply(1);
      return true;
    }
    return false;
  }

  /** @returns false after the goodbye */
  async #request(socket: Socket, take: Taker): Promise<boolean> {
    const head = await take(28);
    const type = head.readUInt16BE(6);
    const at = Number(head.readBigUInt64BE(16));
    const byteLength = head.readUInt32BE(24);
    this.seen.push({ type, at, byteLength });
    if (type === command.disconnect) return false;
    const payload = type === command.write ? await take(byteLength) : null;
    if (this.isSilent) return true;
    const { bytes, errno = 0, hasStructuredReplies } = this.options;
    const range = bytes.subarray(at, at + byteLength);
    if (errno !== 0 && at >= 4096) return this.#answer(socket, head, errno, null);
    if (payload) range.set(payload);
    if (type === command.writeZeroes || type === command.trim) range.fill(0);
    const data = type === command.read ? range : null;
    if (data && hasStructuredReplies) this.#answerInChunks(socket, head, at, data);
    else this.#answer(socket, head, 0, data);
    return true;
  }

  #answer(socket: Socket, head: Buffer, errno: number, data: Uint8Array | null): boolean {
    if (errno !== 0 && this.options.hasStructuredReplies) {
      const text = Buffer.from('\0\0\0\0\0\x05no no');
      text.writeUInt32BE(errno, 0);
      this.#sendChunk(socket, head, 0x8001, text, true);
      return true;
    }
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(0x67446698, 0);
    reply.writeUInt32BE(errno, 4);
    head.copy(reply, 8, 8, 16);
    socket.write(reply);
    if (data) socket.write(data);
    return true;
  }

  /** The second half first, as a hole if it is zeroes. */
  #answerInChunks(socket: Socket, head: Buffer, at: number, data: Uint8Array): void {
    const half = data.byteLength >> 1;
    for (const [start, part] of [
      [half, data.subarray(half)],
      [0, data.subarray(0, half)],
    ] as const) {
      const isHole = part.every((byte) => byte === 0);
      const payload = Buffer.alloc(isHole ? 12 : 8 + part.byteLength);
      payload.writeBigUInt64BE(BigInt(at + start), 0);
      if (isHole) payload.writeUInt32BE(part.byteLength, 8);
      else payload.set(part, 8);
      this.#sendChunk(socket, head, isHole ? 2 : 1, payload, false);
    }
    this.#sendChunk(socket, head, 0, Buffer.alloc(0), true);
  }

  #sendChunk(socket: Socket, head: Buffer, type: number, payload: Buffer, isDone: boolean): void {
    const reply = Buffer.alloc(20);
    reply.writeUInt32BE(0x668e33ef, 0);
    reply.writeUInt16BE(isDone ? 1 : 0, 4);
    reply.writeUInt16BE(type, 6);
    head.copy(reply, 8, 8, 16);
    reply.writeUInt32BE(payload.byteLength, 16);
    socket.write(Buffer.concat([reply, payload]));
  }
}

type Taker = (byteLength: number) => Promise<Buffer>;

/** Reads exactly so many bytes. */
function taker(socket: Socket): Taker {
  let buffered = Buffer.alloc(0);
  const chunks = socket[Symbol.asyncIterator]();
  return async (byteLength) => {
    while (buffered.byteLength < byteLength) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('the client went away');
      buffered = Buffer.concat([buffered, value as Buffer]);
    }
    const bytes = buffered.subarray(0, byteLength);
    buffered = buffered.subarray(byteLength);
    return bytes;
  };
}
