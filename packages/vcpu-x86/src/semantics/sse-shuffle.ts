// Shuffles, blends, inserts and extracts (SDM vol. 1 §10.4.4, §11.4.1.3, §12.10). Immediates may be open (cold tier), so the byte
// indices of a swizzle are computed from them; where every lane is known, a shuffle says so.
import type { Builder, Value } from '../ir/builder.js';
import type { Operands, Semantics } from './operands.js';
import {
  guarded,
  high64,
  isMmx,
  low32,
  low64,
  packed,
  packedUnary,
  setVector,
  vector,
} from './simd-operands.js';
import { constant } from './sse-integer.js';
import { halves } from './sse-move.js';

const v = (b: Builder, name: string, ...args: Value[]): Value => b.pure('v128', name, args);
const shuffle = (b: Builder, a: Value, c: Value, lanes: readonly number[]): Value =>
  b.pure('v128', 'i8x16.shuffle', [a, c], lanes);
const IOTA = Array.from({ length: 16 }, (_, i) => i);
const iota = (b: Builder): Value => constant(b, 8, IOTA);
const splat8 = (b: Builder, w: Value): Value => v(b, 'i8x16.splat', w);

/** Lanes of `bits` from both operands by turns, from the low or the high half. */
const unpack = (bits: 8 | 16 | 32, half: 'low' | 'high'): Semantics =>
  packed((b, a, c, x) => {
    const step = bits / 8;
    // The interleaved low halves of MMX operands hold both results.
    const start = half === 'high' && !isMmx(x) ? 8 : 0;
    const lanes = IOTA.map((i) => {
      const lane = Math.floor(i / step);
      return start + (lane >> 1) * step + (i % step) + (lane & 1) * 16;
    });
    const both = shuffle(b, a, c, lanes);
    return half === 'high' && isMmx(x) ? v(b, 'i64x2.splat', high64(b, both)) : both;
  });

/** Four two-bit selectors of an immediate as byte indices of doublewords. */
function dwordIndices(b: Builder, imm: Value): Value {
  const spread = v(b, 'i32x4.mul', v(b, 'i32x4.splat', imm), constant(b, 32, [64, 16, 4, 1]));
  const selected = v(b, 'i32x4.shr_u', spread, b.i32(6));
  const two = v(b, 'v128.and', selected, constant(b, 32, [3, 3, 3, 3]));
  const bytes = v(b, 'i32x4.mul', two, constant(b, 32, new Array<number>(4).fill(0x04040404)));
  return v(b, 'i32x4.add', bytes, constant(b, 32, new Array<number>(4).fill(0x03020100)));
}
/** The same of words, in the low or the high half; the other half stays. */
function wordIndices(b: Builder, imm: Value, half: 'low' | 'high'): Value {
  const place = (four: number[], other: number[]): number[] =>
    half === 'low' ? [...four, ...other] : [...other, ...four];
  const spread = v(
    b,
    'i16x8.mul',
    v(b, 'i16x8.splat', imm),
    constant(b, 16, place([64, 16, 4, 1], [0, 0, 0, 0])),
  );
  const selected = v(b, 'i16x8.shr_u', spread, b.i32(6));
  const two = v(b, 'v128.and', selected, constant(b, 16, new Array<number>(8).fill(3)));
  const bytes = v(b, 'i16x8.mul', two, constant(b, 16, new Array<number>(8).fill(0x0202)));
  const base =
    half === 'low'
      ? [0x0100, 0x0100, 0x0100, 0x0100, 0x0908, 0x0b0a, 0x0d0c, 0x0f0e]
      : [0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0908, 0x0908, 0x0908];
  return v(b, 'i16x8.add', bytes, constant(b, 16, base));
}
const pshufd = packedUnary((b, c, x) => v(b, 'i8x16.swizzle', c, dwordIndices(b, x.read(2))));
const pshufw = (half: 'low' | 'high'): Semantics =>
  packedUnary((b, c, x) => v(b, 'i8x16.swizzle', c, wordIndices(b, x.read(2), half)));
