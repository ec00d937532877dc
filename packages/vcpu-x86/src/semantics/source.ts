// The second operand at the first one's width: immediates of `Iz` and `Ib` forms are sign-extended, equal widths cost nothing.
import type { Value } from '../ir/builder.js';
import type { Operands } from './operands.js';

/** Operand `i` sign-extended to the width of operand 0. */
export const source = (x: Operands, i = 1): Value =>
  x.bitsOf(i) === x.bits ? x.read(i) : x.readSigned(i, x.bits);
