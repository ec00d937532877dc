// Every routine that semantics call by name.
import type { Routine } from '../core.js';
import { randomRoutines } from './random.js';
import { simdRoutines } from './simd.js';
import { bulkRoutines } from './string-bulk.js';
import { systemRoutines } from './system.js';
import { x87Routines } from './x87.js';

export const routines: Readonly<Record<string, Routine>> = {
  ...bulkRoutines,
  ...randomRoutines,
  ...simdRoutines,
  ...systemRoutines,
  ...x87Routines,
};
