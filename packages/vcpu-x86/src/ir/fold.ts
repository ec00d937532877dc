// Constant folding of the scalar operations that bound operands make constant: masks of shift counts, sums of offsets.
import type { Node } from './node.js';

const compute: Readonly<Record<string, (a: bigint, c: bigint) => bigint>> = {
  add: (a, c) => a + c,
  sub: (a, c) => a - c,
  and: (a, c) => a & c,
  or: (a, c) => a | c,
  xor: (a, c) => a ^ c,
  eq: (a, c) => (a === c ? 1n : 0n),
  ne: (a, c) => (a === c ? 0n : 1n),
  eqz: (a) => (a === 0n ? 1n : 0n),
  wrap_i64: (a) => a,
  extend_i32_u: (a) => BigInt.asUintN(32, a),
  extend_i32_s: (a) => a,
};

/** Value of a pure operation whose arguments are all scalar constants, null where there is none. */
export function fold(name: string, args: readonly Node[]): bigint | null {
  const f = compute[name.slice(name.indexOf('.') + 1)];
  const [a, c] = args;
  if (!f || a.op !== 'const' || a.type === 'v128') return null;
  if (c && c.op !== 'const') return null;
  return f(a.value, c?.op === 'const' ? c.value : 0n);
}
