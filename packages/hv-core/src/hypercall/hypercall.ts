// Hypercall: a row of the table. Decode, then invoke: decoding reads and checks everything and changes nothing; what it returns is a
// result, or the invocation that makes the change and cannot fail half-way.
import type { ArgumentType } from '@proxeny/abi';
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

/** A sub-operation: its record (null: no argument, or one it reads itself) and its decoder. */
export interface SubOperation {
  readonly argument: ArgumentType | null;
  readonly decode: DecodeRecord;
}
