// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function; a row without a meaning, or a
// meaning without a row, does not compile (semantics/table.test.ts checks both).
import type { Mnemonic } from '../isa/table.js';
import { flagsPrivilegedSemantics } from './flags-privileged.js';
import { integerSemantics } from './integer.js';
import { interruptSemantics } from './interrupt.js';
import type { Semantics } from './operands.js';
import { randomSemantics } from './random.js';
import { segmentSemantics } from './segment.js';
import { simdSemantics } from './simd.js';
import { systemSemantics } from './system.js';
import { x87Semantics } from './x87.js';

export const semantics = {
  ...flagsPrivilegedSemantics,
  ...integerSemantics,
  ...interruptSemantics,
  ...randomSemantics,
  ...segmentSemantics,
  ...simdSemantics,
  ...systemSemantics,
  ...x87Semantics,
} satisfies Record<Mnemonic, Semantics>;
