// Floating-point arithmetic and comparison of SSE to SSE4.1 (SDM vol. 1 §10.4.1, §11.4.1, §12.3, §12.9): routines of the same name do
// the work, on register slots of the state page (routines/sse-float.ts); ordinary cases of the five operations stay in the IR.
import type { Builder, Value } from '../ir/builder.js';
import { setArithmeticFlags } from '../ir/flags.js';
import { MXCSR, SCRATCH } from '../state/layout.js';
import type { Semantics } from './operands.js';
import { guarded, low32, low64, routineOperand, vector } from './simd-operands.js';

/** Destination = routine(destination, source, immediate if there is one). */
const arithmetic: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  const operands = [routineOperand(b, x, 0), source];
  if (x.count > 2) operands.push(x.read(2));
  b.call(x.mnemonic, ...operands);
});

// The fast path of the five operations: with round to nearest, and inexactness masked and already recorded, a normal result of
// operands that are no denormals raises nothing new, and WebAssembly's own operation gives it.
const CALM_BITS = 0x7020;
const CALM = 0x1020;
const isCalm = (b: Builder): Value => b.eq(b.andc(b.get(MXCSR, 32), CALM_BITS), b.i32(CALM));

/** Exponent field of a magnitude shifted left by one, as a constant of that type. */
const exponent = (like: Value, e: number): bigint => BigInt(e) << (like.type === 'i64' ? 53n : 24n);
const top = (like: Value): number => (like.type === 'i64' ? 0x7ff : 0xff);
/** Finite, and too large to have been tiny before it was rounded. */
function isOrdinary(b: Builder, v: Value): Value {
  const above = b.addc(b.shlc(v, 1), -exponent(v, 2));
  return b.ltU(above, b.constantLike(v, exponent(v, top(v) - 2)));
}
const isNoDenormal = (b: Builder, v: Value): Value =>
  b.geU(b.addc(b.shlc(v, 1), -1), b.constantLike(v, exponent(v, 1) - 1n));

/** Lanes (all ones) in which the result is not ordinary or an operand is denormal. */
function oddLanes(b: Builder, bits: 32 | 64, result: Value, operands: readonly Value[]): Value {
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

const fast = (operation: 'add' | 'sub' | 'mul' | 'div' | 'sqrt'): Semantics =>
  guarded((b, x) => {
    const bits = x.mnemonic.endsWith('D') ? 64 : 32;
    const isScalar = x.mnemonic.at(-2) === 'S';
    const shape = bits === 64 ? '64x2' : '32x4';
    const source = isScalar ? x.read(1) : vector(b, x, 1);
    const operands = operation === 'sqrt' ? [source] : [x.read(0), source];
    const spread = (v: Value): Value => (isScalar ? b.pure('v128', `i${shape}.splat`, [v]) : v);
    const all = b.pure('v128', `f${shape}.${operation}`, operands.map(spread));
    let result = all;
    let plain: Value;
    if (isScalar) {
      result = bits === 64 ? low64(b, all) : low32(b, all);
      plain = isOrdinary(b, result);
      for (const operand of operands) plain = b.and(plain, isNoDenormal(b, operand));
    } else {
      const odd = oddLanes(b, bits, all, operands);
      plain = b.eqz(b.pure('i32', 'v128.any_true', [odd]));
    }
    b.if(
      b.and(isCalm(b), plain),
      () => x.write(0, result),
      () => {
        b.set(SCRATCH, x.bitsOf(1), source);
        b.call(x.mnemonic, routineOperand(b, x, 0), b.i32(SCRATCH));
      },
    );
  });

/** ZF, PF and CF say how the operands compare; OF, SF and AF become 0. */
const comparison: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  setArithmeticFlags(b, b.call(x.mnemonic, routineOperand(b, x, 0), source));
});

export const sseFloatSemantics = {
  ADDPS: fast('add'),
  ADDPD: fast('add'),
  ADDSS: fast('add'),
  ADDSD: fast('add'),
  SUBPS: fast('sub'),
  SUBPD: fast('sub'),
  SUBSS: fast('sub'),
  SUBSD: fast('sub'),
  MULPS: fast('mul'),
  MULPD: fast('mul'),
  MULSS: fast('mul'),
  MULSD: fast('mul'),
  DIVPS: fast('div'),
  DIVPD: fast('div'),
  DIVSS: fast('div'),
  DIVSD: fast('div'),
  MINPS: arithmetic,
  MINPD: arithmetic,
  MINSS: arithmetic,
  MINSD: arithmetic,
  MAXPS: arithmetic,
  MAXPD: arithmetic,
  MAXSS: arithmetic,
  MAXSD: arithmetic,
  SQRTPS: fast('sqrt'),
  SQRTPD: fast('sqrt'),
  SQRTSS: fast('sqrt'),
  SQRTSD: fast('sqrt'),
  RCPPS: arithmetic,
  RCPSS: arithmetic,
  RSQRTPS: arithmetic,
  RSQRTSS: arithmetic,
  CMPPS: arithmetic,
  CMPPD: arithmetic,
  CMPSS: arithmetic,
  CMPSD: arithmetic,
  HADDPS: arithmetic,
  HADDPD: arithmetic,
  HSUBPS: arithmetic,
  HSUBPD: arithmetic,
  ADDSUBPS: arithmetic,
  ADDSUBPD: arithmetic,
  ROUNDPS: arithmetic,
  ROUNDPD: arithmetic,
  ROUNDSS: arithmetic,
  ROUNDSD: arithmetic,
  DPPS: arithmetic,
  DPPD: arithmetic,
  UCOMISS: comparison,
  UCOMISD: comparison,
  COMISS: comparison,
  COMISD: comparison,
} as const satisfies Record<string, Semantics>;
