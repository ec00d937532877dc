// The reference evaluator's floating-point operations, on bits (WebAssembly core specification 2.0 §4.3.3).
import type { Scalar } from './ir-value.js';

const view = new DataView(new ArrayBuffer(8));

function numberOf(bits: Scalar): number {
  if (typeof bits === 'bigint') {
    view.setBigInt64(0, bits);
    return view.getFloat64(0);
  }
  view.setInt32(0, bits);
  return view.getFloat32(0);
}
function bitsOf(value: number, type: string): Scalar {
  if (type === 'f64') {
    view.setFloat64(0, value);
    return view.getBigInt64(0);
  }
  view.setFloat32(0, value);
  return view.getInt32(0);
}
const SMALLEST_NORMAL: Readonly<Record<string, number>> = { f32: 2 ** -126, f64: 2 ** -1022 };

/** Evaluates an operation by its name. Singles are computed as doubles and rounded once more, which changes none of these results. */
export function evaluateFloat(name: string, args: readonly Scalar[]): Scalar {
  const [type, op] = name.split('.');
  const [a, c] = args.map(numberOf);
  switch (op) {
    case 'no_denormal':
      return a === 0 || !(Math.abs(a) < SMALLEST_NORMAL[type]) ? 1 : 0;
    case 'eq':
      return a === c ? 1 : 0;
    case 'ne':
      return a !== c ? 1 : 0;
    case 'lt':
      return a < c ? 1 : 0;
    case 'gt':
      return a > c ? 1 : 0;
    case 'le':
      return a <= c ? 1 : 0;
    case 'ge':
      return a >= c ? 1 : 0;
    case 'sqrt':
      return bitsOf(Math.sqrt(a), type);
    case 'add':
      return bitsOf(a + c, type);
    case 'sub':
      return bitsOf(a - c, type);
    case 'mul':
      return bitsOf(a * c, type);
    case 'div':
      return bitsOf(a / c, type);
    default:
      throw new Error(`the evaluator does not know ${name}`);
  }
}
