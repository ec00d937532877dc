// Meaning joined to facts: every mnemonic of the tables has exactly one semantics function.
import { integerSemantics } from './integer.js';

export const semantics = {
  ...integerSemantics,
};
