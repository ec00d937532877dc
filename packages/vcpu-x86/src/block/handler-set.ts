// What the translator must know of a tier's handlers to write records for them.
import type { Instruction } from '../isa/instruction.js';
import type { Mode } from '../semantics/shape.js';

/** The handlers of one mode class; ids as they stand in records. */
export interface HandlerSet {
  readonly mode: Mode;
  /** Bytes of a record, by handler. */
  readonly sizes: Uint8Array;
  /** The handler of a decoded instruction's form. */
  handlerOf(i: Instruction): number;
  /** Control never reaches the instruction behind. */
  endsBlock(handler: number): boolean;
  /** Branches relative to itself: its records keep a link. */
  isDirectBranch(handler: number): boolean;
}