const shufps = packed((b, a, c, x) => {
  const indices = dwordIndices(b, x.read(2));
  const low = v(b, 'i8x16.swizzle', a, indices);
  const high = v(b, 'i8x16.swizzle', c, indices);
  return shuffle(b, low, high, [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31]);
});
const shufpd = packed((b, a, c, x) => {
  const imm = x.read(2);
  const half = (w: Value, bit: Value): Value => b.select(bit, high64(b, w), low64(b, w));
  const low = v(b, 'i64x2.splat', half(a, b.andc(imm, 1)));
  const high = half(c, b.andc(imm, 2));
  return b.pure('v128', 'i64x2.replace_lane', [low, high], [1]);
});

/** Bit 7 of an index byte gives zero, which is what an index beyond the vector gives in WebAssembly. */
const pshufb = packed((b, a, c, x) => {
  const kept = constant(b, 8, new Array<number>(16).fill(isMmx(x) ? 0x87 : 0x8f));
  return v(b, 'i8x16.swizzle', a, v(b, 'v128.and', c, kept));
});
/** Bytes `imm` and up of destination:source. Indices beyond a vector give zeros by themselves. */
const palignr = packed((b, a, c, x) => {
  const imm = splat8(b, x.read(2));
  const from = v(b, 'i8x16.add_sat_u', iota(b), imm);
  if (isMmx(x)) {
    const both = b.pure('v128', 'i64x2.replace_lane', [c, low64(b, a)], [1]);
    return v(b, 'i8x16.swizzle', both, from);
  }
  const over = v(b, 'i8x16.sub', imm, constant(b, 8, new Array<number>(16).fill(16)));
  const high = v(b, 'i8x16.swizzle', a, v(b, 'i8x16.add', iota(b), over));
  return v(b, 'v128.or', v(b, 'i8x16.swizzle', c, from), high);
});
/** PSLLDQ and PSRLDQ. */
const byteShift = (left: boolean): Semantics =>
  guarded((b, x) => {
    const imm = splat8(b, x.read(1));
    const count = v(b, 'i8x16.min_u', imm, constant(b, 8, new Array<number>(16).fill(16)));
    const from = v(b, left ? 'i8x16.sub' : 'i8x16.add', iota(b), count);
    setVector(b, x, 0, v(b, 'i8x16.swizzle', vector(b, x, 0), from));
  });

// Blends
/** All ones in the lanes whose bit of the immediate is set. */
function laneMask(b: Builder, imm: Value, bits: 16 | 32 | 64): Value {
  const places = Array.from({ length: 128 / bits }, (_, i) => 1 << i);
  const one = constant(b, bits, places);
  const shape = `i${bits}x${128 / bits}`;
  const spread = v(b, `${shape}.splat`, bits === 64 ? b.extendU(imm) : imm);
  return v(b, `${shape}.eq`, v(b, 'v128.and', spread, one), one);
}
const blend = (bits: 16 | 32 | 64): Semantics =>
  packed((b, a, c, x) => v(b, 'v128.bitselect', c, a, laneMask(b, x.read(2), bits)));
/** By the sign bits of XMM0's lanes. */
const blendByMask = (shape: 'i8x16' | 'i32x4' | 'i64x2', top: number): Semantics =>
  packed((b, a, c, x) => {
    const mask = v(b, `${shape}.shr_s`, x.read(2), b.i32(top));
    return v(b, 'v128.bitselect', c, a, mask);
  });

// Inserts and extracts: the immediate's low bits name the lane.
/** All ones in lane `index`. */
function onlyLane(b: Builder, index: Value, bits: 8 | 16 | 32 | 64): Value {
  const count = 128 / bits;
  const shape = `i${bits}x${count}`;
  const spread = v(b, `${shape}.splat`, bits === 64 ? b.extendU(index) : index);
  return v(b, `${shape}.eq`, spread, constant(b, bits, IOTA.slice(0, count)));
}
const insertAt = (
  b: Builder,
  a: Value,
  value: Value,
  index: Value,
  bits: 8 | 16 | 32 | 64,
): Value =>
  v(b, 'v128.bitselect', v(b, `i${bits}x${128 / bits}.splat`, value), a, onlyLane(b, index, bits));
