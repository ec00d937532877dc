// 128-bit products and quotients out of 64-bit operations: what MUL, IMUL, DIV and IDIV need for 64-bit operands.
import type { Builder, Value } from '../ir/builder.js';
import type { Local } from '../ir/node.js';

const LOW = 0xffffffffn;

/** The upper 64 bits of the unsigned product of two i64. */
export function multiplyHighU(b: Builder, a: Value, c: Value): Value {
  const [a0, a1] = [b.andc(a, LOW), b.shrUc(a, 32)];
  const [c0, c1] = [b.andc(c, LOW), b.shrUc(c, 32)];
  const cross = b.add(b.mul(a1, c0), b.shrUc(b.mul(a0, c0), 32));
  const middle = b.add(b.mul(a0, c1), b.andc(cross, LOW));
  return b.add(b.add(b.mul(a1, c1), b.shrUc(cross, 32)), b.shrUc(middle, 32));
}
/** The upper 64 bits of the signed product of two i64. */
export function multiplyHighS(b: Builder, a: Value, c: Value): Value {
  const corrections = b.add(b.and(b.shrSc(a, 63), c), b.and(b.shrSc(c, 63), a));
  return b.sub(multiplyHighU(b, a, c), corrections);
}

/**
 * Unsigned high:low / divisor into the two locals (i64); high < divisor, so the quotient has 64 bits.
 * Two digits of 32 bits (Knuth, The Art of Computer Programming vol. 2, 4.3.1, algorithm D).
 */
export function divideWide(
  b: Builder,
  high: Value,
  low: Value,
  divisor: Value,
  quotient: Local,
  remainder: Local,
): void {
  const shift = b.clz(divisor);
  const d = b.shl(divisor, shift);
  const d1 = b.shrUc(d, 32);
  const d0 = b.andc(d, LOW);
  const top = b.or(b.shl(high, shift), b.shrU(b.shrUc(low, 1), b.xorc(shift, 63)));
  const bottom = b.shl(low, shift);
  const q1 = digit(b, top, b.shrUc(bottom, 32), d1, d0);
  const rest = b.sub(b.or(b.shlc(top, 32), b.shrUc(bottom, 32)), b.mul(q1, d));
  const q0 = digit(b, rest, b.andc(bottom, LOW), d1, d0);
  const last = b.sub(b.or(b.shlc(rest, 32), b.andc(bottom, LOW)), b.mul(q0, d));
  b.assign(quotient, b.or(b.shlc(q1, 32), q0));
  b.assign(remainder, b.shrU(last, shift));
}
/** One quotient digit: (rest·2³² + next) / d for rest < d, estimated from d's upper half and corrected at most twice. */
function digit(b: Builder, rest: Value, next: Value, d1: Value, d0: Value): Value {
  const estimate = b.divU(rest, d1);
  const q = b.local('i64', estimate);
  const r = b.local('i64', b.sub(rest, b.mul(estimate, d1)));
  b.loop(() => {
    const tooBig = b.geU(b.read(q), b.i64(0x100000000n));
    const product = b.mul(b.read(q), d0);
    const over = b.gtU(product, b.or(b.shlc(b.read(r), 32), next));
    b.if(b.eqz(b.or(tooBig, over)), () => b.leave());
    b.assign(q, b.addc(b.read(q), -1));
    b.assign(r, b.add(b.read(r), d1));
    b.if(b.geU(b.read(r), b.i64(0x100000000n)), () => b.leave());
  });
  return b.read(q);
}
