// Saving and restoring x87 and SSE state as a whole, and MXCSR by itself (SDM vol. 1 §10.5, §11.6, §13.7–§13.9). Routines build and
// take the images (routines/fxsave.ts).
import type { Builder } from '../ir/builder.js';
import { CR4, FPU_TRAP, MXCSR } from '../state/layout.js';
import { requireCanonical } from './canonical.js';
import { type Operands, RAX, type Semantics } from './operands.js';
import { checkSse } from './simd-operands.js';

const UD = 6;
const NM = 7;
const GP = 13;
const CR4_OSXSAVE = 0x40000;
/** FPU_TRAP: x87 instructions raise #NM; CR0.TS is set. */
const X87_NM = 1;
const TASK_SWITCHED = 4;

/** Calls `routine` with the linear address of an area of `bytes` that must be aligned to `alignment`. */
function area(
  b: Builder,
  x: Operands,
  routine: string,
  write: boolean,
  bytes: number,
  alignment: number,
): void {
  const access = { bits: 8, segment: x.binding.slot('segment') } as const;
  const segmented = x.shape.segmented || !x.mode.flat;
  const start = x.effective(0);
  const linear = x.linearAt(start, access, write, segmented);
  if (segmented && x.mode.bits !== 64) {
    x.linearAt(b.addc(start, bytes - 1), access, write, segmented);
  }
  const low = b.wrap(linear);
  b.raiseIf(b.andc(low, alignment - 1), GP, 0);
  requireCanonical(b, x, linear);
  const high = b.wrap(b.shrUc(linear, 32));
  const wide = b.i32(x.operandBits === 64 ? 1 : 0);
  if (alignment === 16) b.call(routine, low, high, wide);
  else b.call(routine, low, high, wide, x.getRegister(RAX, 32));
}

const legacy =
  (routine: string, write: boolean): Semantics =>
  (b, x) => {
    b.raiseIf(b.andc(b.get(FPU_TRAP, 32), X87_NM), NM);
    area(b, x, routine, write, 512, 16);
  };
const extended =
  (routine: string, write: boolean): Semantics =>
  (b, x) => {
    b.raiseIf(b.eqz(b.andc(b.get(CR4, 32), CR4_OSXSAVE)), UD);
    b.raiseIf(b.andc(b.get(FPU_TRAP, 32), TASK_SWITCHED), NM);
    area(b, x, routine, write, 576, 64);
  };

const ldmxcsr: Semantics = (b, x) => {
  checkSse(b);
  const v = x.read(0);
  b.raiseIf(b.andc(v, 0xffff0000), GP, 0);
  b.set(MXCSR, 32, v);
};
const stmxcsr: Semantics = (b, x) => {
  checkSse(b);
  x.result(b.get(MXCSR, 32));
};

export const fxsaveSemantics = {
  FXSAVE: legacy('fxsave', true),
  FXRSTOR: legacy('fxrstor', false),
  XSAVE: extended('xsave', true),
  XSAVEOPT: extended('xsaveopt', true),
  XRSTOR: extended('xrstor', false),
  LDMXCSR: ldmxcsr,
  STMXCSR: stmxcsr,
} as const satisfies Record<string, Semantics>;
