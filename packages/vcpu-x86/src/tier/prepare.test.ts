// What the build makes ready for the cold tier.
import { describe, expect, it } from 'vitest';
import { factsOf, formProgram } from './handler.js';
import { inlineForms, otherForms } from './hot-forms.js';
import { modeName, prepareModes } from './prepare.js';
import { Prepared } from './prepared.js';

const prepared = prepareModes();

describe.each([
  { bits: 64, stackBits: 64, flat: true },
  { bits: 32, stackBits: 32, flat: true },
  { bits: 16, stackBits: 16, flat: false },
] as const)('the prepared modules of $bits-bit code', (mode) => {
  const source = prepared[modeName(mode)];
  if (!source) throw new Error('nothing is prepared');
  const ready = new Prepared(source);

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
