// The library of compiled regions and its store: what is found while one is attached, and after it has gone.
import { describe, expect, it } from 'vitest';
import { type ModuleStore, RegionLibrary, type StoredModule } from './library.js';
import type { RegionCode } from './region-code.js';

const EMPTY_MODULE: Uint8Array<ArrayBuffer> = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const codeAt = (entry: number): ReadonlyMap<string, RegionCode> => {
  const bytes = Uint8Array.of(1, 2, 3);
  const runs = [entry, entry + 3];
  return new Map([
    ['0', { modeClass: 21, entry, first: 1, runs, lone: [], bytes, instructions: 2 }],
  ]);
};
const storeOf = (...entries: number[]): ModuleStore => ({
  modules: entries.map((entry) => ({
    environment: 'x86',
    byteLength: EMPTY_MODULE.length,
    codes: codeAt(entry),
  })),
  load: () => new WebAssembly.Module(EMPTY_MODULE),
  keep: (environment, _compiled, bytes, codes): StoredModule => ({
    environment,
    byteLength: bytes.length,
    codes,
  }),
  compile: (bytes) => new WebAssembly.Module(bytes),
  ran: () => {},
});
const find = (library: RegionLibrary, entry: number) =>
  library.find('x86', 21, entry, 1, () => true);

describe('a library of compiled regions', () => {
  it('finds what lies in its store, and compiles it when it is wanted', () => {
    const library = new RegionLibrary();
    library.attach(storeOf(16));
    const region = find(library, 16);
    expect(region && library.compiledOf(region.module)).toBeInstanceOf(WebAssembly.Module);
  });

  it('finds only what is compiled once its store has gone, and takes another store', () => {
    const library = new RegionLibrary();
    library.attach(storeOf(16));
    library.add('x86', EMPTY_MODULE, codeAt(32));
    library.detach();
    expect(find(library, 16)).toBeNull();
    const region = find(library, 32);
    expect(region && library.compiledOf(region.module)).toBeInstanceOf(WebAssembly.Module);
    library.attach(storeOf(48));
    expect(find(library, 48)).not.toBeNull();
  });

  it('refuses a second store beside the first', () => {
    const library = new RegionLibrary();
    library.attach(storeOf());
    expect(() => library.attach(storeOf())).toThrow('has a store already');
  });
});
