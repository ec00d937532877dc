// Fast routines of a CPU: generated code imports them in the routines' place.
import { bytesOfText } from './code-text.js';
import { fastRoutineModule } from './fast-routine-module.js';
import { preparedCode } from './prepared-code.js';

let compiled: WebAssembly.Module | undefined;

/** The functions, by the name that generated code imports them by. `env`: the memory and the routines. */
export function fastImports(
  env: Readonly<Record<string, WebAssembly.ImportValue>>,
): WebAssembly.Exports {
  const { fastRoutines } = preparedCode;
  compiled ??= new WebAssembly.Module(
    fastRoutines === null ? fastRoutineModule() : bytesOfText(fastRoutines),
  );
  return new WebAssembly.Instance(compiled, { env }).exports;
}
