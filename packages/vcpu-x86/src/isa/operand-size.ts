// How prefixes and mode choose an instruction's operand size, by class of row (SDM vol. 1 §3.6, vol. 2A §2.2.1.2). A class is
// derived from the row's operand widths and attributes, so sizes that make no difference never tell two instructions apart.
import type { CodeBits } from './instruction.js';
import type { Operand } from './operand.js';
import type { Row } from './row.js';

/** none: always 32 · y: 64 by REX.W, else 32 · v: 16, 32, 64 · z: 16, 32. d64 and f64 as the attributes. */
export type SizeClass = 'none' | 'y' | 'yf64' | 'v' | 'vd64' | 'vf64' | 'z';
const classes: readonly SizeClass[] = ['none', 'y', 'yf64', 'v', 'vd64', 'vf64', 'z'];

const isSizedByAll = (o: Operand): boolean =>
  o.addressing === 'J' ||
  o.width === 'v' ||
  o.width === 'p' ||
  o.width === 'a' ||
  o.width === 'n' ||
  o.width === 's' ||
  o.width === 'bs' ||
  o.fixed === 'rAX' ||
  o.fixed === 'rDX';

export function sizeClassOf(row: Row): SizeClass {
  const { attributes, operands } = row;
  if (attributes.has('size=v') || operands.some(isSizedByAll) || attributes.has('d64'))
    return attributes.has('f64') ? 'vf64' : attributes.has('d64') ? 'vd64' : 'v';
  if (attributes.has('size=z') || operands.some((o) => o.width === 'z' || o.fixed === 'eAX')) {
    // Beside a 64-bit register, z is an operand that stops at 32 bits.
    return 'z';
  }
  if (attributes.has('size=y') || operands.some((o) => o.width === 'y'))
    return attributes.has('f64') ? 'yf64' : 'y';
  return 'none';
}

/** Effective operand size of a class under the prefixes. */
export function operandBitsOf(
  sizes: SizeClass,
  bits: CodeBits,
  has66: boolean,
  rexW: boolean,
): 16 | 32 | 64 {
  if (sizes === 'none') return 32;
  if (sizes === 'y' || sizes === 'yf64') return bits === 64 && (rexW || sizes === 'yf64') ? 64 : 32;
  if (bits !== 64) return (bits === 16) === has66 ? 32 : 16;
  if (sizes === 'vf64') return 64;
  if (rexW) return sizes === 'z' ? 32 : 64;
  if (has66) return 16;
  return sizes === 'vd64' ? 64 : 32;
}

/** Index of a class into `operandBitsTable`, times 16. */
export const sizeClassIndex = (sizes: SizeClass): number => classes.indexOf(sizes) * 16;

/** operandBitsOf as a table: class × 16 + mode (0, 1, 2 for 16, 32, 64) × 4 + REX.W × 2 + 66. */
export const operandBitsTable: Uint8Array = Uint8Array.from(
  { length: classes.length * 16 },
  (_, i) => {
    const bits = ([16, 32, 64, 64] as const)[(i >> 2) & 3];
    return operandBitsOf(classes[i >> 4], bits, (i & 1) !== 0, (i & 2) !== 0);
  },
);
