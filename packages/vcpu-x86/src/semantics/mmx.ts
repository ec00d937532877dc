// What only MMX has (SDM vol. 1 chapter 9): everything else with 64-bit operands shares its mnemonic with SSE.
import { FPU_TAG } from '../state/layout.js';
import type { Semantics } from './operands.js';
import { checkMmx, enterMmx } from './simd-operands.js';

/** Marks all x87 registers empty; the stack's top becomes 0 too (SDM vol. 3A table 13-1). */
const emms: Semantics = (b) => {
  checkMmx(b);
  enterMmx(b);
  b.set(FPU_TAG, 32, b.i32(0xffff));
};

export const mmxSemantics = { EMMS: emms } as const satisfies Record<string, Semantics>;
