// FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ. SDM Vol. 1 §8.3.4: the 66-bit constants are rounded by the current
// rounding control (not precision control); no exception, C1 cleared.
import { begin, RC_NEAREST, RC_UP, setResult } from './float80-format.js';

/** Indexed by the low three bits of the opcode D9 E8+i: se, hi, lo truncated, and whether the tail is above one half. */
const CONSTANTS = [
  [0x3fff, 0x80000000, 0x00000000, 0, 0],
  [0x4000, 0xd49a784b, 0xcd1b8afe, 1, 0],
  [0x3fff, 0xb8aa3b29, 0x5c17f0bb, 1, 1],
  [0x4000, 0xc90fdaa2, 0x2168c234, 1, 1],
  [0x3ffd, 0x9a209a84, 0xfbcff798, 1, 1],
  [0x3ffe, 0xb17217f7, 0xd1cf79ab, 1, 1],
  [0x0000, 0x00000000, 0x00000000, 0, 0],
] as const;

/** Loads constant `index` = 0 … 6: 1, log2(10), log2(e), π, log10(2), ln(2), 0. */
export function constant80(cw: number, index: number): void {
  begin();
  const [se, hi, lo, inexact, aboveHalf] = CONSTANTS[index];
  const rc = (cw >> 10) & 3;
  const up = rc === RC_NEAREST ? aboveHalf : rc === RC_UP ? inexact : 0;
  setResult(se, hi, lo + up);
}
