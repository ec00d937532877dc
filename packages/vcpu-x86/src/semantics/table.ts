// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function.
import { flagsPrivilegedSemantics } from './flags-privileged.js';
import { integerSemantics } from './integer.js';
import { interruptSemantics } from './interrupt.js';
import { mmxSemantics } from './mmx.js';
import { segmentSemantics } from './segment.js';
import { sseIntegerSemantics } from './sse-integer.js';
import { sseMoveSemantics } from './sse-move.js';
import { sseShuffleSemantics } from './sse-shuffle.js';
import { systemSemantics } from './system.js';
import { x87Semantics } from './x87.js';

export const semantics = {
  ...flagsPrivilegedSemantics,
  ...integerSemantics,
  ...interruptSemantics,
  ...mmxSemantics,
  ...segmentSemantics,
  ...sseIntegerSemantics,
  ...sseMoveSemantics,
  ...sseShuffleSemantics,
  ...systemSemantics,
  ...x87Semantics,
};
