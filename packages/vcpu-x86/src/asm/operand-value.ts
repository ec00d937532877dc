// Operands as a program gives them to the assembler, before a row is chosen.
import type { Expression } from './expression.js';
import type { Register } from './register-names.js';

export interface RegisterValue {
  readonly kind: 'register';
  readonly register: Register;
}

export interface MemoryValue {
  readonly kind: 'memory';
  /** Width of the value in bits, 0 when not said; of the offset when `isFar`. */
  readonly bits: number;
  readonly isFar: boolean;
  /** Segment override 0–5, or null. */
  readonly segment: number | null;
  readonly base: Register | null;
  readonly index: Register | null;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: Expression;
  /** `[rel target]`: the displacement is the target. */
  readonly isRelative: boolean;
  /** Said with a keyword: `[dword 0x1234]`. */
  readonly addressBits: 0 | 16 | 32 | 64;
}

/** An immediate or the target of a near branch. */
export interface ImmediateValue {
  readonly kind: 'immediate';
  readonly bits: number;
  readonly value: Expression;
  /** `short` or `near` was written. */
  readonly distance: 'short' | 'near' | null;
}

export interface FarValue {
  readonly kind: 'far';
  readonly bits: number;
  readonly selector: Expression;
  readonly offset: Expression;
}

export type OperandValue = RegisterValue | MemoryValue | ImmediateValue | FarValue;

/** Prefixes written before the mnemonic. */
export interface Prefixes {
  readonly lock: boolean;
  readonly repeat: 0 | 0xf2 | 0xf3;
  readonly segment: number | null;
  readonly operandBits: 0 | 16 | 32 | 64;
  readonly addressBits: 0 | 16 | 32 | 64;
}

const _noPrefixes: Prefixes = {
  lock: false,
  repeat: 0,
  segment: null,
  operandBits: 0,
  addressBits: 0,
};
