// The module of fast routines: for each routine that has ordinary cases in IR, a WebAssembly function that tries those and else
// calls the routine.
import { Builder } from '../ir/builder.js';
import { type FastRoutine, x87FastRoutines } from '../semantics/x87-fast.js';
import { emitFunction } from '../wasm/emit-function.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { fastName } from '../wasm/fast-name.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32 } from '../wasm/opcodes.js';

/** The module's bytes. It imports the memory and the routines from `env`. */
export function fastRoutineModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  // Imports come before functions.
  for (const [routine, { parameters }] of Object.entries(x87FastRoutines))
    module.importFunction(
      routine,
      Array.from({ length: parameters }, () => I32),
      [I32],
    );
  for (const [routine, fast] of Object.entries(x87FastRoutines)) addFunction(module, routine, fast);
  return module.build();
}

function addFunction(module: ModuleWriter, routine: string, fast: FastRoutine): void {
  const b = new Builder();
  const parameters = Array.from({ length: fast.parameters }, () => b.local('i32'));
  const result = b.local('i32', b.i32(-1));
  fast.body(b, result, ...parameters.map((p) => b.read(p)));
  b.if(b.ltS(b.read(result), b.i32(0)), () =>
    b.assign(result, b.call(routine, ...parameters.map((p) => b.read(p)))),
  );
  const writer = new FunctionWriter(1 + fast.parameters);
  const never = (): never => {
    throw new Error('a fast routine does not leave');
  };
  const target: EmitTarget = {
    writer,
    module,
    state: 0,
    record: -1,
    fault: () => {
      writer.i32Const(-1);
      writer.return();
    },
    jump: never,
    branch: never,
    storeNextRip: never,
  };
  emitFunction(b.statements, target, parameters, result);
  module.add(
    fastName(routine),
    Array.from({ length: 1 + fast.parameters }, () => I32),
    [I32],
    writer,
  );
}
