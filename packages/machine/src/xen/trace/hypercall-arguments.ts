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

/** A record a call points to, or an array of them, as it was when the call was made. */
class AskedRecords {
  readonly #call: HypercallFrame;
  readonly #address: number;
  readonly #layout: StructField;
  readonly #isArray: boolean;
  /** Null: unreadable. */
  readonly #records: readonly (DataView | null)[];

  /** @param count of an array's records; null: it is one */
  constructor(call: HypercallFrame, address: number, type: ArgumentType, count: number | null) {
    this.#call = call;
    this.#address = address;
    this.#layout = type.of(call.word) as StructField;
    this.#isArray = count !== null;
    const length = count === null ? 1 : Math.min(count, MAX_RECORDS);
    this.#records = Array.from({ length }, (_, i) => this.#read(i));
  }

  #read(index: number): DataView | null {
    const { byteLength } = this.#layout;
    const bytes = new Uint8Array(byteLength);
    const isRead = this.#call.vcpu.access.copyFrom(this.#address + index * byteLength, bytes);
    return isRead ? new DataView(bytes.buffer) : null;
  }

  /** @param hasAnswered whether OUT members are read from where the call has put them */
  values(hasAnswered: boolean): Value {
    if (!this.#isArray && this.#address === 0) return 0;
    const values = this.#records.map((view, i) => {
      const after = hasAnswered ? this.#read(i) : null;
      return view ? valuesOf(this.#layout, view, 0, after) : 'unreadable';
    });
    return this.#isArray ? values : (values[0] as Value);
  }
}

/** A hypercall as it was made; what it points to is kept. */
export class AskedCall {
  readonly name: string;
  readonly operation: string | null = null;
  readonly #arguments: [string, Value | AskedRecords][] = [];

  /** Takes the hypercall that `call` holds, before it is done. */
  constructor(call: HypercallFrame) {
    const signature = hypercall_signatures[call.word][call.number];
    this.name = signature?.name ?? String(call.number);
    if (!signature) return;
    const registers = new Registers(call);
    const taken = signature.parameters.map((parameter: Parameter) => ({
      parameter,
      ...registers.take(parameter.kind === 'u64'),
    }));
    const command = taken.find(({ parameter }) => parameter.kind === 'op');
    const number =
      command && (call.number === MEMORY_OP ? command.low & MEMORY_OP_MASK : command.low);
    const operation = number === undefined ? undefined : signature.operations?.[number];
    this.operation = operation?.name ?? null;
    const countOf = (name: string | undefined): number =>
      taken.find(({ parameter }) => parameter.name === name)?.low ?? 0;
    for (const { parameter, low, high, pointer } of taken) {
      const { name, kind, type, count } = parameter;
      const record = type ?? operation?.argument ?? null;
      let value: Value | AskedRecords = numberOf(low, high);
      if (kind === 'record' && record) value = new AskedRecords(call, pointer, record, null);
      else if (kind === 'array' && record && count !== undefined)
        value = new AskedRecords(call, pointer, record, countOf(count));
      this.#arguments.push([name, value]);
    }
  }

  /** @param hasAnswered the call is done, and was not refused: its records hold what it answers */
  decoded(hasAnswered: boolean): DecodedCall {
    const values = this.#arguments.map(([name, value]) => [
      name,
      value instanceof AskedRecords ? value.values(hasAnswered) : value,
    ]);
    const { name, operation } = this;
    return { name, operation, arguments: Object.fromEntries(values) };
  }
}
