// Compiled regions by what their code is: whoever meets the same bytes in the same mode again (another machine of the process, the same
// program in other frames) takes the function that is there. Bytes are compared, never only hashed: a guest cannot have another
// guest run a region of its choice. The library also bounds how much compiled code there is: the module that was not asked
// for longest goes, and whoever installed regions of it is told.

import { type ModuleMaker, plainModules } from '../wasm/module-maker.js';
import { CompileHelp } from './compile-help.js';
import type { RegionCode } from './region-code.js';

/** A compiled region and the code it was made of. */
export interface LibraryRegion {
  readonly module: LibraryModule;
  /** The function's name among the module's exports. */
  readonly name: string;
  readonly code: RegionCode;
}

/** A WebAssembly module of several regions. */
export interface LibraryModule {
  readonly environment: string;
  /** Null: it lies in the store. */
  compiled: WebAssembly.Module | null;
  /** What the store calls it; null: it is nowhere else. */
  stored: StoredModule | null;
  /** Of the WebAssembly. */
  readonly byteLength: number;
  readonly regions: LibraryRegion[];
  /** Who installed regions of it. */
  readonly users: Set<LibraryUser>;
  lastUse: number;
}

/** A module that is kept beyond the process. */
export interface StoredModule {
  readonly environment: string;
  readonly byteLength: number;
  /** By the names of its exports. */
  readonly codes: ReadonlyMap<string, RegionCode>;
}

/** Where modules are kept beyond the process. Errors of its medium are its own affair. */
export interface ModuleStore {
  /** What is there. */
  readonly modules: Iterable<StoredModule>;
  /** The module; null: it is not there any more, or not what it was. */
  load(module: StoredModule): WebAssembly.Module | null;
  /** Takes a module and the WebAssembly it was compiled from; null: it does not. */
  keep(
    environment: string,
    compiled: WebAssembly.Module,
    bytes: Uint8Array,
    codes: ReadonlyMap<string, RegionCode>,
  ): StoredModule | null;
  /** A module that every process has: only what compiling it gave is worth keeping. @throws WebAssembly.CompileError */
  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module;
  /** A module runs: the more of it does, the more is worth keeping. */
  ran(module: WebAssembly.Module, exports: WebAssembly.Exports): void;
}

export interface LibraryUser {
  /** The module goes: every region of it must be taken out. */
  retire(module: LibraryModule): void;
}

/** A module costs V8 some fifteen KiB whatever is in it: as much as so many bytes of WebAssembly. */
const MODULE_COST_BYTES = 4096;
/** Most regions that share mode, place in the page and first bytes. */
const MAX_ALIKE = 8;

export class RegionLibrary implements ModuleMaker {
  private readonly byKey = new Map<string, LibraryRegion[]>();
  private readonly environments = new Map<string, number>();
  /** Those that are compiled. */
  private readonly modules = new Set<LibraryModule>();
  private readonly limitBytes: number;
  private store: ModuleStore | null = null;
  /** Who else compiles for this library. */
  readonly help: CompileHelp = new CompileHelp((environment, { module, bytes, codes }) => {
    if (module) this.take(environment, module, bytes, codes);
  });
  private clock = 0;
  /**
   * Lookups that found a region or none; modules that had to go; bytes of WebAssembly in modules that live; regions that were in
   * the store at the start, and modules taken from it.
   */
  readonly counters = {
    hits: 0,
    misses: 0,
    evictedModules: 0,
    liveBytes: 0,
    storedRegions: 0,
    loadedModules: 0,
  };

  /** @param limitBytes of WebAssembly, of which each module counts as 4 KiB more; compiled, it takes several times as much memory */
  constructor(limitBytes: number = 5 << 20) {
    this.limitBytes = limitBytes;
  }

  /** Finds what is in the store from now on, and keeps there what is compiled. A library has one store at most. */
  attach(store: ModuleStore): void {
    if (this.store) throw new Error('the library has a store already');
    this.store = store;
    for (const stored of store.modules) {
      this.enter(stored.environment, null, stored.byteLength, stored.codes, stored);
      this.counters.storedRegions += stored.codes.size;
    }
  }

