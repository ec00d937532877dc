// Conversions between integers, single and double precision (SDM vol. 1 §11.4.1.6), by routines of the same name
// (routines/sse-convert.ts). General registers pass through SCRATCH.
import { FPU_REGISTERS, SCRATCH } from '../state/layout.js';
import type { Operands, Semantics } from './operands.js';
import { check, enterMmx, guarded, low32, low64, routineOperand } from './simd-operands.js';
import { isCalm, isOrdinary } from './sse-calm.js';

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
  const source = x.read(1);
  // A doubleword always fits a double exactly.
  if (x.mnemonic === 'CVTSI2SD' && x.bitsOf(1) === 32) {
    const spread = b.pure('v128', 'i32x4.splat', [source]);
    return x.result(low64(b, b.pure('v128', 'f64x2.convert_low_i32x4_s', [spread])));
  }
  b.set(SCRATCH, x.bitsOf(1), source);
  b.call(sized(x, 1), routineOperand(b, x, 0), b.i32(SCRATCH));
});
const toGeneral: Semantics = guarded((b, x) => {
  const source = x.read(1);
  const exact = (): void => {
    b.set(SCRATCH, x.bitsOf(1), source);
    b.call(sized(x, 0), b.i32(SCRATCH), b.i32(SCRATCH));
    x.result(b.get(SCRATCH, x.bits));
  };
  if (x.mnemonic !== 'CVTTSD2SI' || x.bits !== 32) return exact();
  const spread = b.pure('v128', 'i64x2.splat', [source]);
  const truncated = low32(b, b.pure('v128', 'i32x4.trunc_sat_f64x2_s_zero', [spread]));
  // Zero has many sources, the ends of the range stand for everything beyond.
  const isWithin = b.ltU(b.addc(truncated, 0x7fffffff), b.i32(-2));
  const plain = b.and(isWithin, b.nez(truncated));
  b.if(b.and(isCalm(b), plain), () => x.result(truncated), exact);
});
/** CVTSS2SD and CVTSD2SS: from ordinary to ordinary without a call. */
const between: Semantics = guarded((b, x) => {
  const source = x.read(1);
  const widens = x.bits === 64;
  const spread = b.pure('v128', widens ? 'i32x4.splat' : 'i64x2.splat', [source]);
  const name = widens ? 'f64x2.promote_low_f32x4' : 'f32x4.demote_f64x2_zero';
  const all = b.pure('v128', name, [spread]);
  const result = widens ? low64(b, all) : low32(b, all);
  const plain = widens ? isOrdinary(b, source) : b.and(isCalm(b), isOrdinary(b, result));
  b.if(
    plain,
    () => x.result(result),
    () => {
      b.set(SCRATCH, x.bitsOf(1), source);
      b.call(x.mnemonic, routineOperand(b, x, 0), b.i32(SCRATCH));
    },
  );
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
  CVTSS2SD: between,
  CVTSD2SS: between,
  CVTDQ2PS: packed,
  CVTDQ2PD: packed,
  CVTPS2DQ: packed,
  CVTTPS2DQ: packed,
  CVTPD2DQ: packed,
  CVTTPD2DQ: packed,
} as const satisfies Record<string, Semantics>;
