// The forms that guests are known to run, by mode, most frequent first: the interpreter handles the first of them inline, the build
// prepares handlers of the others. Measured over kernel boots with tools/profile-forms.ts. Names as shape-name.ts writes them.
import type { Mode, Shape } from '../semantics/shape.js';
import { flat32 } from './known-forms/flat32.js';
import { long64 } from './known-forms/long64.js';
import { real16 } from './known-forms/real16.js';
import { shapeOfName } from './shape-name.js';

/** So many are handled inline: V8 optimises a small loop soon. */
const INLINE_FORMS = 150;

function namesOf(mode: Mode): readonly string[] {
  if (mode.bits === 32 && !mode.flat) return [];
  const names = mode.bits === 64 ? long64 : mode.bits === 32 ? flat32 : real16;
  return names.split(';').map((name) => name.trim());
}
function shapesOf(names: readonly string[], mode: Mode): Shape[] {
  return names.flatMap((name) => shapeOfName(name, mode) ?? []);
}

/** The forms that the interpreter of a mode handles itself. */
export const inlineForms = (mode: Mode): Shape[] =>
  mode.bits === 16 ? [] : shapesOf(namesOf(mode).slice(0, INLINE_FORMS), mode);

/** Others that kernels are known to meet in it. */
export const otherForms = (mode: Mode): Shape[] =>
  shapesOf(namesOf(mode).slice(mode.bits === 16 ? 0 : INLINE_FORMS), mode);
