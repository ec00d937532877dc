// Packed integer arithmetic, comparison and shifts of MMX and SSE to SSE4.2 (SDM vol. 1 §9.4, §11.4.2, §12.5–§12.12): WebAssembly's
// operations where there is one, compositions of a few where there is none.
import type { Builder, Value } from '../ir/builder.js';
import { setArithmeticFlags } from '../ir/flags.js';
import type { Semantics } from './operands.js';
import {
  guarded,
  joined,
  low64,
  packed,
  packedUnary,
  setVector,
  type VectorOperation,
  vector,
  widen,
} from './simd-operands.js';

type Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2';

const v = (b: Builder, name: string, ...args: Value[]): Value => b.pure('v128', name, args);
const shuffle = (b: Builder, a: Value, c: Value, lanes: readonly number[]): Value =>
  b.pure('v128', 'i8x16.shuffle', [a, c], lanes);
/** A constant of lanes of `bits`. */
export function constant(b: Builder, bits: number, lanes: readonly number[]): Value {
  let value = 0n;
  for (const [i, lane] of lanes.entries()) {
    value |= BigInt.asUintN(bits, BigInt(lane)) << BigInt(i * bits);
  }
  return b.v128(value);
}
const all = (b: Builder, bits: number, lane: number): Value =>
  constant(b, bits, new Array<number>(128 / bits).fill(lane));

const direct = (name: string): Semantics => packed((b, a, c) => v(b, name, a, c));
/** Not source AND destination: PANDN negates the destination. */
const andNot: VectorOperation = (b, a, c) => v(b, 'v128.andnot', c, a);
const narrow = (name: string): Semantics =>
  packed((b, a, c, x) => v(b, name, ...joined(b, a, c, x)));

