// Basic arithmetic, comparisons and functions of the x87 (SDM vol. 1 §8.3.5–8.3.9): routines compute, this file fetches operands.

import type { Value } from '../ir/builder.js';
import { condition, setArithmeticFlags } from '../ir/flags.js';
import { RAISED } from '../state/x87-bits.js';
import type { Semantics } from './operands.js';
import { highHalf, lowHalf, record, stackIndex, wait } from './x87-frame.js';

/** Digits of float80-dispatch.ts. */
const ADD = 0;
const MULTIPLY = 1;
const COMPARE = 2;
const COMPARE_POP = 3;
const SUBTRACT = 4;
const SUBTRACT_REVERSED = 5;
const DIVIDE = 6;
const DIVIDE_REVERSED = 7;

/** ST(0) with m32fp or m64fp. */
const withMemory =
  (digit: number): Semantics =>
  (b, x) => {
    wait(b);
    const v = x.read(1);
    const raised =
      x.bitsOf(1) === 32
        ? b.call('x87ArithmeticFloat32', b.i32(digit), v)
        : b.call('x87ArithmeticFloat64', b.i32(digit), lowHalf(b, v), highHalf(b, v));
    record(b, x, raised, 1);
  };
/** Destination − source and the like, whichever of the two is ST(0). */
const arithmetic = (digit: number, pops: number): Semantics => {
  const memory = withMemory(digit);
  return (b, x) => {
    if (x.isMemory(1)) return memory(b, x);
    wait(b);
    const i = stackIndex(b, x);
    const top = b.i32(0);
    const toTop = x.operand(0).fixed === 'ST0';
    const [target, source]: Value[] = toTop ? [top, i] : [i, top];
    record(b, x, b.call('x87Arithmetic', b.i32(digit), target, source, b.i32(pops)), -1);
  };
};
const integer =
  (digit: number): Semantics =>
  (b, x) => {
    wait(b);
    const v = x.readSigned(1, 32);
    record(b, x, b.call('x87ArithmeticInteger', b.i32(digit), v), 1);
  };

const compare = (digit: number, quiet: number, pops: number): Semantics => {
  const memory = withMemory(digit);
  return (b, x) => {
    if (x.count > 1 && x.isMemory(1)) return memory(b, x);
    wait(b);
    const i = x.count > 1 ? stackIndex(b, x) : b.i32(1);
    record(b, x, b.call('x87Compare', i, b.i32(quiet), b.i32(pops)), -1);
  };
};
const compareFlags =
  (quiet: number, pops: number): Semantics =>
  (b, x) => {
    wait(b);
    const result = b.call('x87CompareFlags', stackIndex(b, x), b.i32(quiet), b.i32(pops));
    setArithmeticFlags(b, b.andc(result, 0x45));
    record(b, x, b.andc(result, RAISED), -1);
  };
/** `code`: condition code of Jcc. */
const moveIf =
  (code: number): Semantics =>
  (b, x) => {
    wait(b);
    record(b, x, b.call('x87MoveIf', stackIndex(b, x), condition(b, code)), -1);
  };

/** A routine without operands. */
export const routine =
  (name: string, ...args: number[]): Semantics =>
  (b, x) => {
    wait(b);
    record(b, x, b.call(name, ...args.map((n) => b.i32(n))), -1);
  };

export const x87ArithmeticSemantics = {
  FADD: arithmetic(ADD, 0),
  FADDP: arithmetic(ADD, 1),
  FIADD: integer(ADD),
  FMUL: arithmetic(MULTIPLY, 0),
  FMULP: arithmetic(MULTIPLY, 1),
  FIMUL: integer(MULTIPLY),
  FSUB: arithmetic(SUBTRACT, 0),
  FSUBP: arithmetic(SUBTRACT, 1),
  FISUB: integer(SUBTRACT),
  FSUBR: arithmetic(SUBTRACT_REVERSED, 0),
  FSUBRP: arithmetic(SUBTRACT_REVERSED, 1),
  FISUBR: integer(SUBTRACT_REVERSED),
  FDIV: arithmetic(DIVIDE, 0),
  FDIVP: arithmetic(DIVIDE, 1),
  FIDIV: integer(DIVIDE),
  FDIVR: arithmetic(DIVIDE_REVERSED, 0),
  FDIVRP: arithmetic(DIVIDE_REVERSED, 1),
  FIDIVR: integer(DIVIDE_REVERSED),
  FCOM: compare(COMPARE, 0, 0),
  FCOMP: compare(COMPARE_POP, 0, 1),
  FCOMPP: compare(COMPARE_POP, 0, 2),
  FUCOM: compare(COMPARE, 1, 0),
  FUCOMP: compare(COMPARE_POP, 1, 1),
  FUCOMPP: compare(COMPARE_POP, 1, 2),
  FICOM: integer(COMPARE),
  FICOMP: integer(COMPARE_POP),
  FTST: routine('x87Test'),
  FXAM: routine('x87Examine'),
  FCOMI: compareFlags(0, 0),
  FCOMIP: compareFlags(0, 1),
  FUCOMI: compareFlags(1, 0),
  FUCOMIP: compareFlags(1, 1),
  FCMOVB: moveIf(2),
  FCMOVNB: moveIf(3),
  FCMOVE: moveIf(4),
  FCMOVNE: moveIf(5),
  FCMOVBE: moveIf(6),
  FCMOVNBE: moveIf(7),
  FCMOVU: moveIf(10),
  FCMOVNU: moveIf(11),
  FCHS: routine('x87ChangeSign'),
  FABS: routine('x87Absolute'),
  FSQRT: routine('x87SquareRoot'),
  FRNDINT: routine('x87RoundInteger'),
  FSCALE: routine('x87Scale'),
  FXTRACT: routine('x87Extract'),
  FPREM: routine('x87Remainder'),
  FPREM1: routine('x87RemainderNearest'),
  F2XM1: routine('x87Exponential'),
  FYL2X: routine('x87Logarithm'),
  FYL2XP1: routine('x87LogarithmPlusOne'),
  FSIN: routine('x87Sine'),
  FCOS: routine('x87Cosine'),
  FSINCOS: routine('x87SineCosine'),
  FPTAN: routine('x87Tangent'),
  FPATAN: routine('x87Arctangent'),
} as const satisfies Record<string, Semantics>;
