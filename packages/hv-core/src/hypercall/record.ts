// Records: copies the record a hypercall points to in, decodes, and copies OUT members back. Whether they can be written is checked
// before anything changes.
import type { ArgumentType } from '@proxeny/abi';
import { XEN_EFAULT, XEN_ENOSYS } from '@proxeny/abi';
import type { PlacedField, StructField } from '@proxeny/memory';
import { RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, DecodeRecord, RecordShape, SubOperation } from './hypercall.js';

const shapes = {
  32: new WeakMap<ArgumentType, RecordShape>(),
  64: new WeakMap<ArgumentType, RecordShape>(),
};

function addOutputs(field: PlacedField, outputs: number[]): void {
  if (field.direction === 'out' || field.direction === 'inout') {
    const last = outputs.length - 1;
    if (last > 0 && outputs[last] === field.offset) outputs[last] = field.offset + field.byteLength;
    else outputs.push(field.offset, field.offset + field.byteLength);
    return;
  }
  if (field.kind !== 'struct') return;
  for (const inner of Object.values((field as StructField).fields)) addOutputs(inner, outputs);
}

/** The shape of a record for guests of a word size; made once. */
export function shapeOf(argument: ArgumentType, word: 32 | 64): RecordShape {
  const known = shapes[word].get(argument);
  if (known) return known;
  const layout = argument.of(word) as StructField;
  const outputs: number[] = [];
  for (const field of Object.values(layout.fields)) addOutputs(field, outputs);
  const shape = { byteLength: layout.byteLength, outputs };
  shapes[word].set(argument, shape);
  return shape;
}

/** Copies a record in; false if it cannot be read or its OUT members cannot be written. */
export function copyRecordIn(call: HypercallFrame, shape: RecordShape, address: number): boolean {
  const { access } = call.vcpu;
  if (!access.copyFrom(address, call.bytes, shape.byteLength)) return false;
  for (let i = 0; i < shape.outputs.length; i += 2) {
    const from = shape.outputs[i] as number;
    if (!access.isAccessible(address + from, (shape.outputs[i + 1] as number) - from, true))
      return false;
  }
  return true;
}

/** Copies OUT members back. False only if the call itself has taken the record's memory away. */
export function copyRecordOut(call: HypercallFrame, shape: RecordShape, address: number): boolean {
  let isDone = true;
  for (let i = 0; i < shape.outputs.length; i += 2) {
    const from = shape.outputs[i] as number;
    const end = shape.outputs[i + 1] as number;
    isDone = call.vcpu.access.copyTo(address + from, call.bytes, from, end) && isDone;
  }
  return isDone;
}

/** Decodes sub-operation `command` with its record at argument `index`. */
export function decodeOperation(
  call: HypercallFrame,
  operations: readonly (SubOperation | undefined)[],
  command: number,
  index: number,
): Decoded {
  const operation = operations[command];
  if (!operation) return -XEN_ENOSYS;
  if (!operation.shapes) return operation.decode(call);
  const shape = call.word === 64 ? operation.shapes[64] : operation.shapes[32];
  const address = call.pointer(index);
  if (!copyRecordIn(call, shape, address)) return -XEN_EFAULT;
  const decoded = operation.decode(call);
  if (typeof decoded === 'number' || shape.outputs.length === 0) return decoded;
  return () => {
    const result = decoded();
    // Progress may be in the record, so it goes back for a call that starts again as well.
    const isCopied = copyRecordOut(call, shape, address);
    return isCopied || result === RESTART ? result : -XEN_EFAULT;
  };
}

/** Sub-operations by number, each with the record the ABI gives it. */
export function subOperations(
  table: readonly ({ readonly argument: ArgumentType | null } | undefined)[],
  decoders: Readonly<Record<number, DecodeRecord | undefined>>,
): readonly (SubOperation | undefined)[] {
  return table.map((operation, number) => {
    const decode = decoders[number];
    if (!decode || !operation) return undefined;
    const { argument } = operation;
    const shapes = argument && { 32: shapeOf(argument, 32), 64: shapeOf(argument, 64) };
    return { shapes, decode };
  });
}
