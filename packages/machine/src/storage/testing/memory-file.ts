// MemoryFile: a file in memory for tests, which keeps a log of its changes: the file as a process that died left it can be made from any
// beginning of the log.
import { BlockError } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';

/** One change, or a flush. */
export type FileStep =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'resize'; readonly byteLength: number }
  | { readonly kind: 'flush' };

export class MemoryFile implements ByteFile {
  readonly name = 'memory';
  readonly isReadOnly: boolean;
  byteLength: number;
  /** Null: no log is kept. */
  log: FileStep[] | null = null;
  #bytes: Uint8Array;

  constructor(contents: Uint8Array = new Uint8Array(0), isReadOnly = false) {
    this.#bytes = contents.slice();
    this.byteLength = contents.byteLength;
    this.isReadOnly = isReadOnly;
  }

  get contents(): Uint8Array {
    return this.#bytes.slice(0, this.byteLength);
  }

  async read(at: number, target: Uint8Array): Promise<number> {
    const source = this.#bytes.subarray(at, Math.min(at + target.byteLength, this.byteLength));
    target.set(source);
    return source.byteLength;
  }

  async write(at: number, source: Uint8Array): Promise<void> {
    if (this.isReadOnly) throw new BlockError('read-only', 'the file is read-only');
    this.log?.push({ kind: 'write', at, bytes: source.slice() });
    this.apply({ kind: 'write', at, bytes: source });
  }

  async writeZeroes(at: number, byteLength: number): Promise<void> {
    await this.write(at, new Uint8Array(byteLength));
  }

  async discard(at: number, byteLength: number): Promise<void> {
    await this.writeZeroes(at, byteLength);
  }

  async resize(byteLength: number): Promise<void> {
    this.log?.push({ kind: 'resize', byteLength });
    this.apply({ kind: 'resize', byteLength });
  }

  async flush(): Promise<void> {
    this.log?.push({ kind: 'flush' });
  }

  async close(): Promise<void> {}

  /** Does what a log says, without logging it. */
  apply(step: FileStep): void {
    if (step.kind === 'flush') return;
    const end = step.kind === 'resize' ? step.byteLength : step.at + step.bytes.byteLength;
    if (end > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.byteLength * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    if (step.kind === 'resize') {
      this.#bytes.fill(0, Math.min(end, this.byteLength), this.byteLength);
      this.byteLength = end;
    } else {
      this.#bytes.set(step.bytes, step.at);
      this.byteLength = Math.max(this.byteLength, end);
    }
  }
}
