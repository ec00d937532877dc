// L2 tables in memory, by where they are stored. Tables that were used longest ago go first; one that was changed stays until it is stored.
import { BlockError } from '../block-backend.js';
import { type ByteFile, readPadded } from '../byte-file.js';
import { ENTRY_BYTES } from './layout.js';
import { EntryTable } from './table-entry.js';

export class L2Table extends EntryTable {
  /** In bytes from the image's start. */
  readonly place: number;
  /** The bytes that are not stored: none if the end is 0. */
  #dirtyStart = Number.POSITIVE_INFINITY;
  #dirtyEnd = 0;

  constructor(place: number, bytes: Uint8Array) {
    super(bytes);
    this.place = place;
  }

  get isDirty(): boolean {
    return this.#dirtyEnd > 0;
  }

  /** Entries were changed. */
  mark(index: number, count: number): void {
    this.#dirtyStart = Math.min(this.#dirtyStart, index * ENTRY_BYTES);
    this.#dirtyEnd = Math.max(this.#dirtyEnd, (index + count) * ENTRY_BYTES);
  }

  async store(file: ByteFile): Promise<void> {
    const start = this.#dirtyStart;
    await file.write(this.place + start, this.bytes.subarray(start, this.#dirtyEnd));
    this.#dirtyStart = Number.POSITIVE_INFINITY;
    this.#dirtyEnd = 0;
  }
}

export class L2Cache {
  readonly #file: ByteFile;
  readonly #clusterBytes: number;
  readonly #maxTables: number;
  readonly #tables: Map<number, L2Table> = new Map();
  readonly #loading: Map<number, Promise<void>> = new Map();

  constructor(file: ByteFile, clusterBytes: number, maxBytes: number) {
    this.#file = file;
    this.#clusterBytes = clusterBytes;
    this.#maxTables = Math.max(4, Math.floor(maxBytes / clusterBytes));
  }

  /** Undefined: it is not in memory. */
  get(offset: number): L2Table | undefined {
    const table = this.#tables.get(offset);
    if (table) {
      this.#tables.delete(offset);
      this.#tables.set(offset, table);
    }
    return table;
  }

  /** Brings a table into memory. @throws BlockError `io` */
  load(offset: number): Promise<void> {
    const running = this.#loading.get(offset);
    if (running) return running;
    const done = this.#load(offset).finally(() => this.#loading.delete(offset));
    this.#loading.set(offset, done);
    return done;
  }

  async #load(offset: number): Promise<void> {
    if (offset >= this.#file.byteLength) {
      throw new BlockError(
        'io',
        `${this.#file.name}: the qcow2 image is cut short: it has no L2 table at byte ${offset}`,
      );
    }
    const bytes = new Uint8Array(this.#clusterBytes);
    await readPadded(this.#file, offset, bytes);
    this.#evict();
    this.#tables.set(offset, new L2Table(offset, bytes));
  }

  /** A table that is not stored yet. */
  add(table: L2Table): void {
    table.mark(0, table.entryCount);
    this.#tables.set(table.place, table);
  }

  remove(offset: number): void {
    this.#tables.delete(offset);
  }

  clear(): void {
    this.#tables.clear();
  }

  /** Makes room for one more. */
  #evict(): void {
    for (const table of this.#tables.values()) {
      if (this.#tables.size < this.#maxTables) return;
      if (!table.isDirty) this.#tables.delete(table.place);
    }
  }

  dirtyTables(): L2Table[] {
    return [...this.#tables.values()].filter((table) => table.isDirty);
  }

  /** So much is changed that it should be stored. */
  get isCrowded(): boolean {
    return (
      this.#tables.size > this.#maxTables / 2 && this.dirtyTables().length > this.#maxTables / 2
    );
  }
}
