// Compiled regions on disk: a guest that was run before starts warm. One file for each image that guests are booted from (and each
// version of the engine), in a folder whose size is bounded: what was not used longest goes. Several processes may use the folder
// at once: a file is written under another name and renamed. A store that cannot read or write is empty, and says nothing.
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, unlinkSync, utimesSync, writeSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleStore, RegionCode, StoredModule } from '@proxeny/vcpu-x86';
import {
  type FiledModule,
  hashOf,
  RegionFile,
  type RegionIndex,
  readAt,
  regionFileHead,
} from './region-file.js';
import { pruneRegionFolder, REGION_SUFFIX } from './region-folder.js';
import { parcelsOf } from './region-parcels.js';

/** Of WebAssembly in one file, in bytes. */
const MAX_FILE_BYTES = 16 << 20;
/** Written at once. */
const CHUNK_BYTES = 1 << 18;

export interface RegionStoreOptions {
  readonly folder: string;
  /** See engineVersion(). */
  readonly engine: string;
  /** What the guest is booted from: a hash of its bytes names the file, its name is for people. */
  readonly imageHash: string;
  readonly imageName: string;
  readonly nowMs?: () => number;
}

/** A module that this process knows. */
interface Known extends StoredModule {
  readonly filed: FiledModule;
  /** It lies in the part file. */
  readonly isNew: boolean;
  isUsed: boolean;
}

export class RegionStore implements ModuleStore {
  readonly #folder: string;
  readonly #engine: string;
  readonly #imageName: string;
  readonly #nowMs: () => number;
  readonly #path: string;
  readonly #file: RegionFile | null;
  readonly #known: Known[] = [];
  #part = -1;
  #partPath = '';
  #partBytes = 0;
  #isChanged = false;
  /** What this process put in the file's place last, and which of its modules it had by then. */
  #written: RegionFile | null = null;
  readonly #putAway = new Set<Known>();

