// What the build makes ready for the cold tier.
import { describe, expect, it } from 'vitest';
import { fastRoutines } from '../semantics/fast-table.js';
import { DELIVER_EVENT, fastName } from '../wasm/import-names.js';
import { plainModules } from '../wasm/module-maker.js';
import { bytesOfText, textOfBytes } from './code-text.js';
import { factsOf, formProgram } from './handler.js';
import { inlineForms, otherForms } from './hot-forms.js';
import { modeName, prepareCode } from './prepare.js';
import { Prepared } from './prepared.js';

const prepared = prepareCode();

describe.each([
  { bits: 64, stackBits: 64, flat: true },
  { bits: 32, stackBits: 32, flat: true },
  { bits: 16, stackBits: 16, flat: false },
] as const)('the prepared modules of $bits-bit code', (mode) => {
  const source = prepared.modes[modeName(mode)];
  if (!source) throw new Error('nothing is prepared');
  const ready = new Prepared(source, plainModules);

  it('have an interpreter of the inline forms', () => {
    const names = WebAssembly.Module.exports(ready.interpreter).map((e) => e.name);
    expect(names).toEqual(expect.arrayContaining(['run', 'table']));
    expect(ready.inline).toEqual(inlineForms(mode).map((s) => factsOf(formProgram(s))));
  });

  it('have a handler of each other form', () => {
    const names = new Set(WebAssembly.Module.exports(ready.handlers).map((e) => e.name));
    const others = otherForms(mode);
    expect(others.length).toBeGreaterThan(100);
    expect(names.size).toBe(ready.forms.size);
    for (const shape of others) {
      const facts = factsOf(formProgram(shape));
      const form = ready.forms.get(facts.key);
      expect(form?.facts).toEqual(facts);
      expect(names.has(form?.name ?? '')).toBe(true);
    }
  });

  it('list no form twice', () => {
    const keys = [...ready.inline.map((f) => f.key), ...ready.forms.keys()];
    expect(new Set(keys).size).toBe(ready.inline.length + otherForms(mode).length);
  });
});

describe('the prepared module of fast routines', () => {
  it('has a function for each', () => {
    const module = new WebAssembly.Module(bytesOfText(prepared.fastRoutines ?? ''));
    const names = WebAssembly.Module.exports(module).map((e) => e.name);
    expect(names.sort()).toEqual(
      [DELIVER_EVENT, ...Object.keys(fastRoutines).map(fastName)].sort(),
    );
  });
});

it('code comes back from its text as it was, whatever its bytes', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff);
  for (const length of [0, 1, 2, 3, 1000])
    expect(bytesOfText(textOfBytes(bytes.subarray(0, length)))).toEqual(bytes.slice(0, length));
});