  /** Goes on without the store: what lies only there is found no more. */
  detach(): void {
    this.store = null;
    const known = new Set([...this.byKey.values()].flatMap((alike) => alike.map((r) => r.module)));
    for (const module of known) {
      module.stored = null;
      if (!module.compiled) this.forget(module);
    }
  }

  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
    return (this.store ?? plainModules).compile(bytes);
  }
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
    const exports = plainModules.instantiate(module, imports);
    this.store?.ran(module, exports);
    return exports;
  }

  /** How many modules live. */
  get moduleCount(): number {
    return this.modules.size;
  }

  /**
   * A region by its entry.
   * @param environment what else its code depends on: the features of the CPU that decoded it
   * @param matches is that code mapped around the entry?
   */
  find(
    environment: string,
    modeClass: number,
    entry: number,
    first: number,
    matches: (code: RegionCode) => boolean,
  ): LibraryRegion | null {
    const alike = this.byKey.get(this.key(environment, modeClass, entry, first));
    const found = alike?.find((r) => matches(r.code)) ?? null;
    if (found) {
      this.counters.hits++;
      found.module.lastUse = ++this.clock;
    } else this.counters.misses++;
    return found;
  }

  /** Takes a new module; `codes` by the names of its exports. Others may have to go for it. */
  add(
    environment: string,
    bytes: Uint8Array<ArrayBuffer>,
    codes: ReadonlyMap<string, RegionCode>,
  ): LibraryModule {
    return this.take(environment, new WebAssembly.Module(bytes), bytes, codes);
  }
  private take(
    environment: string,
    compiled: WebAssembly.Module,
    bytes: Uint8Array<ArrayBuffer>,
    codes: ReadonlyMap<string, RegionCode>,
  ): LibraryModule {
    const stored = this.store?.keep(environment, compiled, bytes, codes) ?? null;
    const module = this.enter(environment, compiled, bytes.length, codes, stored);
    this.revive(module);
    return module;
  }

  /** The module, compiled; null: the store has lost it. Others may have to go for it. */
  compiledOf(module: LibraryModule): WebAssembly.Module | null {
    if (module.compiled) return module.compiled;
    module.compiled = this.store?.load(module.stored as StoredModule) ?? null;
    if (!module.compiled) {
      this.forget(module);
      return null;
    }
    this.counters.loadedModules++;
    this.revive(module);
    return module.compiled;
  }

  private enter(
    environment: string,
    compiled: WebAssembly.Module | null,
    byteLength: number,
    codes: ReadonlyMap<string, RegionCode>,
    stored: StoredModule | null,
  ): LibraryModule {
    const regions: LibraryRegion[] = [];
    const users = new Set<LibraryUser>();
    const lastUse = ++this.clock;
    const module = { environment, compiled, stored, byteLength, regions, users, lastUse };
    for (const [name, code] of codes) {
      const region = { module, name, code };
      regions.push(region);
      const key = this.keyOf(region);
      const alike = this.byKey.get(key);
      if (!alike) this.byKey.set(key, [region]);
      else if (alike.unshift(region) > MAX_ALIKE) alike.pop();
    }
    return module;
  }
  private revive(module: LibraryModule): void {
    this.modules.add(module);
    this.counters.liveBytes += module.byteLength;
    while (this.cost > this.limitBytes && this.modules.size > 1) this.evict(module);
  }

  /** Of all modules that live, in bytes of WebAssembly. */
  private get cost(): number {
    return this.counters.liveBytes + this.modules.size * MODULE_COST_BYTES;
  }

  private evict(except: LibraryModule): void {
    let oldest: LibraryModule | null = null;
    for (const m of this.modules)
      if (m !== except && (!oldest || m.lastUse < oldest.lastUse)) oldest = m;
    if (!oldest) return;
    this.modules.delete(oldest);
    this.counters.liveBytes -= oldest.byteLength;
    this.counters.evictedModules++;
    oldest.compiled = null;
    if (!oldest.stored) this.forget(oldest);
    for (const user of oldest.users) user.retire(oldest);
    oldest.users.clear();
  }
  /** Its regions are found no more. */
  private forget(module: LibraryModule): void {
    for (const region of module.regions) {
      const key = this.keyOf(region);
      const alike = this.byKey.get(key)?.filter((r) => r !== region) ?? [];
      if (alike.length === 0) this.byKey.delete(key);
      else this.byKey.set(key, alike);
    }
  }

  private key(environment: string, modeClass: number, entry: number, first: number): string {
    let id = this.environments.get(environment);
    if (id === undefined) {
      id = this.environments.size;
      this.environments.set(environment, id);
    }
    return `${id} ${modeClass} ${entry} ${first}`;
  }
  private keyOf({ module, code }: LibraryRegion): string {
    return this.key(module.environment, code.modeClass, code.entry, code.first);
  }
}
