// HttpFile: a file on an HTTP server, read by ranges (RFC 9110 §14). What was read is kept in memory, so that a disk is fetched as it is
// used. The file must not change on the server meanwhile: its ETag or date tell if it does.
import { BlockError } from '../storage/block-backend.js';
import type { ByteFile } from '../storage/byte-file.js';

export interface HttpFileOptions {
  /** Memory for what was read, in bytes. */
  readonly cacheBytes?: number;
  /** How long to wait before a request is made anew; doubles each time. */
  readonly retryMs?: number;
  /** How long a request may take. */
  readonly patienceMs?: number;
}

const BLOCK_BYTES = 256 * 1024;
const CACHE_BYTES = 64 << 20;
/** The longest range that is asked for. */
const MAX_BLOCKS = 16;
/** Blocks that are fetched when reads go on where the last one ended. */
const READ_AHEAD_BLOCKS = 4;
const ATTEMPTS = 4;
const RETRY_MS = 250;
const PATIENCE_MS = 30_000;

export function isHttpAddress(name: string): boolean {
  return /^https?:\/\//i.test(name);
}

/** An answer that another attempt would not change. */
class Refusal extends Error {
  readonly error: BlockError;
  constructor(error: BlockError) {
    super(error.message);
    this.error = error;
  }
}

interface RangeAnswer {
  readonly bytes: Uint8Array;
  readonly fileBytes: number;
  /** Tells whether the file is still the same; empty if the server does not say. */
  readonly version: string;
}

export class HttpFile implements ByteFile {
  readonly name: string;
  readonly isReadOnly = true;
  readonly byteLength: number;
  readonly #version: string;
  readonly #retryMs: number;
  readonly #patienceMs: number;
  readonly #maxBlocks: number;
  /** By their index; the one that was used longest ago comes first. */
  readonly #blocks: Map<number, Promise<Uint8Array>> = new Map();
  #lastEnd = -1;
  readonly #closing = new AbortController();

  private constructor(name: string, first: RangeAnswer, options: HttpFileOptions) {
    this.name = name;
    this.byteLength = first.fileBytes;
    this.#version = first.version;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    const cacheBytes = options.cacheBytes ?? CACHE_BYTES;
    this.#maxBlocks = Math.max(MAX_BLOCKS, Math.floor(cacheBytes / BLOCK_BYTES));
  }

  /** @throws BlockError `not-found`, `bad-image` if the server has no ranges, or `io` */
  static async open(name: string, options: HttpFileOptions = {}): Promise<HttpFile> {
    const attempt = { signal: null, patienceMs: options.patienceMs ?? PATIENCE_MS };
    const ask = (): Promise<RangeAnswer> => fetchRange(name, 0, 1, attempt);
    return new HttpFile(name, await persist(name, options.retryMs ?? RETRY_MS, ask), options);
  }

  async read(at: number, target: Uint8Array): Promise<number> {
    const end = Math.min(at + target.byteLength, this.byteLength);
    if (end <= at) return 0;
    const first = Math.floor(at / BLOCK_BYTES);
    const last = Math.floor((end - 1) / BLOCK_BYTES);
    // Only so much at once that what is read first is not thrown out for what comes after it.
    for (let from = first; from <= last; from += MAX_BLOCKS) {
      const to = Math.min(from + MAX_BLOCKS - 1, last);
      const blocks = this.#want(from, to, at === this.#lastEnd);
      for (const [i, block] of blocks.entries()) {
        const bytes = await block;
        const start = (from + i) * BLOCK_BYTES;
        const part = bytes.subarray(Math.max(0, at - start), end - start);
        target.set(part, Math.max(0, start - at));
      }
    }
    this.#lastEnd = end;
    return end - at;
  }

