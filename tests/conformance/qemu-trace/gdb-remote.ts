// A minimal client of the gdb remote serial protocol ("GDB Remote Serial Protocol", gdb manual,
// appendix E): packets with acknowledgement, one request at a time.
import { connect, type Socket } from 'node:net';

/** Where a stub listens. */
export type GdbAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

const ESCAPE = 0x7d;

function checksum(bytes: Uint8Array): string {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

/** Connection to a gdb stub. Requests must not overlap. */
export class GdbRemote {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiter: { resolve: (packet: string) => void; reject: (cause: Error) => void } | undefined;
  #closed: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received = this.#received.length ? Buffer.concat([this.#received, chunk]) : chunk;
      this.#deliver();
    });
    const fail = (cause?: Error): void => {
      this.#closed ??= new Error('the gdb connection closed', { cause });
      this.#waiter?.reject(this.#closed);
      this.#waiter = undefined;
    };
    socket.on('error', fail);
    socket.on('close', () => fail());
  }

  static connect(address: GdbAddress): Promise<GdbRemote> {
    return new Promise((resolve, reject) => {
      const socket = connect(address as { path: string });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new GdbRemote(socket));
      });
    });
  }

  /** Sends a packet and returns the body of the answer, escapes undone (one char per byte). */
  request(body: string): Promise<string> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#waiter) throw new Error(`gdb request "${body}" while another one is pending`);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#socket.write(`$${body}#${checksum(Buffer.from(body, 'latin1'))}`, 'latin1');
    });
  }

  /** Like {@link request}, but an empty (unsupported) or Exx answer is an error. */
  async expect(body: string): Promise<string> {
    const answer = await this.request(body);
    if (answer === '' || /^E[0-9a-f]{2}$/i.test(answer)) {
      throw new Error(`gdb stub answers "${answer || 'unsupported'}" to "${body}"`);
    }
    return answer;
  }

  /** Asks a running target to stop; the pending `c` then gets its answer. */
  interrupt(): void {
    this.#socket.write(Uint8Array.of(3));
  }

  close(): void {
    this.#socket.destroy();
  }

  #deliver(): void {
    const start = this.#received.indexOf('$');
    const end = this.#received.indexOf('#', start + 1);
    if (start < 0 || end < 0 || this.#received.length < end + 3) return;
    const raw = this.#received.subarray(start + 1, end);
    const sum = this.#received.toString('latin1', end + 1, end + 3).toLowerCase();
    this.#received = this.#received.subarray(end + 3);
    if (sum !== checksum(raw)) {
      this.#socket.write('-');
      return;
    }
    this.#socket.write('+');
    const bytes: number[] = [];
    for (let i = 0; i < raw.length; i++) bytes.push(raw[i] === ESCAPE ? raw[++i] ^ 0x20 : raw[i]);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.resolve(Buffer.from(bytes).toString('latin1'));
  }
}

/** Reads a whole target description document (`qXfer:features:read`). */
export async function readFeature(remote: GdbRemote, annex: string): Promise<string> {
  let text = '';
  for (;;) {
    const at = text.length.toString(16);
    const part = await remote.expect(`qXfer:features:read:${annex}:${at},7fb`);
    text += part.slice(1);
    if (part[0] === 'l') return text;
  }
}
