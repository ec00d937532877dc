// Square root, rounding, scaling, remainders and the transcendentals (SDM vol. 1 §8.3.5, §8.3.7, §8.3.8): one operand, two operands
// with or without a pop, or one operand with two results.
import type { Routine } from '../core.js';
import { arctangent80 } from '../float/float80-arctangent.js';
import { sqrt80 } from '../float/float80-arithmetic.js';
import { exponential80 } from '../float/float80-exponential.js';
import { C1, C2, f80, IE, INDEFINITE_HI, INDEFINITE_SE } from '../float/float80-format.js';
import { roundInteger80 } from '../float/float80-integer.js';
import { logarithm80, logarithmPlusOne80 } from '../float/float80-logarithm.js';
import { remainder80 } from '../float/float80-remainder.js';
import { extract80, scale80 } from '../float/float80-scale.js';
import { cosine80, sine80, sineCosine80, tangent80 } from '../float/float80-trigonometry.js';
import { FPU_CONTROL } from '../state/layout.js';
import {
  CODES,
  deliver,
  isEmpty,
  masksInvalid,
  overflow,
  push,
  put,
  registerAt,
  SF,
  signal,
  underflow,
} from './x87-stack.js';

type Unary = (cw: number, se: number, hi: number, lo: number) => void;
type Binary = (
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
) => void;

/** ST(0) = f(ST(0)); `clear`: condition codes that the instruction defines. */
const unary =
  (operate: Unary, clear: number): Routine =>
  ({ state }) => {
    if (isEmpty(state, 0)) return underflow(state, 0, 0, clear);
    const a = registerAt(state, 0);
    operate(state.get(FPU_CONTROL), state.getU16(a + 8), state.get(a + 4), state.get(a));
    return deliver(state, 0, 0, clear);
  };

/** ST(first) = f(ST(first), ST(1 − first)), then pops. */
const binary =
  (operate: Binary, first: 0 | 1, pops: number, clear: number): Routine =>
  ({ state }) => {
    if (isEmpty(state, 0) || isEmpty(state, 1)) return underflow(state, first, pops, clear);
    const a = registerAt(state, first);
    const b = registerAt(state, 1 - first);
    operate(
      state.get(FPU_CONTROL),
      state.getU16(a + 8),
      state.get(a + 4),
      state.get(a),
      state.getU16(b + 8),
      state.get(b + 4),
      state.get(b),
    );
    return deliver(state, first, pops, clear);
  };

/** ST(0) = the second result, the first is pushed. */
const pair =
  (operate: Unary, clear: number): Routine =>
  ({ state }) => {
    if (isEmpty(state, 0)) {
      if (masksInvalid(state)) {
        put(state, 0, INDEFINITE_SE, INDEFINITE_HI, 0);
        push(state, INDEFINITE_SE, INDEFINITE_HI, 0);
      }
      return signal(state, clear, IE | SF);
    }
    if (!isEmpty(state, 7)) {
      if (masksInvalid(state)) put(state, 0, INDEFINITE_SE, INDEFINITE_HI, 0);
      return overflow(state, clear);
    }
    const a = registerAt(state, 0);
    operate(state.get(FPU_CONTROL), state.getU16(a + 8), state.get(a + 4), state.get(a));
    if (f80.stored !== 0) {
      put(state, 0, f80.se2, f80.hi2, f80.lo2);
      push(state, f80.se, f80.hi, f80.lo);
    }
    return signal(state, clear, f80.status);
  };

/** FPREM and FPREM1: C0 and C3 are quotient bits, kept where there is no quotient (invalid operands, an empty register). */
const reduction =
  (nearest: number): Routine =>
  ({ state }) => {
    if (isEmpty(state, 0) || isEmpty(state, 1)) return underflow(state, 0, 0, C1 | C2);
    const a = registerAt(state, 0);
    const b = registerAt(state, 1);
    remainder80(
      state.get(FPU_CONTROL),
      nearest,
      state.getU16(a + 8),
      state.get(a + 4),
      state.get(a),
      state.getU16(b + 8),
      state.get(b + 4),
      state.get(b),
    );
    return deliver(state, 0, 0, f80.stored !== 0 && (f80.se & 0x7fff) !== 0x7fff ? CODES : C1 | C2);
  };

export const x87FunctionRoutines = {
  x87SquareRoot: unary(sqrt80, C1),
  x87RoundInteger: unary(roundInteger80, C1),
  x87Exponential: unary(exponential80, C1),
  x87Sine: unary(sine80, C1 | C2),
  x87Cosine: unary(cosine80, C1 | C2),
  x87SineCosine: pair(sineCosine80, C1 | C2),
  x87Tangent: pair(tangent80, C1 | C2),
  x87Extract: pair(extract80, C1),
  x87Scale: binary(scale80, 0, 0, C1),
  x87Remainder: reduction(0),
  x87RemainderNearest: reduction(1),
  x87Arctangent: binary(arctangent80, 1, 1, C1),
  x87Logarithm: binary(logarithm80, 1, 1, C1),
  x87LogarithmPlusOne: binary(logarithmPlusOne80, 1, 1, C1),
} as const satisfies Record<string, Routine>;
