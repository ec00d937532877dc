// Pure operations of the IR as WebAssembly, their operands on the stack.
import type { Node } from '../ir/node.js';
import type { FunctionWriter } from './encoder.js';
import { FLOAT, PURE, SIMD, SIMD_LANES } from './opcodes.js';

/** What makes a number of an operand's bits; undefined: nothing has to. */
export const operandConversion = (name: string): number | undefined =>
  name.startsWith('f') ? FLOAT.get(name)?.from : undefined;

/** Of those of our own, the type of the number's bits, and how many are its fraction. */
const noDenormal = new Map([
  ['f32.no_denormal', { type: 'i32', fraction: 23n }],
  ['f64.no_denormal', { type: 'i64', fraction: 52n }],
]);

export function writePure(w: FunctionWriter, name: string, lanes: readonly number[]): void {
  const scalar = PURE.get(name);
  if (scalar !== undefined) return w.op(scalar);
  const float = FLOAT.get(name);
  if (float) {
    w.op(float.code);
    if (float.to !== null) w.op(float.to);
    return;
  }
  const own = noDenormal.get(name);
  if (own) return writeNoDenormal(w, own.type, own.fraction);
  const simd = SIMD.get(name) ?? SIMD_LANES.get(name);
  if (simd === undefined) throw new Error(`emitter: no opcode for ${name}`);
  w.vector(simd);
  for (const l of lanes) w.u8(l);
}

/** Shifted left, minus 1, zero is large, and only a denormal stays small. */
function writeNoDenormal(w: FunctionWriter, type: string, fraction: bigint): void {
  const number = (v: bigint): void => (type === 'i64' ? w.i64Const(v) : w.i32Const(Number(v)));
  const op = (name: string): void => w.op(PURE.get(`${type}.${name}`) as number);
  number(1n);
  op('shl');
  number(-1n);
  op('add');
  number((2n << fraction) - 1n);
  op('ge_u');
}

/** Is it 0 or 1, whatever its operands? */
export const isCondition = (n: Node): boolean =>
  n.op === 'pure' &&
  (/\.(eqz?|ne|[lg][te](_[su])?|no_denormal|any_true)$/.test(n.name) ||
    (n.name === 'i32.and' && n.args.every(isCondition)));
