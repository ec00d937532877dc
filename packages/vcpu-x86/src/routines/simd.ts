// The routines of MMX and SSE instructions.
import type { Routine } from '../core.js';
import { fxsaveRoutines } from './fxsave.js';
import { sseConvertRoutines } from './sse-convert.js';
import { sseFloatRoutines } from './sse-float.js';
import { sseStringRoutines } from './sse-string.js';

export const simdRoutines: Readonly<Record<string, Routine>> = {
  ...fxsaveRoutines,
  ...sseConvertRoutines,
  ...sseFloatRoutines,
  ...sseStringRoutines,
};
