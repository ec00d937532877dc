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
const wasm = (n: number): Uint8Array<ArrayBuffer> => Uint8Array.of(0, 97, 115, 109, n);

/** Keeps modules as a process of its own would. */
async function leave(...numbers: number[]): Promise<void> {
  const s = store();
  for (const n of numbers) s.keep('x86', wasm(n), codes(n));
  await s.save();
  s.close();
}
const found = (s: RegionStore): number[] =>
  [...s.modules].map((m) => s.load(m)?.[4] ?? -1).sort((a, b) => a - b);
/** A module whose functions return these numbers. */
function returning(...numbers: number[]): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  for (const [i, number] of numbers.entries()) {
    const body = new FunctionWriter(0);
    body.i32Const(number);
    module.add(String(i), [], [I32], body);
  }
  return module.build();
}
/** Of each module there is, what the functions of its regions return, by the first bytes of their code. */
function returned(s: RegionStore): (readonly [number, number])[][] {
  return [...s.modules].map((m) => {
    const bytes = s.load(m) as Uint8Array<ArrayBuffer>;
    const imports = { env: { memory: new WebAssembly.Memory({ initial: 1 }) } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    return [...m.codes].map(([name, code]) => [code.first, (exports[name] as () => number)()]);
  });
}
const codesOf = (...firsts: number[]) =>
  new Map(firsts.flatMap((first, i) => [...codes(first).values()].map((c) => [String(i), c])));
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
      s.keep('x86', wasm(n), codes(n));
      await s.save();
      await leave(...others);
    }
    s.close();
    expect(found(store())).toEqual([1, 2, 3, ...others]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('puts small modules of one environment away as one', async () => {
    const s = store();
    s.keep('x86', returning(10, 20), codesOf(1, 2));
    s.keep('x86', returning(30), codesOf(3));
    s.keep('other', returning(40), codesOf(4));
    s.keep('x86', returning(50), codesOf(5));
    await s.save();
    s.keep('x86', returning(60), codesOf(6));
    await s.save();
    s.close();
    const functions = (...numbers: number[]) => numbers.map((n) => [n, n * 10]);
    expect(returned(store())).toEqual([functions(6, 1, 2, 3), functions(4), functions(5)]);
  });

  it('puts no more in one module than is loaded at once', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => 1e9 + i);
    const bytes = returning(...many);
    const s = store();
    for (const first of [1, 2, 3, 4, 5, 6, 7, 8]) s.keep('x86', bytes, codesOf(first));
    await s.save();
    s.close();
    const modules = [...store().modules];
    const regions = modules.flatMap((m) => [...m.codes.values()].map((c) => c.first));
    expect(regions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(modules.length).toBeGreaterThan(1);
    expect(modules.length).toBeLessThan(8);
    for (const m of modules) expect(m.byteLength).toBeLessThan(70_000);
  });

  it('gives back what it was given in the same process', () => {
    const s = store();
    const kept = s.keep('x86', wasm(9), codes(9));
    expect(kept && s.load(kept)).toEqual(Buffer.from(wasm(9)));
  });

  it('takes no more than a file holds, however much code a guest makes', async () => {
    const s = store();
    const large = new Uint8Array(3 << 20);
    const kept = Array.from({ length: 8 }, (_, i) => s.keep('x86', large, codes(i)) !== null);
    expect(kept).toEqual([true, true, true, true, true, false, false, false]);
    expect([...s.modules]).toHaveLength(5);
    await s.save();
    s.close();
    expect([...store().modules]).toHaveLength(5);
  });

  it('keeps what several processes leave, and the same code once', async () => {
    const [a, b] = [store(), store()];
    a.keep('x86', wasm(1), codes(1));
    b.keep('x86', wasm(2), codes(2));
    b.keep('x86', wasm(3), codes(1)); // the same code, compiled there too
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
    expect(s.keep('x86', wasm(1), codes(1))).toBe(null);
    await s.save();
  });
});

describe('the folder', () => {
  it('lets the files go that were not used longest', async () => {
    for (const n of [1, 2, 3]) {
      const s = store({ imageHash: `${n}`, imageName: `kernel ${n}` });
      s.keep('x86', wasm(n), codes(n));
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
