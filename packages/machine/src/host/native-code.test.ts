// What V8 made of WebAssembly, from one process to the next: its machine code is there without compiling, and whatever is wrong with it
// costs that only.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FunctionWriter, I32, ModuleWriter, OP, PURE } from '@proxeny/vcpu-x86/wasm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NativeCode, nativeCode } from './native-code.js';
import { RegionStore } from './region-store.js';

const before = nativeCode();
setFlagsFromString('--allow-natives-syntax');
setFlagsFromString('--expose-gc');
const native = nativeCode() as NativeCode;

/** Functions '0', '1', … that add so much to a number. */
function adding(...numbers: number[]): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  for (const [i, number] of numbers.entries()) {
    const body = new FunctionWriter(1);
    body.get(0);
    body.i32Const(number);
    body.op(PURE.get('i32.add') as number);
    module.add(String(i), [I32], [I32], body);
  }
  return module.build();
}
/** A function that ends where no memory is. */
function trapping(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const body = new FunctionWriter(1);
  body.get(0);
  body.memory(OP.i32Load, 0);
  module.add('0', [I32], [I32], body);
  return module.build();
}
const imports = { env: { memory: new WebAssembly.Memory({ initial: 1 }) } };
type Functions = Record<string, (value: number) => number>;
const instanceOf = (module: WebAssembly.Module): Functions =>
  new WebAssembly.Instance(module, imports).exports as Functions;
/** Modules of the same bytes share what V8 made of them as long as one of them lives: here, until nobody has one. */
async function collectGarbage(): Promise<void> {
  await setImmediate();
  (runInNewContext('gc') as () => void)();
  await setImmediate();
}
/** Calls a function until V8 has optimised it. */
async function heat(functions: Functions, name: string): Promise<void> {
  const one = { [name]: functions[name] };
  while (native.optimisedIn(one) === 0) {
    for (let i = 0; i < 100_000; i++) functions[name](i & 7);
    await setImmediate();
  }
}

/** The machine code of a module whose first function is optimised. */
async function codeOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const module = new WebAssembly.Module(bytes);
  await heat(instanceOf(module), '0');
  return Uint8Array.from(native.of(module));
}

describe('machine code of a module', () => {
  it('is the same function elsewhere, optimised already; the rest is compiled when it is called', async () => {
    const bytes = adding(3, 4);
    const code = await codeOf(bytes);
    await collectGarbage();
    const other = native.module(code, bytes) as WebAssembly.Module;
    const again = instanceOf(other);
    expect(native.optimisedIn(again)).toBe(1);
    expect([again['0'](5), again['1'](5)]).toEqual([8, 9]);
  });

  it('ends where no memory is, as compiled code does', async () => {
    const bytes = trapping();
    const code = await codeOf(bytes);
    await collectGarbage();
    const other = native.module(code, bytes) as WebAssembly.Module;
    expect(() => instanceOf(other)['0'](1 << 20)).toThrow(WebAssembly.RuntimeError);
  });

  it('is nothing of another version', () => {
    expect(native.module(new Uint8Array(64), adding(1))).toBeNull();
  });

  it('is not had of a process that does not ask for it', () => {
    expect(before).toBeNull();
  });
});

describe('a store of regions', () => {
  let folder = '';
  /** Each test has modules of its own. */
  let step = 10;
  beforeEach(() => {
    step++;
    folder = mkdtempSync(join(tmpdir(), 'proxeny-native-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (): string => join(folder, readdirSync(folder)[0] as string);
  const store = () =>
    new RegionStore({ folder, engine: 'one', imageHash: 'abc', imageName: 'kernel' });
  const code = { modeClass: 21, entry: 16, runs: [16, 17], lone: [], instructions: 1 };
  const codesOf = (...firsts: number[]) =>
    new Map(firsts.map((first, i) => [String(i), { ...code, first, bytes: Uint8Array.of(first) }]));

  /** A process that keeps a module of two functions and runs the first until it is optimised. */
  async function run(): Promise<void> {
    const s = store();
    const bytes = adding(step, 2 * step);
    const module = new WebAssembly.Module(bytes);
    s.keep('x86', module, bytes, codesOf(1, 2));
    const functions = instanceOf(module);
    s.ran(module, functions);
    await heat(functions, '0');
    await s.save();
    s.close();
  }
  async function leave(): Promise<void> {
    await run();
    await collectGarbage();
  }
  /** The module that another process finds. */
  function loaded(s = store()): Functions {
    const [stored] = s.modules;
    const module = stored && s.load(stored);
    if (!module) throw new Error('there is none');
    const functions = instanceOf(module);
    s.ran(module, functions);
    return functions;
  }

  it('gives a module back optimised', async () => {
    await leave();
    const functions = loaded();
    expect(native.optimisedIn(functions)).toBe(1);
    expect([functions['0'](1), functions['1'](1)]).toEqual([step + 1, 2 * step + 1]);
  });

  it('keeps more when more is optimised, and leaves the file alone otherwise', async () => {
    await leave();
    const first = readFileSync(file());
    const s = store();
    const functions = loaded(s);
    await s.save();
    expect(readFileSync(file()).equals(first)).toBe(true);
    await heat(functions, '1');
    await s.save();
    s.close();
    await collectGarbage();
    expect(native.optimisedIn(loaded())).toBe(2);
  });

  it('keeps the machine code when another process adds modules', async () => {
    await leave();
    const s = store();
    const bytes = adding(3 * step);
    s.keep('x86', new WebAssembly.Module(bytes), bytes, codesOf(9));
    await s.save();
    s.close();
    const all = store();
    const modules = [...all.modules].map((m) => all.load(m) as WebAssembly.Module);
    const optimised = modules.map((m) => native.optimisedIn(instanceOf(m)));
    expect(optimised.sort()).toEqual([0, 1]);
  });

  it('compiles a module whose machine code is damaged', async () => {
    await leave();
    const bytes = readFileSync(file());
    bytes[bytes.length - 8] ^= 1;
    writeFileSync(file(), bytes);
    const functions = loaded();
    expect(native.optimisedIn(functions)).toBe(0);
    expect([functions['0'](1), functions['1'](1)]).toEqual([step + 1, 2 * step + 1]);
  });

  it('runs no machine code of a file that others can write', async () => {
    await leave();
    chmodSync(file(), 0o666);
    expect(native.optimisedIn(loaded())).toBe(0);
  });

  it("has the engine's own modules optimised too", async () => {
    const bytes = adding(step);
    const s = store();
    const module = s.compile(bytes);
    const functions = instanceOf(module);
    s.ran(module, functions);
    await heat(functions, '0');
    await s.save();
    s.close();
    await collectGarbage();
    expect(native.optimisedIn(instanceOf(store().compile(bytes)))).toBe(1);
    expect(native.optimisedIn(instanceOf(store().compile(adding(5 * step))))).toBe(0);
  });

  it('puts nothing away of an engine that has optimised nothing', async () => {
    const s = store();
    const module = s.compile(adding(step));
    s.ran(module, instanceOf(module));
    await s.save();
    await s.save();
    s.close();
    expect(readdirSync(folder)).toEqual([]);
  });
});
