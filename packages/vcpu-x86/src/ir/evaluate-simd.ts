// The reference evaluator's vector operations, lane by lane (WebAssembly core specification 2.0 §4.3.3).
import type { IrValue } from './evaluate.js';

/** Evaluates a vector operation by its WebAssembly name. */
export function evaluateSimd(name: string, args: readonly IrValue[], lanes: readonly number[]): IrValue {
  throw new Error(`the evaluator does not know ${name} (${args.length} arguments, ${lanes.length} lanes)`);
}
