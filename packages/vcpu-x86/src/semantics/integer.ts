// The integer instructions: every family's fragment in one record, mnemonic to meaning.
import { aluSemantics } from './alu.js';
import { bcdSemantics } from './bcd.js';
import { bitSemantics } from './bit.js';
import { branchSemantics } from './branch.js';
import { exchangeSemantics } from './exchange.js';
import { flagsControlSemantics } from './flags-control.js';
import { hintSemantics, moveSemantics } from './move.js';
import { multiplySemantics } from './multiply.js';
import { portSemantics } from './port-io.js';
import { shiftSemantics } from './shift.js';
import { stackSemantics } from './stack.js';
import { stringSemantics } from './string.js';

export const integerSemantics = {
  ...aluSemantics,
  ...bcdSemantics,
  ...bitSemantics,
  ...branchSemantics,
  ...exchangeSemantics,
  ...flagsControlSemantics,
  ...hintSemantics,
  ...moveSemantics,
  ...multiplySemantics,
  ...portSemantics,
  ...shiftSemantics,
  ...stackSemantics,
  ...stringSemantics,
} as const;
