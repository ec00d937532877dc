// The MMX and SSE instructions, and those that save their state: every family's fragment in one record, mnemonic to meaning.
import { fxsaveSemantics } from './fxsave.js';
import { mmxSemantics } from './mmx.js';
import { sseConvertSemantics } from './sse-convert.js';
import { sseFloatSemantics } from './sse-float.js';
import { sseIntegerSemantics } from './sse-integer.js';
import { sseMoveSemantics } from './sse-move.js';
import { sseShuffleSemantics } from './sse-shuffle.js';
import { sseStringSemantics } from './sse-string.js';

export const simdSemantics = {
  ...fxsaveSemantics,
  ...mmxSemantics,
  ...sseConvertSemantics,
  ...sseFloatSemantics,
  ...sseIntegerSemantics,
  ...sseMoveSemantics,
  ...sseShuffleSemantics,
  ...sseStringSemantics,
} as const;
