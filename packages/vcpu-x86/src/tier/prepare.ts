// The build's part of the cold tier: interpreters, handlers of the forms that kernels are known to meet, and fast routines, as WebAssembly
// in text.
import type { Mode } from '../semantics/shape.js';
import { textOfBytes } from './code-text.js';
import { fastRoutineModule } from './fast-routine-module.js';
import { type FormFacts, factsOf, formProgram, handlerModule } from './handler.js';
import { inlineForms, otherForms } from './hot-forms.js';
import { interpreterModule } from './interpreter.js';

/** Modules in base64, and the facts of their forms in order. */
export interface PreparedMode {
  readonly interpreter: string;
  readonly inline: readonly FormFacts[];
  readonly handlers: string;
  readonly forms: readonly FormFacts[];
}

export interface PreparedCode {
  /** By {@link modeName}. */
  readonly modes: Readonly<Record<string, PreparedMode>>;
  /** A module in base64; null: not prepared. */
  readonly fastRoutines: string | null;
}

/** A mode's name in {@link PreparedCode}. */
export const modeName = ({ bits, stackBits, flat }: Mode): string =>
  `${bits} ${stackBits} ${flat ? 'flat' : 'segmented'}`;

const preparedModes: readonly Mode[] = [
  { bits: 64, stackBits: 64, flat: true },
  { bits: 32, stackBits: 32, flat: true },
  { bits: 16, stackBits: 16, flat: false },
];

export function prepareCode(): PreparedCode {
  const modes: Record<string, PreparedMode> = {};
  for (const mode of preparedModes) {
    const inline = inlineForms(mode).map(formProgram);
    const others = otherForms(mode).map(formProgram);
    modes[modeName(mode)] = {
      interpreter: textOfBytes(interpreterModule(mode, inline)),
      inline: inline.map(factsOf),
      handlers: textOfBytes(handlerModule(others)),
      forms: others.map(factsOf),
    };
  }
  return { modes, fastRoutines: textOfBytes(fastRoutineModule()) };
}
