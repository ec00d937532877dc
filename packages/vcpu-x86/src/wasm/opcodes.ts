// WebAssembly opcodes by name, for the operations that the IR uses (WebAssembly core specification 2.0 §5.4). SIMD opcodes are
// listed with their 0xFD sub-opcode.

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const VOID = 0x40;

/** Bulk memory operations: prefix and sub-opcodes. */
export const BULK_PREFIX = 0xfc;
export const BULK = { copy: 10, fill: 11 } as const;

export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i32Load16U: 0x2f,
  i64Load32S: 0x34,
  i32Store: 0x36,
  i64Store: 0x37,
  i32Store8: 0x3a,
  i32Store16: 0x3b,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i64Const: 0x42,
  f64ConvertI64S: 0xb9,
} as const;

const scalarOps = (type: string, first: number): [string, number][] =>
  [
    'clz',
    'ctz',
    'popcnt',
    'add',
    'sub',
    'mul',
    'div_s',
    'div_u',
    'rem_s',
    'rem_u',
    'and',
    'or',
    'xor',
    'shl',
    'shr_s',
    'shr_u',
    'rotl',
    'rotr',
  ].map((n, i) => [`${type}.${n}`, first + i]);
const comparisons = (type: string, first: number): [string, number][] =>
  ['eqz', 'eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'].map(
    (n, i) => [`${type}.${n}`, first + i],
  );

/** One-byte opcodes of pure scalar operations. */
export const PURE: ReadonlyMap<string, number> = new Map([
  ...comparisons('i32', 0x45),
  ...comparisons('i64', 0x50),
  ...scalarOps('i32', 0x67),
  ...scalarOps('i64', 0x79),
  ['select', OP.select],
  ['i32.wrap_i64', 0xa7],
  ['i64.extend_i32_s', 0xac],
  ['i64.extend_i32_u', 0xad],
  ['i32.extend8_s', 0xc0],
  ['i32.extend16_s', 0xc1],
  ['i64.extend8_s', 0xc2],
  ['i64.extend16_s', 0xc3],
  ['i64.extend32_s', 0xc4],
]);

/** Of floating-point numbers, which IR keeps as their bits: opcodes by name. */
export interface FloatOperation {
  readonly code: number;
  /** From bits to a number. */
  readonly from: number;
  /** From the resulting number to its bits; null: it is a condition. */
  readonly to: number | null;
}
/** Opcodes of what takes numbers for their bits, and bits for numbers. */
export const REINTERPRET = {
  'i32.reinterpret_f32': 0xbc,
  'i64.reinterpret_f64': 0xbd,
  'f32.reinterpret_i32': 0xbe,
  'f64.reinterpret_i64': 0xbf,
} as const;
const floatOps = (
  type: string,
  { conditions, numbers }: { readonly conditions: number; readonly numbers: number },
  { from, to }: Pick<FloatOperation, 'from' | 'to'>,
): [string, FloatOperation][] => [
  ...['eq', 'ne', 'lt', 'gt', 'le', 'ge'].map((n, i): [string, FloatOperation] => [
    `${type}.${n}`,
    { code: conditions + i, from, to: null },
  ]),
  ...['sqrt', 'add', 'sub', 'mul', 'div'].map((n, i): [string, FloatOperation] => [
    `${type}.${n}`,
    { code: numbers + i, from, to },
  ]),
];
export const FLOAT: ReadonlyMap<string, FloatOperation> = new Map([
  ...floatOps(
    'f32',
    { conditions: 0x5b, numbers: 0x91 },
    { from: REINTERPRET['f32.reinterpret_i32'], to: REINTERPRET['i32.reinterpret_f32'] },
  ),
  ...floatOps(
    'f64',
    { conditions: 0x61, numbers: 0x9f },
    { from: REINTERPRET['f64.reinterpret_i64'], to: REINTERPRET['i64.reinterpret_f64'] },
  ),
]);

const V_LOAD = 0x00;
const V_STORE = 0x0b;
const V_CONST = 0x0c;
export const SIMD_PREFIX = 0xfd;
export const SIMD_MEMORY = { load: V_LOAD, store: V_STORE, const: V_CONST } as const;