  constructor(options: RegionStoreOptions) {
    this.#folder = options.folder;
    this.#engine = options.engine;
    this.#imageName = options.imageName;
    this.#nowMs = options.nowMs ?? Date.now;
    const key = hashOf(Buffer.from(`${options.engine} ${options.imageHash}`)).slice(0, 32);
    this.#path = join(options.folder, `${key}${REGION_SUFFIX}`);
    this.#file = RegionFile.open(this.#path);
    for (const filed of this.#file?.index.modules ?? [])
      this.#known.push({ ...filed, filed, isNew: false, isUsed: false });
  }

  get modules(): Iterable<StoredModule> {
    return this.#known;
  }

  load(module: StoredModule): Uint8Array<ArrayBuffer> | null {
    const known = module as Known;
    known.isUsed = true;
    if (!known.isNew) return this.#file?.read(known.filed) ?? null;
    try {
      return readAt(this.#part, known.filed.offset, known.byteLength);
    } catch {
      return null;
    }
  }

  keep(
    environment: string,
    bytes: Uint8Array,
    codes: ReadonlyMap<string, RegionCode>,
  ): StoredModule | null {
    // More would not be put away: a guest that makes code without end fills neither the folder nor the library.
    if (this.#partBytes + bytes.length > MAX_FILE_BYTES) return null;
    try {
      if (this.#part < 0) this.#openPart();
      writeSync(this.#part, bytes, 0, bytes.length, this.#partBytes);
    } catch {
      return null;
    }
    const filed: FiledModule = {
      environment,
      offset: this.#partBytes,
      byteLength: bytes.length,
      hash: hashOf(bytes),
      usedMs: 0,
      codes,
    };
    this.#partBytes += bytes.length;
    this.#isChanged = true;
    const known: Known = { ...filed, filed, isNew: true, isUsed: true };
    this.#known.push(known);
    return known;
  }

  /** The part file has no name: nothing remains of it when the process ends in whatever way. */
  #openPart(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#partPath = join(this.#folder, `${randomBytes(8).toString('hex')}.part`);
    this.#part = openSync(this.#partPath, 'wx+', 0o600);
    unlinkSync(this.#partPath);
  }

  /** Puts what this process compiled with what is in the folder by now. */
  async save(): Promise<void> {
    try {
      if (this.#isChanged) {
        // What is compiled while the file is written is for the next time.
        this.#isChanged = false;
        await this.#write();
      } else if (this.#known.some((m) => m.isUsed)) {
        const now = this.#nowMs() / 1000;
        utimesSync(this.#path, now, now);
      }
    } catch {
      // The next guest starts cold, unless a later attempt succeeds.
      this.#isChanged ||= this.#known.some((m) => m.isNew);
    }
  }
  /** Frees what the store holds open. It must not be used any more. */
  close(): void {
    this.#file?.close();
    this.#written?.close();
    if (this.#part >= 0) closeSync(this.#part);
    this.#part = -1;
  }

  async #write(): Promise<void> {
    const folder = this.#folder;
    const nowMs = this.#nowMs();
    // To read what this process wrote itself would only make garbage of an index.
    const own = this.#written?.isAt(this.#path) ? this.#written : null;
    const current = own ?? RegionFile.open(this.#path);
    try {
      const used = identitiesIn(this.#known.filter((m) => m.isUsed && !m.isNew));
      const old = (current?.index.modules ?? []).map((m) => ({
        ...m,
        usedMs: used.size > 0 && hasCodeOf(m, used) ? nowMs : m.usedMs,
      }));
      const known = this.#known.filter((m) => m.isNew && !(own && this.#putAway.has(m)));
      const fresh = (own ? known : notCompiledIn(old, known)).map((m) => ({
        ...m.filed,
        usedMs: nowMs,
      }));
      const isFresh = new Set<FiledModule>(fresh);
      const bytesOf = (m: FiledModule): Uint8Array | null =>
        isFresh.has(m) ? readAt(this.#part, m.offset, m.byteLength) : (current?.read(m) ?? null);

      const byUse = [...fresh, ...old].sort((a, b) => b.usedMs - a.usedMs);
      const parcels = parcelsOf(byUse.slice(0, fittingIn(byUse, MAX_FILE_BYTES)), bytesOf);
      const modules = parcels.map((p) => p.module);
      // What is not merged is read again as it is written: a whole file's modules need not be in memory at once.
      await this.#replace({ engine: this.#engine, image: this.#imageName, modules }, function* () {
        for (const { merged, source } of parcels) {
          const bytes = merged ?? bytesOf(source);
          if (!bytes) throw new Error('a module was readable, and is not any more');
          yield bytes;
        }
      });
      if (!own) this.#putAway.clear();
      for (const m of known) this.#putAway.add(m);
    } finally {
      if (!own) current?.close();
    }
    await pruneRegionFolder(folder, { engine: null, nowMs });
  }
  /** Puts a file in the place of the image's. */
  async #replace(index: RegionIndex, modules: () => Iterable<Uint8Array>): Promise<void> {
    const temporary = join(this.#folder, `${randomBytes(8).toString('hex')}.tmp`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      const head = regionFileHead(index);
      for (const chunk of inChunks(head.parts())) await writeAll(file, chunk);
      for (const chunk of inChunks(modules())) await writeAll(file, chunk);
      await file.close();
      const written = RegionFile.written(temporary, index, head.byteLength);
      this.#written?.close();
      this.#written = written;
      await rename(temporary, this.#path);
    } catch (error) {
      await file.close().catch(() => {});
      await unlink(temporary).catch(() => {});
      throw error;
    }
  }
}

/** The same bytes in few pieces. Each is there until the next one is asked for. */
function* inChunks(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for (const part of parts) {
    if (length + part.length > CHUNK_BYTES) {
      yield chunk.subarray(0, length);
      length = 0;
    }
    if (part.length > CHUNK_BYTES) yield part;
    else {
      chunk.set(part, length);
      length += part.length;
    }
  }
  yield chunk.subarray(0, length);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) done += (await file.write(bytes, done)).bytesWritten;
}

/** How many modules, in order, a file of so many bytes holds. */
function fittingIn(modules: readonly FiledModule[], maxBytes: number): number {
  let bytes = 0;
  const end = modules.findIndex((m) => {
    bytes += m.byteLength;
    return bytes > maxBytes;
  });
  return end < 0 ? modules.length : end;
}

type Codes = Pick<StoredModule, 'codes'>;
const identitiesIn = (modules: readonly Codes[]): ReadonlySet<string> =>
  new Set(modules.flatMap((m) => [...m.codes.values()].map(identity)));
const hasCodeOf = (module: Codes, identities: ReadonlySet<string>): boolean =>
  [...module.codes.values()].some((c) => identities.has(identity(c)));
/** Those with code that a file does not have: another process may have compiled the same meanwhile. */
function notCompiledIn(file: readonly Codes[], modules: readonly Known[]): readonly Known[] {
  const present = identitiesIn(file);
  return modules.filter((m) => [...m.codes.values()].some((c) => !present.has(identity(c))));
}
/** The same code has the same. */
const identity = (c: RegionCode): string =>
  `${c.modeClass} ${c.entry} ${c.runs} ${c.lone} ${Buffer.from(c.bytes).toString('latin1')}`;
