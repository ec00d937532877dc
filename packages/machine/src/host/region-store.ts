// Compiled regions on disk: a guest that was run before starts warm. One file for each image that guests are booted from (and each
// version of the engine), in a folder whose size is bounded: what was not used longest goes. Several processes may use the folder
// at once: a file is written under another name and renamed. A store that cannot read or write is empty, and says nothing.
import { randomBytes } from 'node:crypto';
import { utimesSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModuleStore, RegionCode, StoredModule } from '@proxeny/vcpu-x86';
import { type NativeCode, nativeCode } from './native-code.js';
import { PartFile } from './part-file.js';
import {
  type FiledModule,
  type FiledNative,
  hashOf,
  PieceBuffer,
  RegionFile,
  type RegionIndex,
  regionFileHead,
} from './region-file.js';
import { pruneRegionFolder, REGION_SUFFIX } from './region-folder.js';
import { type GrownModule, RunningModules } from './running-modules.js';

/** Of WebAssembly in one file, and as much again of machine code; in bytes. */
const MAX_FILE_BYTES = 16 << 20;
/** Written at once. */
const CHUNK_BYTES = 1 << 18;
/** Machine code alone is put away when there is more of it by one part in so many. */
const GROWTH = 8;
/** The engine's own modules are for no environment, and hold no region. */
const ENGINE = '';
const NO_CODES: ReadonlyMap<string, RegionCode> = new Map();

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
  readonly #part: PartFile;
  readonly #native: NativeCode | null = nativeCode();
  readonly #running: RunningModules | null = this.#native && new RunningModules(this.#native);
  /** Machine code in the part file, by the hash of its module. */
  readonly #natives = new Map<string, FiledNative>();
  /** Bytes of modules, and of machine code, in the part file. */
  #moduleBytes = 0;
  #nativeBytes = 0;
  /** There is no room for more machine code. */
  #isFull = false;
  #isChanged = false;
  /** What this process put in the file's place last, and which of its modules it had by then. */
  #written: RegionFile | null = null;
  readonly #putAway = new Set<Known>();

  constructor(options: RegionStoreOptions) {
    this.#folder = options.folder;
    this.#engine = options.engine;
    this.#imageName = options.imageName;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#part = new PartFile(options.folder);
    const key = hashOf(Buffer.from(`${options.engine} ${options.imageHash}`)).slice(0, 32);
    this.#path = join(options.folder, `${key}${REGION_SUFFIX}`);
    this.#file = RegionFile.open(this.#path);
    for (const filed of this.#file?.index.modules ?? [])
      this.#known.push({ ...filed, filed, isNew: false, isUsed: false });
  }

  get modules(): Iterable<StoredModule> {
    return this.#known;
  }

  load(module: StoredModule): WebAssembly.Module | null {
    const known = module as Known;
    known.isUsed = true;
    const { filed, isNew } = known;
    const bytes = isNew ? this.#part.read(filed) : (this.#file?.read(filed) ?? null);
    if (!bytes) return null;
    const code = this.#nativeOf(filed, this.#file);
    const ready = code && this.#native?.module(code.bytes, bytes);
    try {
      const compiled = ready ?? new WebAssembly.Module(bytes);
      this.#running?.add(compiled, filed.hash, ready ? code.filed.functions : 0);
      return compiled;
    } catch {
      // Not a module any more.
      return null;
    }
  }

  keep(
    environment: string,
    compiled: WebAssembly.Module,
    bytes: Uint8Array,
    codes: ReadonlyMap<string, RegionCode>,
  ): StoredModule | null {
    // More would not be put away: a guest that makes code without end fills neither the folder nor the library.
    if (this.#moduleBytes + bytes.length > MAX_FILE_BYTES) return null;
    const piece = this.#part.append(bytes);
    if (!piece) return null;
    this.#moduleBytes += bytes.length;
    const filed: FiledModule = { ...piece, environment, usedMs: 0, codes, native: null };
    const known: Known = { ...filed, filed, isNew: true, isUsed: true };
    this.#known.push(known);
    this.#running?.add(compiled, filed.hash, 0);
    this.#isChanged ||= environment !== ENGINE;
    return known;
  }

  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
    if (!this.#native) return new WebAssembly.Module(bytes);
    const hash = hashOf(bytes);
    const known = this.#known.find((m) => m.filed.hash === hash);
    const loaded = known && this.load(known);
    const compiled = loaded ?? new WebAssembly.Module(bytes);
    if (!loaded) this.keep(ENGINE, compiled, bytes, NO_CODES);
    return compiled;
  }

  ran(module: WebAssembly.Module, exports: WebAssembly.Exports): void {
    this.#running?.ran(module, exports);
  }

  /** A module's machine code: what this process has of it, or what lies in `file`; null: none that is of use. */
  #nativeOf(
    { hash, native }: FiledModule,
    file: RegionFile | null,
    into?: PieceBuffer,
  ): { readonly filed: FiledNative; readonly bytes: Uint8Array<ArrayBuffer> } | null {
    const own = this.#natives.get(hash);
    if (own) {
      const bytes = this.#part.read(own, into);
      return bytes && { filed: own, bytes };
    }
    if (!native || !file?.isOwn || file.index.maker !== this.#native?.maker) return null;
    const bytes = file.read(native, into);
    return bytes && { filed: native, bytes };
  }

  /** Puts what this process compiled with what is in the folder by now. */
  async save(): Promise<void> {
    try {
      const grown = this.#isFull ? [] : (this.#running?.grown() ?? []);
      if (this.#isChanged || hasGrown(grown)) {
        // What is compiled while the file is written is for the next time.
        this.#isChanged = false;
        this.#serialize(grown);
        await this.#write();
      } else if (this.#known.some((m) => m.isUsed && (!m.isNew || this.#putAway.has(m)))) {
        const now = this.#nowMs() / 1000;
        utimesSync(this.#path, now, now);
      }
    } catch {
      // The next guest starts cold, unless a later attempt succeeds.
      this.#isChanged ||= this.#known.some((m) => m.isNew && m.environment !== ENGINE);
    }
  }
  /** Frees what the store holds open. It must not be used any more. */
  close(): void {
    this.#file?.close();
    this.#written?.close();
    this.#part.close();
  }

  #serialize(grown: readonly GrownModule[]): void {
    for (const { hash, functions, take } of grown) {
      const bytes = take();
      const isTooMuch = this.#nativeBytes + bytes.length > MAX_FILE_BYTES;
      const piece = isTooMuch ? null : this.#part.append(bytes);
      if (!piece) {
        this.#isFull = true;
        return;
      }
      this.#nativeBytes += bytes.length;
      this.#natives.set(hash, { ...piece, functions });
    }
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
        usedMs: identitiesOf(m).some((id) => used.has(id)) ? nowMs : m.usedMs,
      }));
      const known = this.#known.filter((m) => m.isNew && !(own && this.#putAway.has(m)));
      const fresh = (own ? known : notCompiledIn(old, known)).map((m) => ({
        ...m.filed,
        usedMs: nowMs,
      }));
      const isFresh = new Set<FiledModule>(fresh);
      const byUse = [...fresh, ...old].sort((a, b) => b.usedMs - a.usedMs);
      const into = new PieceBuffer();
      const readOf = (m: FiledModule) =>
        isFresh.has(m) ? this.#part.read(m, into) : current?.read(m, into);
      await this.#replace(byUse, readOf, (m) => this.#nativeOf(m, current, into));
      if (!own) this.#putAway.clear();
      for (const m of known) this.#putAway.add(m);
    } finally {
      if (!own) current?.close();
    }
    await pruneRegionFolder(folder, { engine: null, nowMs });
  }
  /** Puts a file of as many modules as it holds, in their order, in the place of the image's. What is read is there until the next. */
  async #replace(
    modules: readonly FiledModule[],
    bytesOf: (module: FiledModule) => Uint8Array | null | undefined,
    nativeOf: (module: FiledModule) => { filed: FiledNative; bytes: Uint8Array } | null,
  ): Promise<void> {
    const placed: FiledModule[] = [];
    const contents: (() => Uint8Array | null | undefined)[] = [];
    let [offset, moduleBytes, nativeBytes] = [0, 0, 0];
    for (const m of modules) {
      if (moduleBytes + m.byteLength > MAX_FILE_BYTES) break;
      if (!bytesOf(m)) continue;
      const code = nativeOf(m)?.filed;
      const native =
        code && nativeBytes + code.byteLength <= MAX_FILE_BYTES
          ? { ...code, offset: offset + m.byteLength }
          : null;
      placed.push({ ...m, offset, native });
      contents.push(() => bytesOf(m));
      if (native) contents.push(() => nativeOf(m)?.bytes);
      moduleBytes += m.byteLength;
      nativeBytes += native?.byteLength ?? 0;
      offset += m.byteLength + (native?.byteLength ?? 0);
    }
    const index: RegionIndex = {
      engine: this.#engine,
      maker: this.#native?.maker ?? '',
      image: this.#imageName,
      modules: placed,
    };
    // Read again as it is written: what a whole file holds need not be in memory at once.
    await this.#writeFile(index, function* () {
      for (const content of contents) {
        const bytes = content();
        if (!bytes) throw new Error('a module was readable, and is not any more');
        yield bytes;
      }
    });
  }
  async #writeFile(index: RegionIndex, contents: () => Iterable<Uint8Array>): Promise<void> {
    const temporary = join(this.#folder, `${randomBytes(8).toString('hex')}.tmp`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      const head = regionFileHead(index);
      for (const chunk of inChunks(head.parts())) await writeAll(file, chunk);
      for (const chunk of inChunks(contents())) await writeAll(file, chunk);
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

/** Is there enough more of it to put a file in the place of the one that is there? */
function hasGrown(modules: readonly GrownModule[]): boolean {
  let [functions, kept] = [0, 0];
  for (const m of modules) {
    functions += m.functions;
    kept += m.keptFunctions;
  }
  return (functions - kept) * GROWTH > kept;
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

/** Another process may have compiled the same meanwhile: then it has the same identities. */
const identitiesOf = (m: FiledModule): readonly string[] =>
  m.environment === ENGINE ? [m.hash] : [...m.codes.values()].map(identity);
const identitiesIn = (modules: readonly Known[]): ReadonlySet<string> =>
  new Set(modules.flatMap((m) => identitiesOf(m.filed)));
/** Those with code that a file does not have. */
function notCompiledIn(file: readonly FiledModule[], modules: readonly Known[]): readonly Known[] {
  const present = new Set(file.flatMap(identitiesOf));
  return modules.filter((m) => identitiesOf(m.filed).some((id) => !present.has(id)));
}
const identity = (c: RegionCode): string =>
  `${c.modeClass} ${c.entry} ${c.runs} ${c.lone} ${Buffer.from(c.bytes).toString('latin1')}`;
