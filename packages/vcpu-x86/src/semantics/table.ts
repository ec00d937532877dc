// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function.
import { flagsPrivilegedSemantics } from './flags-privileged.js';
import { integerSemantics } from './integer.js';
import { interruptSemantics } from './interrupt.js';
import { segmentSemantics } from './segment.js';
import { systemSemantics } from './system.js';

export const semantics = {
  ...integerSemantics,
  ...flagsPrivilegedSemantics,
  ...interruptSemantics,
  ...segmentSemantics,
  ...systemSemantics,
};
