// Compiled regions on disk: what one process leaves, another finds, whatever happened to the files meanwhile.
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunctionWriter, I32, ModuleWriter } from '@proxeny/vcpu-x86/wasm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listRegionFolder, pruneRegionFolder } from './region-folder.js';
import { RegionStore } from './region-store.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'proxeny-regions-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const store = (more: Partial<ConstructorParameters<typeof RegionStore>[0]> = {}) =>
  new RegionStore({ folder, engine: 'one', imageHash: 'abc', imageName: 'kernel', ...more });
const codes = (first: number) =>
  new Map([
    [
      '0',
      {
        modeClass: 21,
        entry: 16,
        first,
        runs: [16, 19],
        lone: [],
        bytes: Uint8Array.of(first, 2, 3),
        instructions: 2,
      },
    ],
  ]);
/** A module whose function returns a number. */
function wasm(number: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const body = new FunctionWriter(0);
  body.i32Const(number);
  module.add('0', [], [I32], body);
  return module.build();
}
const keep = (s: RegionStore, bytes: Uint8Array<ArrayBuffer>, first: number) =>
  s.keep('x86', new WebAssembly.Module(bytes), bytes, codes(first));

/** Keeps modules as a process of its own would. */
async function leave(...numbers: number[]): Promise<void> {
  const s = store();
  for (const n of numbers) keep(s, wasm(n), n);
  await s.save();
  s.close();
}
const imports = { env: { memory: new WebAssembly.Memory({ initial: 1 }) } };
type Numbers = Record<string, () => number>;
/** What the functions of its modules return; -1: the module is refused. */
const found = (s: RegionStore): number[] =>
  [...s.modules]
    .map((m) => {
      const compiled = s.load(m);
      return compiled
        ? (new WebAssembly.Instance(compiled, imports).exports as Numbers)['0']()
        : -1;
    })
    .sort((a, b) => a - b);
const file = (): string => join(folder, readdirSync(folder)[0] as string);

describe('a store of compiled regions', () => {
  it('gives a module and its code back to another process', async () => {
    await leave(7);
    const [module] = store().modules;
    expect(module?.environment).toBe('x86');
    expect([...(module?.codes ?? [])]).toEqual([...codes(7)]);
    expect(found(store())).toEqual([7]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it.each([
    ['alone', []],
    ['with what another process left meanwhile', [5]],
  ])('puts away more each time, %s', async (_, others) => {
    const s = store();
    for (const n of [1, 2, 3]) {
      keep(s, wasm(n), n);
      await s.save();
      await leave(...others);
    }
    s.close();
    expect(found(store())).toEqual([1, 2, 3, ...others]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('gives back what it was given in the same process', () => {
    const s = store();
    keep(s, wasm(9), 9);
    expect(found(s)).toEqual([9]);
  });

  it('takes no more than a file holds, however much code a guest makes', async () => {
    const s = store();
    const large = new Uint8Array(3 << 20);
    const module = new WebAssembly.Module(wasm(1));
    const kept = Array.from(
      { length: 8 },
      (_, i) => s.keep('x86', module, large, codes(i)) !== null,
    );
    expect(kept).toEqual([true, true, true, true, true, false, false, false]);
    expect([...s.modules]).toHaveLength(5);
    await s.save();
    s.close();
    expect([...store().modules]).toHaveLength(5);
  });

  it('keeps what several processes leave, and the same code once', async () => {
    const [a, b] = [store(), store()];
    keep(a, wasm(1), 1);
    keep(b, wasm(2), 2);
    keep(b, wasm(3), 1); // the same code, compiled there too
    await a.save();
    await b.save();
    expect(found(store())).toEqual([1, 2]);
  });

  it('still reads the file that another process has replaced', async () => {
    await leave(1);
    const s = store();
    await leave(2);
    expect(found(s)).toEqual([1]);
  });

  it('is empty for another image and another version of the engine', async () => {
    await leave(1);
    expect(found(store({ imageHash: 'abd' }))).toEqual([]);
    expect(found(store({ engine: 'two' }))).toEqual([]);
  });

  it('is empty when the index is damaged, and refuses a module that is', async () => {
    await leave(1);
    const bytes = readFileSync(file());
    const flip = (at: number): void =>
      writeFileSync(
        file(),
        bytes.map((b, i) => (i === at ? b ^ 1 : b)),
      );
    flip(bytes.length - 1);
    expect(found(store())).toEqual([-1]);
    flip(60);
    expect(found(store())).toEqual([]);
    writeFileSync(file(), bytes.subarray(0, bytes.length - 2));
    expect(found(store())).toEqual([-1]);
    writeFileSync(file(), '');
    expect(found(store())).toEqual([]);
    await leave(5);
    expect(found(store())).toEqual([5]);
  });

  it('says nothing when the folder cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const s = store({ folder: join(folder, 'file') });
    expect(keep(s, wasm(1), 1)).toBe(null);
    await s.save();
  });
});

describe('the folder', () => {
  it('lets the files go that were not used longest', async () => {
    for (const n of [1, 2, 3]) {
      const s = store({ imageHash: `${n}`, imageName: `kernel ${n}` });
      keep(s, wasm(n), n);
      await s.save();
      s.close();
      for (const f of await listRegionFolder(folder))
        if (f.content?.image === `kernel ${n}`) utimesSync(f.path, n * 1000, n * 1000);
    }
    const files = await listRegionFolder(folder);
    expect(files.map((f) => f.content?.image)).toEqual(['kernel 3', 'kernel 2', 'kernel 1']);
    const maxBytes = (files[0]?.byteLength ?? 0) * 2;
    const gone = await pruneRegionFolder(folder, { engine: 'one', nowMs: 5e6, maxBytes });
    expect(gone.map((f) => f.content?.image)).toEqual(['kernel 1']);
    expect(await pruneRegionFolder(folder, { engine: 'two', nowMs: 5e6 })).toHaveLength(2);
  });
});
