// A function of its own from IR, with parameters: what fast routines are.
import type { Local, Node } from '../ir/node.js';
import { Emitter } from './emit.js';
import type { EmitTarget } from './emit-target.js';

/** A function of (state, parameters): runs the statements and pushes `result`. */
export function emitFunction(
  statements: readonly Node[],
  target: EmitTarget,
  parameters: readonly Local[],
  result: Local,
): void {
  const emitter = new Emitter(target);
  parameters.forEach((p, i) => {
    emitter.bind(p, i + 1);
  });
  emitter.program(statements);
  emitter.pushLocal(result);
}
