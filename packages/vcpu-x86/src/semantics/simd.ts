// The MMX and SSE instructions: every family's fragment in one record, mnemonic to meaning.
import { mmxSemantics } from './mmx.js';
import { sseConvertSemantics } from './sse-convert.js';
import { sseFloatSemantics } from './sse-float.js';
import { sseIntegerSemantics } from './sse-integer.js';
import { sseMoveSemantics } from './sse-move.js';
import { sseShuffleSemantics } from './sse-shuffle.js';

export const simdSemantics = {
  ...mmxSemantics,
  ...sseConvertSemantics,
  ...sseFloatSemantics,
  ...sseIntegerSemantics,
  ...sseMoveSemantics,
  ...sseShuffleSemantics,
} as const;
