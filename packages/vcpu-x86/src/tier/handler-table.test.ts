// A hostile guest may execute every form there is: the table of handlers must have room for all of them.
import { expect, it } from 'vitest';
import { formsOf, usesAddress } from '../isa/form.js';
import { rows } from '../isa/table.js';
import { HANDLER_TABLE_SIZE } from './interpreter.js';

it.each([16, 32, 64] as const)('all shapes of %i-bit code have handlers at once', (bits) => {
  let shapes = 0;
  for (const row of rows) {
    const repeats = row.attributes.has('rep') ? 2 : row.attributes.has('repz') ? 3 : 1;
    for (const form of formsOf(row, bits)) {
      // Segmented or not, indexed or not; an address size counts even where no address is made.
      const isMemory = row.modrm !== 'none' && !form.isRegister;
      const sizes = usesAddress(row, form.isRegister) ? 1 : 2;
      shapes += repeats * sizes * (isMemory ? 4 : 2);
    }
  }
  expect(shapes).toBeGreaterThan(10_000);
  expect(shapes).toBeLessThan(HANDLER_TABLE_SIZE);
});
