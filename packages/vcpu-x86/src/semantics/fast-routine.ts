// Routines' ordinary cases as IR: WebAssembly functions in front of the routines, which do what the functions give up.
import type { Builder, Value } from '../ir/builder.js';
import type { Local } from '../ir/node.js';

/**
 * A routine's ordinary cases. `body` does one, and assigns the routine's result; or it does nothing and leaves `result` at -1. It also
 * gives up where it raises, whatever the vector, and where the TLB does not have a page that it loads from or stores to, as the supervisor.
 */
export interface FastRoutine {
  readonly parameters: number;
  body(b: Builder, result: Local, ...args: Value[]): void;
}

/** Gives up unless an i32 is not 0. */
export const need = (b: Builder, condition: Value): void => b.raiseIf(b.eqz(condition), 0);
