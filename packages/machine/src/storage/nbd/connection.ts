// A connection to an NBD server, after the handshake: requests by cookie, many at once, answered in any order.
import { BlockError } from '../block-backend.js';
import type { ByteStream } from './byte-stream.js';
import type { NbdExport } from './handshake.js';
import {
  CHUNK_DONE,
  CHUNK_ERROR,
  chunk,
  command,
  ERRNO_NO_SPACE,
  ERRNO_PERMISSION,
  MAX_MESSAGE_BYTES,
  REQUEST_BYTES,
  REQUEST_MAGIC,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_BYTES,
  STRUCTURED_REPLY_MAGIC,
} from './protocol.js';

export interface NbdRequest {
  /** See `command`. */
  readonly type: number;
  readonly at: number;
  readonly byteLength: number;
  /** What a write sends. */
  readonly source?: Uint8Array;
  /** What a read fills. */
  readonly target?: Uint8Array;
}

interface Pending {
  readonly request: NbdRequest;
  readonly done: () => void;
  readonly fail: (error: BlockError) => void;
  /** What an earlier chunk of the reply said. */
  error: BlockError | null;
  /** Bytes of the target that came. */
  received: number;
}

export class NbdConnection {
  readonly #stream: ByteStream;
  readonly #where: string;
  readonly #pending: Map<number, Pending> = new Map();
  #cookie = 0;
  #lost: BlockError | null = null;
  readonly chosen: NbdExport;

  /** @param where the server and export, for messages */
  constructor(stream: ByteStream, chosen: NbdExport, where: string) {
    this.#stream = stream;
    this.chosen = chosen;
    this.#where = where;
    this.#receiveAll();
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** @throws BlockError what the server answers, or `io` when the connection is lost */
  request(request: NbdRequest): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    const cookie = this.#cookie++;
    return new Promise((done, fail) => {
      this.#pending.set(cookie, { request, done, fail, error: null, received: 0 });
      this.#stream.setWaiting(true);
      this.#stream.send(encode(request, cookie));
      if (request.source) this.#stream.send(request.source);
    });
  }

  /** Says goodbye; the server answers by closing. */
  close(): void {
    if (!this.#lost)
      this.#stream.send(encode({ type: command.disconnect, at: 0, byteLength: 0 }, this.#cookie));
    this.#stream.close();
  }

  async #receiveAll(): Promise<void> {
    try {
      for (;;) await this.#receive();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#lost = new BlockError('io', `${this.#where}: the connection is lost: ${reason}`, {
        cause: error,
      });
      this.#stream.close();
      for (const { fail } of this.#pending.values()) fail(this.#lost);
      this.#pending.clear();
    }
  }

  async #receive(): Promise<void> {
    const magic = viewOf(await this.#stream.take(4)).getUint32(0);
    if (magic === SIMPLE_REPLY_MAGIC) await this.#receiveSimple();
    else if (magic === STRUCTURED_REPLY_MAGIC) await this.#receiveChunk();
    else throw misbehaviour();
    if (this.#pending.size === 0) this.#stream.setWaiting(false);
  }

  async #receiveSimple(): Promise<void> {
    const head = viewOf(await this.#stream.take(SIMPLE_REPLY_BYTES - 4));
    const errno = head.getUint32(0);
    const { cookie, pending } = this.#find(head, 4);
    const { target } = pending.request;
    if (errno !== 0) pending.error = this.#answer(errno, '');
    else if (target) {
      target.set(await this.#stream.take(target.byteLength));
      pending.received = target.byteLength;
    }
    this.#finish(cookie, pending);
  }

  async #receiveChunk(): Promise<void> {
    const head = viewOf(await this.#stream.take(STRUCTURED_REPLY_BYTES - 4));
    const isDone = (head.getUint16(0) & CHUNK_DONE) !== 0;
    const type = head.getUint16(2);
    const { cookie, pending } = this.#find(head, 4);
    const byteLength = head.getUint32(12);
    const most = type === chunk.data ? 8 + pending.request.byteLength : MAX_MESSAGE_BYTES;
    if (byteLength > most) throw misbehaviour();
    const payload = await this.#stream.take(byteLength);
    if (type === chunk.data) fill(pending, payload, payload.byteLength - 8, payload.subarray(8));
    else if (type === chunk.hole) {
      if (byteLength !== 12) throw misbehaviour();
      fill(pending, payload, viewOf(payload).getUint32(8), null);
    } else if (type >= CHUNK_ERROR) pending.error ??= this.#errorOf(payload);
    else if (type !== chunk.none) throw misbehaviour();
    if (isDone) this.#finish(cookie, pending);
  }

  #find(head: DataView, at: number): { cookie: number; pending: Pending } {
    const cookie = Number(head.getBigUint64(at));
    const pending = this.#pending.get(cookie);
    if (!pending) throw misbehaviour();
    return { cookie, pending };
  }

  #errorOf(payload: Uint8Array): BlockError {
    if (payload.byteLength < 6) throw misbehaviour();
    const view = viewOf(payload);
    const text = new TextDecoder().decode(payload.subarray(6, 6 + view.getUint16(4)));
    return this.#answer(view.getUint32(0), text.replace(/\p{Cc}/gu, ' '));
  }

  #answer(errno: number, text: string): BlockError {
    const what = `${this.#where}: the server answers with error ${errno}${text && `: ${text}`}`;
    if (errno === ERRNO_NO_SPACE) return new BlockError('no-space', what);
    return new BlockError(errno === ERRNO_PERMISSION ? 'read-only' : 'io', what);
  }

  #finish(cookie: number, pending: Pending): void {
    this.#pending.delete(cookie);
    const { target } = pending.request;
    if (pending.error) pending.fail(pending.error);
    else if (target && pending.received !== target.byteLength)
      pending.fail(new BlockError('io', `${this.#where}: the server sent a part of the data only`));
    else pending.done();
  }
}

/** Puts a chunk of a reply in its place: bytes, or zeroes if there are none. */
function fill(
  pending: Pending,
  payload: Uint8Array,
  byteLength: number,
  bytes: Uint8Array | null,
): void {
  const { at, target } = pending.request;
  if (!target || payload.byteLength < 8) throw misbehaviour();
  const start = Number(viewOf(payload).getBigUint64(0)) - at;
  if (start < 0 || byteLength <= 0 || start + byteLength > target.byteLength) throw misbehaviour();
  if (bytes) target.set(bytes, start);
  else target.fill(0, start, start + byteLength);
  pending.received += byteLength;
}

function misbehaviour(): Error {
  return new Error('the server does not keep to the NBD protocol');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encode(request: NbdRequest, cookie: number): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, REQUEST_MAGIC);
  view.setUint16(6, request.type);
  view.setBigUint64(8, BigInt(cookie));
  view.setBigUint64(16, BigInt(request.at));
  view.setUint32(24, request.byteLength);
  return bytes;
}
