// The meaning of every x87 mnemonic.
import type { Semantics } from './operands.js';
import { x87ArithmeticSemantics } from './x87-arithmetic.js';
import { x87ControlSemantics } from './x87-control.js';
import { x87MoveSemantics } from './x87-move.js';

export const x87Semantics = {
  ...x87ArithmeticSemantics,
  ...x87ControlSemantics,
  ...x87MoveSemantics,
} as const satisfies Record<string, Semantics>;
