// The routines of MMX and SSE instructions.
import type { Routine } from '../core.js';
import { sseConvertRoutines } from './sse-convert.js';
import { sseFloatRoutines } from './sse-float.js';

export const simdRoutines: Readonly<Record<string, Routine>> = {
  ...sseConvertRoutines,
  ...sseFloatRoutines,
};