/** Sub-opcodes of pure vector operations; those with lane immediates are in {@link SIMD_LANES}. */
export const SIMD: ReadonlyMap<string, number> = new Map([
  ['i8x16.swizzle', 14],
  ['i8x16.splat', 15],
  ['i16x8.splat', 16],
  ['i32x4.splat', 17],
  ['i64x2.splat', 18],
  ['i8x16.eq', 35],
  ['i8x16.ne', 36],
  ['i8x16.lt_s', 37],
  ['i8x16.lt_u', 38],
  ['i8x16.gt_s', 39],
  ['i8x16.gt_u', 40],
  ['i16x8.eq', 45],
  ['i16x8.ne', 46],
  ['i16x8.lt_s', 47],
  ['i16x8.lt_u', 48],
  ['i16x8.gt_s', 49],
  ['i16x8.gt_u', 50],
  ['i32x4.eq', 55],
  ['i32x4.ne', 56],
  ['i32x4.lt_s', 57],
  ['i32x4.lt_u', 58],
  ['i32x4.gt_s', 59],
  ['i32x4.gt_u', 60],
  ['i64x2.eq', 214],
  ['i64x2.ne', 215],
  ['i64x2.lt_s', 216],
  ['i64x2.gt_s', 217],
  ['v128.not', 77],
  ['v128.and', 78],
  ['v128.andnot', 79],
  ['v128.or', 80],
  ['v128.xor', 81],
  ['v128.bitselect', 82],
  ['v128.any_true', 83],
  ['i8x16.abs', 96],
  ['i8x16.neg', 97],
  ['i8x16.all_true', 99],
  ['i8x16.bitmask', 100],
  ['i8x16.narrow_i16x8_s', 101],
  ['i8x16.narrow_i16x8_u', 102],
  ['i8x16.shl', 107],
  ['i8x16.shr_s', 108],
  ['i8x16.shr_u', 109],
  ['i8x16.add', 110],
  ['i8x16.add_sat_s', 111],
  ['i8x16.add_sat_u', 112],
  ['i8x16.sub', 113],
  ['i8x16.sub_sat_s', 114],
  ['i8x16.sub_sat_u', 115],
  ['i8x16.min_s', 118],
  ['i8x16.min_u', 119],
  ['i8x16.max_s', 120],
  ['i8x16.max_u', 121],
  ['i8x16.avgr_u', 123],
  ['i16x8.extadd_pairwise_i8x16_u', 125],
  ['i32x4.extadd_pairwise_i16x8_u', 127],
  ['i16x8.abs', 128],
  ['i16x8.neg', 129],
  ['i16x8.q15mulr_sat_s', 130],
  ['i16x8.bitmask', 132],
  ['i16x8.narrow_i32x4_s', 133],
  ['i16x8.narrow_i32x4_u', 134],
  ['i16x8.extend_low_i8x16_s', 135],
  ['i16x8.extend_high_i8x16_s', 136],
  ['i16x8.extend_low_i8x16_u', 137],
  ['i16x8.extend_high_i8x16_u', 138],
  ['i16x8.shl', 139],
  ['i16x8.shr_s', 140],
  ['i16x8.shr_u', 141],
  ['i16x8.add', 142],
  ['i16x8.add_sat_s', 143],
  ['i16x8.add_sat_u', 144],
  ['i16x8.sub', 145],
  ['i16x8.sub_sat_s', 146],
  ['i16x8.sub_sat_u', 147],
  ['i16x8.mul', 149],
  ['i16x8.min_s', 150],
  ['i16x8.min_u', 151],
  ['i16x8.max_s', 152],
  ['i16x8.max_u', 153],
  ['i16x8.avgr_u', 155],
  ['i32x4.abs', 160],
  ['i32x4.neg', 161],
  ['i32x4.bitmask', 164],
  ['i32x4.extend_low_i16x8_s', 167],
  ['i32x4.extend_high_i16x8_s', 168],
  ['i32x4.extend_low_i16x8_u', 169],
  ['i32x4.extend_high_i16x8_u', 170],
  ['i32x4.shl', 171],
  ['i32x4.shr_s', 172],
  ['i32x4.shr_u', 173],
  ['i32x4.add', 174],
  ['i32x4.sub', 177],
  ['i32x4.mul', 181],
  ['i32x4.min_s', 182],
  ['i32x4.min_u', 183],
  ['i32x4.max_s', 184],
  ['i32x4.max_u', 185],
  ['i32x4.dot_i16x8_s', 186],
  ['i32x4.extmul_low_i16x8_s', 188],
  ['i32x4.extmul_high_i16x8_s', 189],
  ['i32x4.extmul_low_i16x8_u', 190],
  ['i32x4.extmul_high_i16x8_u', 191],
  ['i64x2.neg', 193],
  ['i64x2.bitmask', 196],
  ['i64x2.extend_low_i32x4_s', 199],
  ['i64x2.extend_high_i32x4_s', 200],
  ['i64x2.extend_low_i32x4_u', 201],
  ['i64x2.extend_high_i32x4_u', 202],
  ['i64x2.shl', 203],
  ['i64x2.shr_s', 204],
  ['i64x2.shr_u', 205],
  ['i64x2.add', 206],
  ['i64x2.sub', 209],
  ['i64x2.mul', 213],
  ['f32x4.eq', 65],
  ['f32x4.lt', 67],
  ['f64x2.eq', 71],
  ['f64x2.lt', 73],
  ['f32x4.sqrt', 227],
  ['f32x4.add', 228],
  ['f32x4.sub', 229],
  ['f32x4.mul', 230],
  ['f32x4.div', 231],
  ['f64x2.sqrt', 239],
  ['f64x2.add', 240],
  ['f64x2.sub', 241],
  ['f64x2.mul', 242],
  ['f64x2.div', 243],
  ['f32x4.demote_f64x2_zero', 94],
  ['f64x2.promote_low_f32x4', 95],
  ['f64x2.convert_low_i32x4_s', 254],
  ['i32x4.trunc_sat_f64x2_s_zero', 252],
  ['i64x2.extmul_low_i32x4_s', 220],
  ['i64x2.extmul_low_i32x4_u', 222],
]);
/** Operations followed by lane bytes: shuffle takes 16, the others one. */
export const SIMD_LANES: ReadonlyMap<string, number> = new Map([
  ['i8x16.shuffle', 13],
  ['i8x16.extract_lane_s', 21],
  ['i8x16.extract_lane_u', 22],
  ['i8x16.replace_lane', 23],
  ['i16x8.extract_lane_s', 24],
  ['i16x8.extract_lane_u', 25],
  ['i16x8.replace_lane', 26],
  ['i32x4.extract_lane', 27],
  ['i32x4.replace_lane', 28],
  ['i64x2.extract_lane', 29],
  ['i64x2.replace_lane', 30],
]);