// Multiplication
/** The high or low 16 bits of each product of words. */
const highProduct = (sign: 's' | 'u'): Semantics =>
  packed((b, a, c) => {
    const low = v(b, `i32x4.extmul_low_i16x8_${sign}`, a, c);
    const high = v(b, `i32x4.extmul_high_i16x8_${sign}`, a, c);
    return shuffle(b, low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  });
/** Saturation is WebAssembly's: 8000h × 8000h stays 8000h here. */
const pmulhrsw: VectorOperation = (b, a, c) => {
  const least = all(b, 16, 0x8000);
  const both = v(b, 'v128.and', v(b, 'i16x8.eq', a, least), v(b, 'i16x8.eq', c, least));
  return v(b, 'v128.xor', v(b, 'i16x8.q15mulr_sat_s', a, c), both);
};
/** Products of the even doublewords. */
const evenProduct = (sign: 's' | 'u'): Semantics =>
  packed((b, a, c) => {
    const even = (w: Value): Value =>
      shuffle(b, w, w, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
    return v(b, `i64x2.extmul_low_i32x4_${sign}`, even(a), even(c));
  });
/** Unsigned bytes of the destination times signed bytes of the source, pairs added with saturation. */
const pmaddubsw: VectorOperation = (b, a, c) => {
  const eight = b.i32(8);
  const evenA = v(b, 'v128.and', a, all(b, 16, 0xff));
  const evenC = v(b, 'i16x8.shr_s', v(b, 'i16x8.shl', c, eight), eight);
  const even = v(b, 'i16x8.mul', evenA, evenC);
  const odd = v(b, 'i16x8.mul', v(b, 'i16x8.shr_u', a, eight), v(b, 'i16x8.shr_s', c, eight));
  return v(b, 'i16x8.add_sat_s', even, odd);
};

/** |a - c| of unsigned bytes, added up in each half. */
const psadbw: VectorOperation = (b, a, c) => {
  const difference = v(b, 'v128.or', v(b, 'i8x16.sub_sat_u', a, c), v(b, 'i8x16.sub_sat_u', c, a));
  const words = v(b, 'i16x8.extadd_pairwise_i8x16_u', difference);
  const doubles = v(b, 'i32x4.extadd_pairwise_i16x8_u', words);
  const sum = v(b, 'i64x2.add', doubles, v(b, 'i64x2.shr_u', doubles, b.i32(32)));
  return v(b, 'v128.and', sum, constant(b, 64, [0xffff, 0xffff]));
};

/** Operates on the even and the odd lanes of both operands side by side. */
const horizontal = (name: string, bits: 16 | 32): Semantics =>
  packed((b, a, c, x) => {
    const step = bits / 8;
    const pick = (odd: number): number[] =>
      Array.from(
        { length: 16 },
        (_, i) => Math.floor(i / step) * 2 * step + odd * step + (i % step),
      );
    const [p, q] = joined(b, a, c, x);
    return v(b, name, shuffle(b, p, q, pick(0)), shuffle(b, p, q, pick(1)));
  });

const sign = (shape: Shape, bits: number): Semantics =>
  packed((b, a, c) => {
    const negative = v(b, `${shape}.shr_s`, c, b.i32(bits - 1));
    const signed = v(b, `${shape}.sub`, v(b, 'v128.xor', a, negative), negative);
    return v(b, 'v128.andnot', signed, v(b, `${shape}.eq`, c, b.v128(0n)));
  });
const abs = (shape: Shape): Semantics => packedUnary((b, c) => v(b, `${shape}.abs`, c));

// Shifts: the count is the whole low quadword of the source, or an immediate; one too large shifts everything out.
const shift = (shape: Shape, kind: 'shl' | 'shr_u' | 'shr_s'): Semantics =>
  guarded((b, x) => {
    const bits = 128 / Number(shape.slice(shape.indexOf('x') + 1));
    const immediate = x.operand(1).addressing === 'I';
    const count = immediate ? x.read(1) : low64(b, vector(b, x, 1));
    const a = vector(b, x, 0);
    const fits = b.ltU(count, b.constantLike(count, bits));
    if (kind === 'shr_s') {
      const limited = b.select(fits, b.wrap(count), b.i32(bits - 1));
      setVector(b, x, 0, v(b, `${shape}.shr_s`, a, limited));
    } else {
      const shifted = v(b, `${shape}.${kind}`, a, b.wrap(count));
      setVector(b, x, 0, b.select(fits, shifted, b.v128(0n)));
    }
  });

// Widening moves
const extend = (sign: 's' | 'u', from: 8 | 16 | 32, to: 16 | 32 | 64): Semantics =>
  packedUnary((b, c) => {
    let result = c;
    for (let bits: number = from; bits < to; bits *= 2) {
      const wide = `i${bits * 2}x${64 / bits}`;
      result = v(b, `${wide}.extend_low_i${bits}x${128 / bits}_${sign}`, result);
    }
    return result;
  });

/** ZF: no bit in common; CF: the source has no bit outside the destination. */
const ptest: Semantics = guarded((b, x) => {
  const c = vector(b, x, 1);
  const a = vector(b, x, 0);
  const none = (w: Value): Value => b.eqz(b.pure('i32', 'v128.any_true', [w]));
  const zf = none(v(b, 'v128.and', a, c));
  const cf = none(v(b, 'v128.andnot', c, a));
  setArithmeticFlags(b, b.or(b.shlc(zf, 6), cf));
});

/** The least word and, behind it, its index. */
const phminposuw = packedUnary((b, c) => {
  let least = c;
  for (const distance of [8, 4, 2]) {
    const lanes = Array.from({ length: 16 }, (_, i) => (i + distance) & 15);
    least = v(b, 'i16x8.min_u', least, shuffle(b, least, least, lanes));
  }
  const places = b.pure('i32', 'i16x8.bitmask', [v(b, 'i16x8.eq', c, least)]);
  const value = b.pure('i32', 'i16x8.extract_lane_u', [least], [0]);
  return widen(b, b.or(value, b.shlc(b.ctz(places), 16)));
});

/** Eight sums of four |a - c|: windows of the destination against one doubleword of the source. */
const mpsadbw: VectorOperation = (b, a, c, x) => {
  const imm = x.read(2);
  const iota = constant(b, 8, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  const splat8 = (w: Value): Value => v(b, 'i8x16.splat', w);
  const from = v(b, 'i8x16.add', iota, splat8(b.andc(imm, 4)));
  const window = v(b, 'i8x16.swizzle', a, from);
  const group = b.shlc(b.andc(imm, 3), 2);
  let sum: Value | null = null;
  for (let k = 0; k < 4; k++) {
    const lanes = Array.from({ length: 16 }, (_, i) => (i + k) & 15);
    const left = v(b, 'i16x8.extend_low_i8x16_u', shuffle(b, window, window, lanes));
    const byte = v(b, 'i8x16.swizzle', c, splat8(b.addc(group, k)));
    const right = v(b, 'i16x8.extend_low_i8x16_u', byte);
    const distance = v(b, 'i16x8.abs', v(b, 'i16x8.sub', left, right));
    sum = sum === null ? distance : v(b, 'i16x8.add', sum, distance);
  }
  return sum as Value;
};

const logic = (name: string): Semantics => direct(`v128.${name}`);

export const sseIntegerSemantics = {
  PADDB: direct('i8x16.add'),
  PADDW: direct('i16x8.add'),
  PADDD: direct('i32x4.add'),
  PADDQ: direct('i64x2.add'),
  PSUBB: direct('i8x16.sub'),
  PSUBW: direct('i16x8.sub'),
  PSUBD: direct('i32x4.sub'),
  PSUBQ: direct('i64x2.sub'),
  PADDSB: direct('i8x16.add_sat_s'),
  PADDSW: direct('i16x8.add_sat_s'),
  PADDUSB: direct('i8x16.add_sat_u'),
  PADDUSW: direct('i16x8.add_sat_u'),
  PSUBSB: direct('i8x16.sub_sat_s'),
  PSUBSW: direct('i16x8.sub_sat_s'),
  PSUBUSB: direct('i8x16.sub_sat_u'),
  PSUBUSW: direct('i16x8.sub_sat_u'),
  PMINUB: direct('i8x16.min_u'),
  PMINSB: direct('i8x16.min_s'),
  PMINSW: direct('i16x8.min_s'),
  PMINUW: direct('i16x8.min_u'),
  PMINSD: direct('i32x4.min_s'),
  PMINUD: direct('i32x4.min_u'),
  PMAXUB: direct('i8x16.max_u'),
  PMAXSB: direct('i8x16.max_s'),
  PMAXSW: direct('i16x8.max_s'),
  PMAXUW: direct('i16x8.max_u'),
  PMAXSD: direct('i32x4.max_s'),
  PMAXUD: direct('i32x4.max_u'),
  PAVGB: direct('i8x16.avgr_u'),
  PAVGW: direct('i16x8.avgr_u'),
  PCMPEQB: direct('i8x16.eq'),
  PCMPEQW: direct('i16x8.eq'),
  PCMPEQD: direct('i32x4.eq'),
  PCMPEQQ: direct('i64x2.eq'),
  PCMPGTB: direct('i8x16.gt_s'),
  PCMPGTW: direct('i16x8.gt_s'),
  PCMPGTD: direct('i32x4.gt_s'),
  PCMPGTQ: direct('i64x2.gt_s'),
  PAND: logic('and'),
  POR: logic('or'),
  PXOR: logic('xor'),
  PANDN: packed(andNot),
  ANDPS: logic('and'),
  ANDPD: logic('and'),
  ORPS: logic('or'),
  ORPD: logic('or'),
  XORPS: logic('xor'),
  XORPD: logic('xor'),
  ANDNPS: packed(andNot),
  ANDNPD: packed(andNot),
  PACKSSWB: narrow('i8x16.narrow_i16x8_s'),
  PACKUSWB: narrow('i8x16.narrow_i16x8_u'),
  PACKSSDW: narrow('i16x8.narrow_i32x4_s'),
  PACKUSDW: narrow('i16x8.narrow_i32x4_u'),
  PMULLW: direct('i16x8.mul'),
  PMULLD: direct('i32x4.mul'),
  PMULHW: highProduct('s'),
  PMULHUW: highProduct('u'),
  PMULHRSW: packed(pmulhrsw),
  PMULUDQ: evenProduct('u'),
  PMULDQ: evenProduct('s'),
  PMADDWD: direct('i32x4.dot_i16x8_s'),
  PMADDUBSW: packed(pmaddubsw),
  PSADBW: packed(psadbw),
  MPSADBW: packed(mpsadbw),
  PHADDW: horizontal('i16x8.add', 16),
  PHADDD: horizontal('i32x4.add', 32),
  PHADDSW: horizontal('i16x8.add_sat_s', 16),
  PHSUBW: horizontal('i16x8.sub', 16),
  PHSUBD: horizontal('i32x4.sub', 32),
  PHSUBSW: horizontal('i16x8.sub_sat_s', 16),
  PSIGNB: sign('i8x16', 8),
  PSIGNW: sign('i16x8', 16),
  PSIGND: sign('i32x4', 32),
  PABSB: abs('i8x16'),
  PABSW: abs('i16x8'),
  PABSD: abs('i32x4'),
  PSLLW: shift('i16x8', 'shl'),
  PSLLD: shift('i32x4', 'shl'),
  PSLLQ: shift('i64x2', 'shl'),
  PSRLW: shift('i16x8', 'shr_u'),
  PSRLD: shift('i32x4', 'shr_u'),
  PSRLQ: shift('i64x2', 'shr_u'),
  PSRAW: shift('i16x8', 'shr_s'),
  PSRAD: shift('i32x4', 'shr_s'),
  PMOVSXBW: extend('s', 8, 16),
  PMOVSXBD: extend('s', 8, 32),
  PMOVSXBQ: extend('s', 8, 64),
  PMOVSXWD: extend('s', 16, 32),
  PMOVSXWQ: extend('s', 16, 64),
  PMOVSXDQ: extend('s', 32, 64),
  PMOVZXBW: extend('u', 8, 16),
  PMOVZXBD: extend('u', 8, 32),
  PMOVZXBQ: extend('u', 8, 64),
  PMOVZXWD: extend('u', 16, 32),
  PMOVZXWQ: extend('u', 16, 64),
  PMOVZXDQ: extend('u', 32, 64),
  PTEST: ptest,
  PHMINPOSUW: phminposuw,
} as const satisfies Record<string, Semantics>;
