// Fast routines of a CPU: generated code imports them in the routines' place.
import { type ModuleMaker, plainModules } from '../wasm/module-maker.js';
import { bytesOfText } from './code-text.js';
import { fastRoutineModule } from './fast-routine-module.js';
import { preparedCode } from './prepared-code.js';

let compiled: WebAssembly.Module | undefined;

/** The functions, by the name that generated code imports them by. `env`: the memory and the routines. */
export function fastImports(
  env: Readonly<Record<string, WebAssembly.ImportValue>>,
  modules: ModuleMaker = plainModules,
): WebAssembly.Exports {
  const { fastRoutines } = preparedCode;
  compiled ??= modules.compile(
    fastRoutines === null ? fastRoutineModule() : bytesOfText(fastRoutines),
  );
  return modules.instantiate(compiled, { env });
}
