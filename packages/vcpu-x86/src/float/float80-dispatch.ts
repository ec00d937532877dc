// @hot
// The eight arithmetic operations of opcodes D8 … DF by their ModRM.reg digit, with register or memory operands.
// SDM Vol. 2 appendix B.17. A float32/float64 memory operand takes part unconverted: a signalling NaN meets the other
// operand's NaN as such, and a denormal signals #D although it is normal once widened.
import { add80, divide80, multiply80, subtract80 } from './float80-arithmetic.js';
import { compare80 } from './float80-compare.js';
import { widened, widenFloat32, widenFloat64 } from './float80-convert.js';
import { DE, f80, IE, isNaN80, ZE } from './float80-format.js';

/** digit: 0 FADD, 1 FMUL, 2 FCOM, 3 FCOMP, 4 FSUB (a − b), 5 FSUBR (b − a), 6 FDIV (a ÷ b), 7 FDIVR (b ÷ a). */
export function arithmetic80(
  digit: number,
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bSe: number,
  bHi: number,
  bLo: number,
): void {
  switch (digit) {
    case 0:
      add80(cw, aSe, aHi, aLo, bSe, bHi, bLo);
      break;
    case 1:
      multiply80(cw, aSe, aHi, aLo, bSe, bHi, bLo);
      break;
    case 2:
    case 3:
      compare80(cw, 0, aSe, aHi, aLo, bSe, bHi, bLo);
      break;
    case 4:
      subtract80(cw, aSe, aHi, aLo, bSe, bHi, bLo);
      break;
    case 5:
      subtract80(cw, bSe, bHi, bLo, aSe, aHi, aLo);
      break;
    case 6:
      divide80(cw, aSe, aHi, aLo, bSe, bHi, bLo);
      break;
    default:
      divide80(cw, bSe, bHi, bLo, aSe, aHi, aLo);
  }
}

function withWidened(digit: number, cw: number, aSe: number, aHi: number, aLo: number): void {
  arithmetic80(digit, cw, aSe, aHi, aLo, widened.se, widened.hi, widened.lo);
  if (widened.denormal === 0) return;
  // Invalid and zero divide take precedence over #D, and so does a NaN in ST0.
  if ((f80.status & (IE | ZE)) !== 0 || isNaN80(aSe, aHi, aLo)) return;
  if ((cw & DE) !== 0) f80.status |= DE;
  else {
    // A compare still sets its condition codes; arithmetic stops before anything else is signalled.
    f80.status = digit >> 1 === 1 ? f80.status | DE : DE;
    f80.stored = 0;
  }
}

/** As arithmetic80 with b an m32fp operand. */
export function arithmeticFloat32(
  digit: number,
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  bits: number,
): void {
  widenFloat32(bits);
  withWidened(digit, cw, aSe, aHi, aLo);
}

/** As arithmetic80 with b an m64fp operand. */
export function arithmeticFloat64(
  digit: number,
  cw: number,
  aSe: number,
  aHi: number,
  aLo: number,
  hi: number,
  lo: number,
): void {
  widenFloat64(hi, lo);
  withWidened(digit, cw, aSe, aHi, aLo);
}
