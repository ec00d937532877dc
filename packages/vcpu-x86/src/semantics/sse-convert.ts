// Conversions between integers, single and double precision (SDM vol. 1 §11.4.1.6), by routines of the same name
// (routines/sse-convert.ts). General registers pass through SCRATCH.
import { FPU_REGISTERS, SCRATCH } from '../state/layout.js';
import type { Operands, Semantics } from './operands.js';
import { check, enterMmx, guarded, routineOperand } from './simd-operands.js';

const sized = (x: Operands, i: number): string =>
  x.bitsOf(i) === 64 ? `${x.mnemonic}_64` : x.mnemonic;

const packed: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  b.call(x.mnemonic, routineOperand(b, x, 0), source);
});
/** The MMX state comes before the conversion: an unmasked exception of that does not undo it. */
const toMmx: Semantics = (b, x) => {
  check(b, x);
  const source = routineOperand(b, x, 1);
  enterMmx(b);
  b.call(x.mnemonic, routineOperand(b, x, 0), source);
  b.set(FPU_REGISTERS + 8, 16, b.i32(0xffff), x.binding.slot('reg'));
};
const fromGeneral: Semantics = guarded((b, x) => {
  b.set(SCRATCH, x.bitsOf(1), x.read(1));
  b.call(sized(x, 1), routineOperand(b, x, 0), b.i32(SCRATCH));
});
const toGeneral: Semantics = guarded((b, x) => {
  b.call(sized(x, 0), b.i32(SCRATCH), routineOperand(b, x, 1));
  x.result(b.get(SCRATCH, x.bits));
});

export const sseConvertSemantics = {
  CVTPI2PS: packed,
  CVTPI2PD: packed,
  CVTTPS2PI: toMmx,
  CVTTPD2PI: toMmx,
  CVTPS2PI: toMmx,
  CVTPD2PI: toMmx,
  CVTSI2SS: fromGeneral,
  CVTSI2SD: fromGeneral,
  CVTTSS2SI: toGeneral,
  CVTTSD2SI: toGeneral,
  CVTSS2SI: toGeneral,
  CVTSD2SI: toGeneral,
  CVTPS2PD: packed,
  CVTPD2PS: packed,
  CVTSS2SD: packed,
  CVTSD2SS: packed,
  CVTDQ2PS: packed,
  CVTDQ2PD: packed,
  CVTPS2DQ: packed,
  CVTTPS2DQ: packed,
  CVTPD2DQ: packed,
  CVTTPD2DQ: packed,
} as const satisfies Record<string, Semantics>;
