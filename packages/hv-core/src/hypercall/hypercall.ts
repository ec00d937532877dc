// Hypercall: a row of the table. Decode, then invoke: decoding reads and checks everything and changes nothing; what it returns is a
// result, or the invocation that makes the change and cannot fail half-way.
import type { HypercallFrame } from './frame.js';

/** Makes the change that was decoded; returns the result for the guest, or RESTART. */
export type Invocation = () => number;

/** A result that changed nothing (most often an errno), or what to do. */
export type Decoded = number | Invocation;

export interface Hypercall {
  readonly number: number;
  /** Without `__HYPERVISOR_`. */
  readonly name: string;
  /** Of its registers, those it looks at. */
  readonly arguments: number;
  decode(call: HypercallFrame): Decoded;
}

/** What a sub-operation does with the record that `call.view` holds. */
export type DecodeRecord = (call: HypercallFrame) => Decoded;

/** A record's size and the bytes of its OUT members: pairs of offset and end. */
export interface RecordShape {
  readonly byteLength: number;
  readonly outputs: readonly number[];
}

/** A sub-operation: its record as guests of each word size have it (null: no argument, or one it reads itself) and its decoder. */
export interface SubOperation {
  readonly shapes: { readonly 32: RecordShape; readonly 64: RecordShape } | null;
  readonly decode: DecodeRecord;
}
