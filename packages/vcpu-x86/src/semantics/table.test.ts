// The join of facts and meanings is checked by the compiler; these lines must not compile.
import { describe, expect, it } from 'vitest';
import { type Mnemonic, rows } from '../isa/table.js';
import type { Semantics } from './operands.js';
import { semantics } from './table.js';

describe('the semantics table', () => {
  it('has a meaning for every row', () => {
    for (const row of rows)
      expect(semantics[row.mnemonic as Mnemonic], row.mnemonic).toBeTypeOf('function');
  });
  it('does not compile with a mnemonic too few or too many', () => {
    const { ADD: _add, ...few } = semantics;
    // @ts-expect-error ADD has no meaning
    const tooFew: Record<Mnemonic, Semantics> = few;
    // @ts-expect-error no row is called FROBNICATE
    const tooMany = { ...semantics, FROBNICATE: semantics.ADD } satisfies Record<
      Mnemonic,
      Semantics
    >;
    expect(Object.keys(tooFew).length + 2).toBe(Object.keys(tooMany).length);
  });
});
