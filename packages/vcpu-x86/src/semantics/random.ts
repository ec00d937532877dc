// RDRAND and RDSEED (SDM vol. 2B): the platform's randomness never runs dry, so CF is always 1.
import type { Builder } from '../ir/builder.js';
import { CF, setArithmeticFlags } from '../ir/flags.js';
import { SCRATCH } from '../state/layout.js';
import type { Operands, Semantics } from './operands.js';

const random: Semantics = (b: Builder, x: Operands) => {
  b.call('random');
  x.result(b.get(SCRATCH, x.bits));
  setArithmeticFlags(b, b.i32(CF));
};

export const randomSemantics = { RDRAND: random, RDSEED: random } as const satisfies Record<
  string,
  Semantics
>;
