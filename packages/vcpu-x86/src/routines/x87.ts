// Every x87 routine that semantics call by name.
import type { Routine } from '../core.js';
import { x87ArithmeticRoutines } from './x87-arithmetic.js';
import { x87EnvironmentRoutines } from './x87-environment.js';
import { x87FunctionRoutines } from './x87-function.js';
import { x87LoadRoutines } from './x87-load.js';
import { x87StoreRoutines } from './x87-store.js';

export const x87Routines: Readonly<Record<string, Routine>> = {
  ...x87ArithmeticRoutines,
  ...x87EnvironmentRoutines,
  ...x87FunctionRoutines,
  ...x87LoadRoutines,
  ...x87StoreRoutines,
};
