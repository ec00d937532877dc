// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function.
import { flagsPrivilegedSemantics } from './flags-privileged.js';
import { integerSemantics } from './integer.js';
import { interruptSemantics } from './interrupt.js';
import { segmentSemantics } from './segment.js';
import { simdSemantics } from './simd.js';
import { systemSemantics } from './system.js';
import { x87Semantics } from './x87.js';

export const semantics = {
  ...flagsPrivilegedSemantics,
  ...integerSemantics,
  ...interruptSemantics,
  ...segmentSemantics,
  ...simdSemantics,
  ...systemSemantics,
  ...x87Semantics,
};