/** Bits of the lane that an insert or extract names: by mnemonic, PINSRD and PEXTRD by operand size. */
function laneBits(x: Operands): 8 | 16 | 32 | 64 {
  const letter = x.mnemonic.at(-1);
  if (letter === 'B') return 8;
  if (letter === 'W') return 16;
  return x.mnemonic !== 'EXTRACTPS' && x.operandBits === 64 ? 64 : 32;
}
const lanesOf = (x: Operands, bits: number): number => (isMmx(x) ? 64 : 128) / bits;

const insert: Semantics = guarded((b, x) => {
  const bits = laneBits(x);
  const source = x.read(1);
  const value = bits === 64 ? source : b.wrap(source);
  const index = b.andc(x.read(2), lanesOf(x, bits) - 1);
  setVector(b, x, 0, insertAt(b, vector(b, x, 0), value, index, bits));
});
/** The lane's value (i32, or i64 for 64 bits), zero-extended. */
function laneAt(b: Builder, a: Value, index: Value, bits: 8 | 16 | 32 | 64): Value {
  if (bits === 64) return b.select(index, high64(b, a), low64(b, a));
  const step = bits / 8;
  const at = splat8(b, b.mul(index, b.i32(step)));
  const moved = v(b, 'i8x16.swizzle', a, v(b, 'i8x16.add', at, iota(b)));
  return b.zeroExtend(low32(b, moved), bits);
}
const extract: Semantics = guarded((b, x) => {
  const bits = laneBits(x);
  const index = b.andc(x.read(2), lanesOf(x, bits) - 1);
  const value = laneAt(b, vector(b, x, 1), index, bits);
  x.result(x.bits === 64 ? b.extendU(value) : value);
});
/** Source lane (memory: the one there is) to destination lane, then zeros by mask. */
const insertps: Semantics = guarded((b, x) => {
  const imm = x.read(2);
  const value = x.isMemory(1) ? x.read(1) : laneAt(b, vector(b, x, 1), b.shrUc(imm, 6), 32);
  const index = b.andc(b.shrUc(imm, 4), 3);
  const inserted = insertAt(b, vector(b, x, 0), value, index, 32);
  setVector(b, x, 0, v(b, 'v128.andnot', inserted, laneMask(b, imm, 32)));
});

/** PSHUFW is the low half of PSHUFLW. */
export const sseShuffleSemantics = {
  PUNPCKLBW: unpack(8, 'low'),
  PUNPCKLWD: unpack(16, 'low'),
  PUNPCKLDQ: unpack(32, 'low'),
  PUNPCKHBW: unpack(8, 'high'),
  PUNPCKHWD: unpack(16, 'high'),
  PUNPCKHDQ: unpack(32, 'high'),
  PUNPCKLQDQ: halves('low'),
  PUNPCKHQDQ: halves('high'),
  UNPCKLPS: unpack(32, 'low'),
  UNPCKHPS: unpack(32, 'high'),
  UNPCKLPD: halves('low'),
  UNPCKHPD: halves('high'),
  PSHUFD: pshufd,
  PSHUFLW: pshufw('low'),
  PSHUFHW: pshufw('high'),
  PSHUFW: pshufw('low'),
  SHUFPS: shufps,
  SHUFPD: shufpd,
  PSHUFB: pshufb,
  PALIGNR: palignr,
  PSLLDQ: byteShift(true),
  PSRLDQ: byteShift(false),
  PBLENDW: blend(16),
  BLENDPS: blend(32),
  BLENDPD: blend(64),
  PBLENDVB: blendByMask('i8x16', 7),
  BLENDVPS: blendByMask('i32x4', 31),
  BLENDVPD: blendByMask('i64x2', 63),
  PINSRB: insert,
  PINSRW: insert,
  PINSRD: insert,
  PEXTRB: extract,
  PEXTRW: extract,
  PEXTRD: extract,
  EXTRACTPS: extract,
  INSERTPS: insertps,
} as const satisfies Record<string, Semantics>;
