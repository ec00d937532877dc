// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function.
import { aluSemantics } from './alu.js';
import { branchSemantics } from './branch.js';
import { hintSemantics, moveSemantics } from './move.js';
import { portSemantics } from './port-io.js';
import { shiftSemantics } from './shift.js';
import { stackSemantics } from './stack.js';
import { stringSemantics } from './string.js';

export const semantics = {
  ...aluSemantics,
  ...branchSemantics,
  ...hintSemantics,
  ...moveSemantics,
  ...portSemantics,
  ...shiftSemantics,
  ...stackSemantics,
  ...stringSemantics,
};
