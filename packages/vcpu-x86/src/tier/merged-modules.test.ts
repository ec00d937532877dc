// Modules of generated code merged into one: the same as if their functions had been written into one module.
import { describe, expect, it } from 'vitest';
import { RegionLibrary, type StoredModule } from '../region/library.js';
import type { RegionCode } from '../region/region-code.js';
import { TestingMachine } from '../testing-machine.contract.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { mergeModules } from '../wasm/merge.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32 } from '../wasm/opcodes.js';
import { formProgram, handlerModule } from './handler.js';
import { otherForms } from './hot-forms.js';

interface KeptModule extends StoredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Runs a program with a library that has `stored`; what was compiled meanwhile. */
function compiledFor(text: string, stored: readonly KeptModule[]) {
  const kept: KeptModule[] = [];
  const library = new RegionLibrary();
  library.attach({
    modules: stored,
    load: (module) => (module as KeptModule).bytes,
    keep: (environment, bytes, codes) => {
      const module = { environment, bytes: bytes.slice(), byteLength: bytes.length, codes };
      kept.push(module);
      return module;
    },
  });
  const machine = new TestingMachine(text, 32, 5, { library, hotBatch: 1 });
  expect(machine.run()).toBe(true);
  return { kept, machine, library };
}

describe.each([
  { bits: 64, stackBits: 64, flat: true },
  { bits: 32, stackBits: 32, flat: true },
  { bits: 16, stackBits: 16, flat: false },
] as const)('handlers of $bits-bit code', (mode) => {
  it('are merged from any number of modules', () => {
    const forms = otherForms(mode).map(formProgram);
    for (const size of [1, 7, 100]) {
      const parts = Array.from({ length: Math.ceil(forms.length / size) }, (_, i) =>
        forms.slice(i * size, (i + 1) * size),
      );
      const { bytes, names } = mergeModules(parts.map(handlerModule));
      expect(Buffer.from(bytes).equals(handlerModule(forms))).toBe(true);
      expect(names.map((n) => n.length)).toEqual(parts.map((p) => p.length));
    }
  });
});

it('regions run from a merged module as from their own', () => {
  const text = `mov esi, 300
again:
mov ecx, 20
first:
add [20000h], ecx
push esi
call second
pop eax
dec ecx
jnz first
dec esi
jnz again
hlt
second:
mov edi, 20000h
mov edx, 3
inner:
rol dword [edi+edx*4], 3
adc ebx, [edi]
dec edx
jnz inner
ret`;
  const first = compiledFor(text, []);
  expect(first.kept.length).toBeGreaterThan(2);
  const { bytes, names } = mergeModules(first.kept.map((m) => m.bytes));
  const codes = new Map<string, RegionCode>();
  for (const [i, m] of first.kept.entries())
    for (const name of names[i] as string[])
      codes.set(String(codes.size), m.codes.get(name) as RegionCode);
  const { environment } = first.kept[0] as KeptModule;
  const whole = { environment, bytes, byteLength: bytes.length, codes };
  const second = compiledFor(text, [whole]);
  expect(second.kept).toEqual([]);
  expect(second.library.counters.loadedModules).toBe(1);
  expect(second.machine.cpu.hot.counters.reused).toBe(first.machine.cpu.hot.counters.compiled);
  expect(second.machine.summary()).toBe(first.machine.summary());
});

describe('what is refused', () => {
  const good = new ModuleWriter();
  const body = new FunctionWriter(0);
  body.i32Const(1);
  good.add('0', [], [I32], body);
  const bytes = good.build();
  const own = new ModuleWriter();
  const caller = new FunctionWriter(0);
  caller.call(0);
  own.add('0', [], [I32], caller);
  const withTable = new ModuleWriter();
  withTable.table(4);
  const strange = new ModuleWriter();
  const memorySize = new FunctionWriter(0);
  memorySize.op(0x3f);
  memorySize.op(0);
  strange.add('0', [], [I32], memorySize);

  it.each([
    ['a module that ends early', bytes.subarray(0, bytes.length - 3)],
    ['no module', Uint8Array.of(0, 97, 115, 109)],
    ['calls of its own functions', own.build()],
    ['a table of its own', withTable.build()],
    ['an opcode that generated code does not have', strange.build()],
  ])('%s', (_, part) => {
    expect(() => mergeModules([bytes, part])).toThrow(RangeError);
  });
  it('not the other one', () => {
    expect(mergeModules([bytes]).bytes).toEqual(bytes);
  });
});
