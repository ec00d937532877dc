// Every routine that has ordinary cases in IR.
import type { FastRoutine } from './fast-routine.js';
import { iretFastRoutines } from './iret-fast.js';
import { segmentFastRoutines } from './segment-fast.js';
import { sseFastRoutines } from './sse-fast.js';
import { systemCallFastRoutines } from './system-call-fast.js';
import { x87FastRoutines } from './x87-fast.js';

export const fastRoutines: Readonly<Record<string, FastRoutine>> = {
  ...x87FastRoutines,
  ...sseFastRoutines,
  ...systemCallFastRoutines,
  ...iretFastRoutines,
  ...segmentFastRoutines,
};

/** Routines that generated code calls through their WebAssembly functions. */
export const fastRoutineNames: ReadonlySet<string> = new Set(Object.keys(fastRoutines));
