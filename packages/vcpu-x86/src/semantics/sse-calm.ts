// When an SSE operation can do without its routine: WebAssembly's own operation rounds to nearest, and nothing would be signalled
// that MXCSR does not have already. Everything else (NaNs, denormals, infinities, results near underflow) goes the exact way.
import type { Builder, Value } from '../ir/builder.js';
import { MXCSR } from '../state/layout.js';

const CALM_BITS = 0x7020;
const CALM = 0x1020;
/** Round to nearest; inexactness is masked and already recorded. */
export const isCalm = (b: Builder): Value => b.eq(b.andc(b.get(MXCSR, 32), CALM_BITS), b.i32(CALM));

/** Exponent field of a magnitude shifted left by one, as a constant of that type. */
const exponent = (like: Value, e: number): bigint => BigInt(e) << (like.type === 'i64' ? 53n : 24n);
const top = (like: Value): number => (like.type === 'i64' ? 0x7ff : 0xff);
/** Finite, and too large to have been tiny before it was rounded. */
export function isOrdinary(b: Builder, v: Value): Value {
  const above = b.addc(b.shlc(v, 1), -exponent(v, 2));
  return b.ltU(above, b.constantLike(v, exponent(v, top(v) - 2)));
}
export const isNoDenormal = (b: Builder, v: Value): Value =>
  b.pure('i32', `${floatOf(v)}.no_denormal`, [v]);
/** The type of the number whose bits a value is. */
export const floatOf = (v: Value): 'f32' | 'f64' => (v.type === 'i64' ? 'f64' : 'f32');

export const areNoDenormals = (b: Builder, values: readonly Value[]): Value =>
  values.map((v) => isNoDenormal(b, v)).reduce((all, one) => b.and(all, one));

export type ArithmeticOperation = 'add' | 'sub' | 'mul' | 'div' | 'sqrt';
/** Is a result zero because it must be, rather than too small? No sum, difference or root of numbers is ever too small. */
export function isExactZero(
  b: Builder,
  operation: ArithmeticOperation,
  result: Value,
  operands: readonly Value[],
): Value {
  const isZero = (v: Value): Value => b.eqz(b.shlc(v, 1));
  const isResult = isZero(result);
  if (operation === 'mul') return b.and(isResult, b.or(isZero(operands[0]), isZero(operands[1])));
  return operation === 'div' ? b.and(isResult, isZero(operands[0])) : isResult;
}

/** Neither NaN nor denormal: comparing it raises nothing. */
export function isComparable(b: Builder, v: Value): Value {
  const number = b.leU(b.shlc(v, 1), b.constantLike(v, exponent(v, top(v))));
  return b.and(number, isNoDenormal(b, v));
}

/** Lanes (all ones) in which the result is not ordinary or an operand is denormal. */
export function oddLanes(
  b: Builder,
  bits: 32 | 64,
  result: Value,
  operands: readonly Value[],
): Value {
  const shape = bits === 64 ? 'i64x2' : 'i32x4';
  const fraction = bits === 64 ? 52n : 23n;
  const last = bits === 64 ? 0x7fen : 0xfen;
  const lanes = (v: bigint): Value =>
    b.v128(
      Array.from({ length: 128 / bits }).reduce((all: bigint) => (all << BigInt(bits)) | v, 0n),
    );
  const magnitude = (v: Value): Value =>
    b.pure('v128', 'v128.and', [v, lanes((1n << BigInt(bits - 1)) - 1n)]);
  const compare = (name: 'lt_s' | 'gt_s', v: Value, bound: bigint): Value =>
    b.pure('v128', `${shape}.${name}`, [v, lanes(bound)]);
  const both = (name: 'and' | 'or', p: Value, q: Value): Value =>
    b.pure('v128', `v128.${name}`, [p, q]);
  const r = magnitude(result);
  const high = compare('gt_s', r, ((last + 1n) << fraction) - 1n);
  let odd = both('or', compare('lt_s', r, 2n << fraction), high);
  for (const operand of operands) {
    const m = magnitude(operand);
    const denormal = both('and', compare('gt_s', m, 0n), compare('lt_s', m, 1n << fraction));
    odd = both('or', odd, denormal);
  }
  return odd;
}
