// The module of fast routines: for each routine that has ordinary cases in IR, a WebAssembly function that tries those and else
// calls the routine; and the one for events, which nothing stands behind.
import { Builder } from '../ir/builder.js';
import { deliverEvent } from '../semantics/event-fast.js';
import type { FastRoutine } from '../semantics/fast-routine.js';
import { fastRoutines } from '../semantics/fast-table.js';
import { CPL, SUPERVISOR_GUARDED, TLB_BASE } from '../state/layout.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { DELIVER_EVENT, fastName } from '../wasm/import-names.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32, OP, PURE } from '../wasm/opcodes.js';
import { OrdinaryCases } from '../wasm/ordinary-cases.js';

const op = (name: string): number => PURE.get(name) as number;
const words = (count: number): (typeof I32)[] => Array.from({ length: count }, () => I32);

/** The module's bytes. It imports the memory and the routines from `env`. */
export function fastRoutineModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  // Imports come before functions.
  for (const [routine, { parameters }] of Object.entries(fastRoutines))
    module.importFunction(routine, words(parameters), [I32]);
  for (const [routine, fast] of Object.entries(fastRoutines))
    addFunction(module, fastName(routine), fast, routine);
  addFunction(module, DELIVER_EVENT, deliverEvent, null);
  return module.build();
}

/** `routine`: does what the function gives up; without one its result is -1. */
function addFunction(
  module: ModuleWriter,
  name: string,
  fast: FastRoutine,
  routine: string | null,
): void {
  const b = new Builder();
  const parameters = Array.from({ length: fast.parameters }, () => b.local('i32'));
  const result = b.local('i32', b.i32(-1));
  fast.body(b, result, ...parameters.map((p) => b.read(p)));
  const w = new FunctionWriter(1 + fast.parameters);
  const tlbBase = w.ownLocal(I32);
  const never = (): never => {
    throw new Error('a fast routine does not leave');
  };
  const target: EmitTarget = {
    ...{ writer: w, module, state: 0, record: -1, tlbBase },
    ...{ fault: never, jump: never, branch: never, storeNextRip: never },
  };
  supervisorSet(w, tlbBase);
  const givesUp = w.block();
  const emitter = new OrdinaryCases(target, givesUp);
  parameters.forEach((p, i) => {
    emitter.bind(p, i + 1);
  });
  emitter.program(b.statements);
  w.end();
  emitter.pushLocal(result);
  if (routine !== null) {
    w.i32Const(0);
    w.op(op('i32.lt_s'));
    w.if(I32);
    for (let i = 1; i <= fast.parameters; i++) w.get(i);
    w.call(module.importFunction(routine, words(fast.parameters), [I32]));
    w.else();
    emitter.pushLocal(result);
    w.end();
  }
  module.add(name, words(1 + fast.parameters), [I32], w);
}

/** The TLB set of the supervisor's accesses, whatever the level. */
function supervisorSet(w: FunctionWriter, tlbBase: number): void {
  for (const at of [SUPERVISOR_GUARDED, TLB_BASE, CPL]) {
    w.get(0);
    w.memory(OP.i32Load, at);
  }
  w.op(op('select'));
  w.setLocal(tlbBase);
}
