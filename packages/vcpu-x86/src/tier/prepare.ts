// The build's part of the cold tier: interpreters, and handlers of the forms that kernels are known to meet, as WebAssembly in text.
import type { Mode } from '../semantics/shape.js';
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

/** A mode's name in {@link prepareModes}. */
export const modeName = ({ bits, stackBits, flat }: Mode): string =>
  `${bits} ${stackBits} ${flat ? 'flat' : 'segmented'}`;

const preparedModes: readonly Mode[] = [
  { bits: 64, stackBits: 64, flat: true },
  { bits: 32, stackBits: 32, flat: true },
  { bits: 16, stackBits: 16, flat: false },
];

function textOf(bytes: Uint8Array): string {
  let characters = '';
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

export function prepareModes(): Readonly<Record<string, PreparedMode>> {
  const prepared: Record<string, PreparedMode> = {};
  for (const mode of preparedModes) {
    const inline = inlineForms(mode).map(formProgram);
    const others = otherForms(mode).map(formProgram);
    prepared[modeName(mode)] = {
      interpreter: textOf(interpreterModule(mode, inline)),
      inline: inline.map(factsOf),
      handlers: textOf(handlerModule(others)),
      forms: others.map(factsOf),
    };
  }
  return prepared;
}
