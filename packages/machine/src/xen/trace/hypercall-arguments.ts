// The arguments of a hypercall with the names and records that the ABI gives them. Reads the guest's memory and changes nothing.
import { type ArgumentType, hypercall_signatures, type Parameter } from '@proxeny/abi';
import type { HypercallFrame } from '@proxeny/hv-core';
import type { StructField } from '@proxeny/memory';
import { numberOf, type Value, valuesOf } from './record-values.js';

/** Elements of an array of records that are shown. */
const MAX_RECORDS = 32;
/** Bits of a memory_op's command that say what, and of an error where a record could not be read. */
const MEMORY_OP_MASK = 0x3f;
const MEMORY_OP = 12;

/** What a hypercall was asked: the operation's name if it has several, and the arguments by name. */
export interface DecodedCall {
  readonly name: string;
  readonly operation: string | null;
  readonly arguments: Readonly<Record<string, Value>>;
}

/** A cursor over argument registers: a 64-bit value takes two of a 32-bit guest. */
class Registers {
  readonly #call: HypercallFrame;
  #next = 0;

  constructor(call: HypercallFrame) {
    this.#call = call;
  }

  take(isWide: boolean): { low: number; high: number; pointer: number } {
    const { low, high, word } = this.#call;
    const index = this.#next++;
    const pointer = index < 6 ? this.#call.pointer(index) : 0;
    if (isWide && word === 32) {
      const second = this.#next++;
      return { low: low[index] ?? 0, high: low[second] ?? 0, pointer };
    }
    return { low: low[index] ?? 0, high: word === 64 ? (high[index] ?? 0) : 0, pointer };
  }
}

function recordsAt(
  call: HypercallFrame,
  address: number,
  type: ArgumentType,
  count: number | null,
): Value {
  const layout = type.of(call.word) as StructField;
  const bytes = new Uint8Array(layout.byteLength);
  const view = new DataView(bytes.buffer);
  const read = (at: number): Value =>
    call.vcpu.access.copyFrom(at, bytes) ? valuesOf(layout, view, 0) : 'unreadable';
  if (count === null) return address === 0 ? 0 : read(address);
  return Array.from({ length: Math.min(count, MAX_RECORDS) }, (_, i) =>
    read(address + i * layout.byteLength),
  );
}

/** Decodes the hypercall that `call` holds. */
export function decodeCall(call: HypercallFrame): DecodedCall {
  const signature = hypercall_signatures[call.word][call.number];
  if (!signature) return { name: String(call.number), operation: null, arguments: {} };
  const registers = new Registers(call);
  const taken = signature.parameters.map((parameter: Parameter) => ({
    parameter,
    ...registers.take(parameter.kind === 'u64'),
  }));
  const command = taken.find(({ parameter }) => parameter.kind === 'op');
  const number =
    command && (call.number === MEMORY_OP ? command.low & MEMORY_OP_MASK : command.low);
  const operation = number === undefined ? undefined : signature.operations?.[number];
  const countOf = (name: string | undefined): number =>
    taken.find(({ parameter }) => parameter.name === name)?.low ?? 0;
  const values: Record<string, Value> = {};
  for (const { parameter, low, high, pointer } of taken) {
    const { name, kind, type, count } = parameter;
    const record = type ?? operation?.argument ?? null;
    if (kind === 'record' && record) values[name] = recordsAt(call, pointer, record, null);
    else if (kind === 'array' && record && count !== undefined)
      values[name] = recordsAt(call, pointer, record, countOf(count));
    else values[name] = numberOf(low, high);
  }
  return { name: signature.name, operation: operation?.name ?? null, arguments: values };
}
