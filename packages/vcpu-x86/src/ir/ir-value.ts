// Values of the reference evaluator.

export type Scalar = number | bigint;
/** A v128 is 16 bytes. */
export type IrValue = Scalar | Uint8Array;
