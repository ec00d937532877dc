// Routines that stay within the x87 and SSE state, a segment that decides nothing about the mode, and SCRATCH: no general register, flag,
// rIP, mode or memory of the program. A hot region calls them with its registers in locals.

/** They change SCRATCH alone: an instruction may still start anew behind them. */
export const convertingRoutines: ReadonlySet<string> = new Set([
  'x87ToFloat32',
  'x87ToFloat64',
  'x87ToInteger',
  'x87ToBcd',
  'x87ToExtended',
]);

/** They always succeed: an unmasked x87 exception waits for the next instruction (SDM vol. 1 §8.7). */
const infallible =
  /^x87(?!Unavailable|Pending|Initialize|StoreEnvironment|LoadEnvironment|Save|Restore)/;
export const isInfallible = (routine: string): boolean => infallible.test(routine);

/** Arithmetic, comparisons and conversions of SSE: named as their instructions; an unmasked exception fails before it has changed a register. */
const sse =
  /^((U?COMIS|ADDSUBP|HADDP|HSUBP|(ADD|SUB|MUL|DIV|MIN|MAX|SQRT|CMP|ROUND)[PS]|DPP)[SD]|R(SQRT|CP)[PS]S|CVT\w+)$/;
/** They may change MXCSR, and the register whose place is their first argument. */
export const isSse = (routine: string): boolean => sse.test(routine);
/** They put what they read into SCRATCH, or fail. */
const reading: ReadonlySet<string> = new Set(['readControl', 'readTimeStamp']);
/** Loads FS or GS, or fails: what a region knows of segments goes. */
export const LOAD_SEGMENT = 'loadSegment';
export const isContained = (routine: string): boolean =>
  isInfallible(routine) || isSse(routine) || reading.has(routine) || routine === LOAD_SEGMENT;
