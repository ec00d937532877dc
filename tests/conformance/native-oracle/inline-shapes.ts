// The shapes (keys of cold handlers) that a set of cases needs, to build an interpreter that has them all inline.
import { decode } from '../../../packages/vcpu-x86/src/isa/decode.js';
import { Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import {
  keyOfShape,
  type Mode,
  type Shape,
  shapeOf,
} from '../../../packages/vcpu-x86/src/semantics/shape.js';
import type { OracleMode } from './oracle-modes.js';
import type { NativeCase } from './protocol.js';

/** Each shape once; code that does not decode has none. */
export function shapesOf(
  inputs: readonly NativeCase[],
  { bits, stackBits, name }: OracleMode,
): Shape[] {
  const mode: Mode = { bits, stackBits, flat: name === '32-bit' || name === '64-bit' };
  const instruction = new Instruction();
  const shapes = new Map<number, Shape>();
  for (const { code } of inputs) {
    if (decode(code, 0, code.length, bits, null, instruction) <= 0) continue;
    const shape = shapeOf(instruction, mode);
    shapes.set(keyOfShape(shape), shape);
  }
  return [...shapes.values()];
}