  /** Has blocks fetched that are not there, neighbours together. @returns those from `first` to `last` */
  #want(first: number, last: number, isSequential: boolean): Promise<Uint8Array>[] {
    const blockCount = Math.ceil(this.byteLength / BLOCK_BYTES);
    const ahead = isSequential && !this.#blocks.has(last + 1) ? READ_AHEAD_BLOCKS : 0;
    const end = Math.min(last + 1 + ahead, blockCount);
    for (let index = first; index < end; ) {
      const known = this.#blocks.get(index);
      if (known) {
        this.#blocks.delete(index);
        this.#blocks.set(index++, known);
        continue;
      }
      let count = 1;
      while (index + count < end && count < MAX_BLOCKS && !this.#blocks.has(index + count)) count++;
      this.#fetch(index, count);
      index += count;
    }
    const wanted: Promise<Uint8Array>[] = [];
    for (let index = first; index <= last; index++)
      wanted.push(this.#blocks.get(index) as Promise<Uint8Array>);
    this.#evict();
    return wanted;
  }

  #fetch(first: number, count: number): void {
    const at = first * BLOCK_BYTES;
    const byteLength = Math.min(count * BLOCK_BYTES, this.byteLength - at);
    const answer = persist(this.name, this.#retryMs, () => this.#fetchSame(at, byteLength));
    for (let i = 0; i < count; i++) {
      const block = answer.then(({ bytes }) => bytes.slice(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
      this.#blocks.set(first + i, block);
      // It may be tried again by the next read; whoever waits for it now is told.
      block.catch(() => this.#blocks.delete(first + i));
    }
  }

  async #fetchSame(at: number, byteLength: number): Promise<RangeAnswer> {
    const attempt = { signal: this.#closing.signal, patienceMs: this.#patienceMs };
    const answer = await fetchRange(this.name, at, byteLength, attempt);
    if (answer.version !== this.#version || answer.fileBytes !== this.byteLength) {
      throw new Refusal(
        new BlockError('io', `${this.name}: has changed on the server: start again`),
      );
    }
    return answer;
  }

  #evict(): void {
    for (const index of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#maxBlocks) return;
      this.#blocks.delete(index);
    }
  }

  async write(): Promise<void> {
    throw this.#readOnly();
  }

  async writeZeroes(): Promise<void> {
    throw this.#readOnly();
  }

  async discard(): Promise<void> {
    throw this.#readOnly();
  }

  async resize(): Promise<void> {
    throw this.#readOnly();
  }

  #readOnly(): BlockError {
    return new BlockError('read-only', `${this.name}: what is read by HTTP cannot be changed`);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing.abort();
    this.#blocks.clear();
  }
}

/** Tries again while there is hope. @throws BlockError */
async function persist<T>(name: string, retryMs: number, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refusal) throw error.error;
      if (attempt === ATTEMPTS)
        throw new BlockError('io', `${name}: ${reasonOf(error)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, retryMs * 2 ** (attempt - 1)));
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}

interface Attempt {
  readonly signal: AbortSignal | null;
  readonly patienceMs: number;
}

/** One request. @throws Refusal, or any error that may pass */
async function fetchRange(
  name: string,
  at: number,
  byteLength: number,
  { signal, patienceMs }: Attempt,
): Promise<RangeAnswer> {
  const patience = AbortSignal.timeout(patienceMs);
  const response = await fetch(name, {
    headers: { range: `bytes=${at}-${at + byteLength - 1}`, 'accept-encoding': 'identity' },
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  });
  if (response.status !== 206) {
    await response.body?.cancel();
    throw failureOf(name, response);
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  const bytes = await bodyOf(response, byteLength);
  if (!range || Number(range[1]) !== at || !bytes)
    throw new Error('the server sent another range than it was asked for');
  const { headers } = response;
  const version = headers.get('etag') ?? headers.get('last-modified') ?? '';
  return { bytes, fileBytes: Number(range[3]), version };
}

/** A body of exactly so many bytes; null if it is another, of which no more is read. */
async function bodyOf(response: Response, byteLength: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(byteLength);
  let done = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (!value) return done === byteLength ? bytes : null;
    if (value.byteLength > byteLength - done) break;
    bytes.set(value, done);
    done += value.byteLength;
  }
  await reader?.cancel();
  return null;
}

function failureOf(name: string, { status, statusText }: Response): Error {
  if (status >= 500 || status === 429)
    return new Error(`the server answers ${status} ${statusText}`);
  if (status === 404 || status === 410)
    return new Refusal(new BlockError('not-found', `${name}: there is no such image`));
  if (status === 200)
    return new Refusal(
      new BlockError(
        'bad-image',
        `${name}: the server sends whole files only: fetch the image first`,
      ),
    );
  if (status === 416) return new Refusal(new BlockError('bad-image', `${name}: the file is empty`));
  return new Refusal(new BlockError('io', `${name}: the server answers ${status} ${statusText}`));
}
