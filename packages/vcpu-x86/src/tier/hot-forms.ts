// The forms that the interpreter handles inline, most frequent first, by mode class: measured over kernel boots with
// tools/profile-forms.ts. Names as tier/cold.ts writes them; at most 150 a class, so that V8 optimises the loop quickly.
import type { Mode, Shape } from '../semantics/shape.js';
import { keyOfShape } from '../semantics/shape.js';
import { shapeOfName } from './cold.js';

const flat32: readonly string[] = ["B8+r|MOV Zv,Iv|32|32|m", "31 /r|XOR Ev,Gv|32|32|r", "01 /r|ADD Ev,Gv|32|32|r", "A3|MOV Ov,rAX|32|32|m", "8B /r|MOV Gv,Ev|32|32|m", "8D /r mem|LEA Gv,M|32|32|m", "50+r|PUSH Zv|32|32|m", "E8|CALL Jz|32|32|m", "C3|RET|32|32|m", "58+r|POP Zv|32|32|m", "48+r|DEC Zv|32|32|m", "75|JNE Jb|32|32|m", "0F 0B|UD2|32|32|m"];
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
