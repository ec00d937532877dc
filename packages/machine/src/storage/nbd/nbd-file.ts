// NbdFile: an export of an NBD server. When the connection is lost, requests under way fail and the next one connects anew. A server that
// was away may have lost what was written and not flushed: the next flush says so.
import { BlockError, SECTOR_BYTES } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';
import type { ByteStream } from './byte-stream.js';
import { NbdConnection } from './connection.js';
import { type NbdExport, negotiate } from './handshake.js';
import { command, exportFlag } from './protocol.js';

export interface NbdFileOptions {
  /** The address, for messages. */
  readonly name: string;
  readonly exportName: string;
  readonly isReadOnly: boolean;
  /** Makes a connection. Rejects with a BlockError. */
  readonly connect: () => Promise<ByteStream>;
}

/** Trims and zeroes are cut into pieces of this many bytes at most: a length has 32 bits. */
const MAX_RANGE_BYTES = 1 << 30;
const ZEROES_BYTES = 1 << 20;

export class NbdFile implements ByteFile {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly byteLength: number;
  readonly #options: NbdFileOptions;
  readonly #flags: number;
  readonly #maxTransferBytes: number;
  #connection: Promise<NbdConnection>;
  /** Writes that were done, and how many of them the last flush covers. */
  #written = 0;
  #flushed = 0;
  #mayHaveLost = false;

  private constructor(options: NbdFileOptions, connection: NbdConnection) {
    const { byteLength, flags, maxTransferBytes } = connection.chosen;
    this.#options = options;
    this.name = options.name;
    this.isReadOnly = options.isReadOnly;
    this.byteLength = byteLength;
    this.#flags = flags;
    // A multiple of every block size that we take.
    this.#maxTransferBytes = Math.max(SECTOR_BYTES, maxTransferBytes - (maxTransferBytes % 4096));
    this.#connection = Promise.resolve(connection);
  }

  /** @throws BlockError `not-found`, `read-only` or `io` */
  static async open(options: NbdFileOptions): Promise<NbdFile> {
    const connection = await connect(options);
    const { chosen } = connection;
    try {
      checkExport(chosen, options);
      return new NbdFile(options, connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The connection, made anew if it was lost. */
  async #connected(): Promise<NbdConnection> {
    const known = this.#connection;
    const connection = await known.catch(() => null);
    if (connection && !connection.isLost) return connection;
    // Who comes meanwhile waits for the same attempt.
    if (this.#connection === known) this.#connection = this.#connectAgain();
    return await this.#connection;
  }

  async #connectAgain(): Promise<NbdConnection> {
    if (this.#written > this.#flushed) this.#mayHaveLost = true;
    const made = await connect(this.#options);
    const { byteLength, flags } = made.chosen;
    if (byteLength === this.byteLength && flags === this.#flags) return made;
    made.close();
    throw new BlockError('io', `${this.name}: is another disk since the connection was lost`);
  }

  async #request(
    type: number,
    at: number,
    byteLength: number,
    buffers: { readonly source?: Uint8Array; readonly target?: Uint8Array } = {},
  ): Promise<void> {
    const connection = await this.#connected();
    await connection.request({ type, at, byteLength, ...buffers });
  }

  async read(at: number, target: Uint8Array): Promise<number> {
    const inside = target.subarray(0, Math.max(0, this.byteLength - at));
    for (const [start, end] of this.#pieces(inside.byteLength, this.#maxTransferBytes)) {
      const piece = inside.subarray(start, end);
      await this.#request(command.read, at + start, piece.byteLength, { target: piece });
    }
    return inside.byteLength;
  }

  async write(at: number, source: Uint8Array): Promise<void> {
    if (at + source.byteLength > this.byteLength)
      throw new BlockError('no-space', `${this.name}: ends at byte ${this.byteLength}`);
    for (const [start, end] of this.#pieces(source.byteLength, this.#maxTransferBytes)) {
      const piece = source.subarray(start, end);
      await this.#request(command.write, at + start, piece.byteLength, { source: piece });
      this.#written++;
    }
  }

  async writeZeroes(at: number, byteLength: number): Promise<void> {
    if ((this.#flags & exportFlag.writeZeroes) !== 0) {
      for (const [start, end] of this.#pieces(byteLength, MAX_RANGE_BYTES))
        await this.#request(command.writeZeroes, at + start, end - start);
      this.#written++;
      return;
    }
    const zeroes = new Uint8Array(Math.min(byteLength, ZEROES_BYTES));
    for (const [start, end] of this.#pieces(byteLength, ZEROES_BYTES))
      await this.write(at + start, zeroes.subarray(0, end - start));
  }

  async discard(at: number, byteLength: number): Promise<void> {
    if ((this.#flags & exportFlag.trim) === 0) return;
    for (const [start, end] of this.#pieces(byteLength, MAX_RANGE_BYTES))
      await this.#request(command.trim, at + start, end - start);
  }

  *#pieces(byteLength: number, most: number): Iterable<readonly [number, number]> {
    for (let start = 0; start < byteLength; start += most)
      yield [start, Math.min(start + most, byteLength)];
  }

  async resize(): Promise<void> {
    throw new BlockError('io', `${this.name}: the size of an NBD export cannot be changed`);
  }

  async flush(): Promise<void> {
    if (this.isReadOnly) return;
    const written = this.#written;
    if ((this.#flags & exportFlag.flush) !== 0) await this.#request(command.flush, 0, 0);
    this.#flushed = Math.max(this.#flushed, written);
    if (!this.#mayHaveLost) return;
    this.#mayHaveLost = false;
    throw new BlockError(
      'io',
      `${this.name}: the connection was lost: what was written before may be lost too`,
    );
  }

  async close(): Promise<void> {
    const connection = await this.#connection.catch(() => null);
    connection?.close();
  }
}

async function connect(options: NbdFileOptions): Promise<NbdConnection> {
  const { name, exportName } = options;
  const stream = await options.connect();
  try {
    stream.setWaiting(true);
    const chosen = await negotiate(stream, exportName, name);
    stream.setWaiting(false);
    return new NbdConnection(stream, chosen, name);
  } catch (error) {
    stream.close();
    if (error instanceof BlockError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BlockError('io', `${name}: the connection is lost: ${reason}`, { cause: error });
  }
}

function checkExport(chosen: NbdExport, { name, isReadOnly }: NbdFileOptions): void {
  if (!isReadOnly && (chosen.flags & exportFlag.readOnly) !== 0)
    throw new BlockError(
      'read-only',
      `${name}: the export is read-only: use it so, or with an overlay`,
    );
  if (chosen.minBlockBytes > SECTOR_BYTES) {
    throw new BlockError(
      'io',
      `${name}: the server wants blocks of ${chosen.minBlockBytes} bytes, only ${SECTOR_BYTES} are supported`,
    );
  }
}
