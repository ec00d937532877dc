// Binding times: the same semantics function runs with operands known now (reference evaluator, hot tier) or left open and
// read from a decoded record (cold tier). Nothing else differs between the tiers.
import type { Builder, Value } from '../ir/builder.js';
import type { SlotRef } from '../ir/node.js';
import { ZERO } from '../state/layout.js';
import type { Fields } from './shape.js';

export interface Binding {
  slot(which: 'reg' | 'rm' | 'base' | 'index' | 'segment'): SlotRef;
  /** The slot itself as a number (i32), for register numbers that are no state slots. */
  number(b: Builder, which: 'reg' | 'rm'): Value;
  /** Shift count of the index (i32), null when known to be 0. */
  scale(b: Builder): Value | null;
  /** Immediate, sign-extended, as i32 or i64. */
  immediate(b: Builder, type: 'i32' | 'i64'): Value;
  /** The 64-bit immediate or moffs address. */
  immediate64(b: Builder): Value;
  imm2(b: Builder): Value;
  /** Displacement sign-extended, as i32 or i64. */
  displacement(b: Builder, type: 'i32' | 'i64'): Value;
  /** Bytes from the block's start to the end of this instruction, and its length (i32). */
  nextOffset(b: Builder): Value;
  length(b: Builder): Value;
  /** Known to be absent (only when bound now). */
  lacks(which: 'base' | 'index'): boolean;
}

/** Byte offsets of a decoded record. Records of forms without ModRM memory end after `immHigh`. */
export const RECORD = {
  handler: 0,
  nextOffset: 2,
  length: 4,
  reg: 5,
  rm: 6,
  immLow: 8,
  immHigh: 12,
  /** Direct branches only: first record of the target's block, 0 if not known. */
  link: 12,
  disp: 16,
  base: 20,
  index: 21,
  scale: 22,
  segment: 23,
} as const;
export const RECORD_SIZE = 16;
export const RECORD_MEMORY_SIZE = 24;

/** Operands from the decoded record; a second immediate (far pointers, ENTER) sits in `disp`. */
export const recordBinding: Binding = {
  slot: (which) => ({ field: RECORD[which] }),
  number: (b, which) => b.field(RECORD[which], 'u8'),
  scale: (b) => b.field(RECORD.scale, 'u8'),
  immediate: (b, type) => b.field(RECORD.immLow, type === 'i64' ? 's32' : 'i32'),
  immediate64: (b) => b.field(RECORD.immLow, 'i64'),
  imm2: (b) => b.field(RECORD.disp, 'i32'),
  displacement: (b, type) => b.field(RECORD.disp, type === 'i64' ? 's32' : 'i32'),
  nextOffset: (b) => b.field(RECORD.nextOffset, 'u16'),
  length: (b) => b.field(RECORD.length, 'u8'),
  lacks: () => false,
};

/** Operands of one decoded instruction, `endOffset` bytes into its block. */
export function boundBinding(f: Fields, endOffset: number): Binding {
  const { reg, rm, base, index, scale, segment, disp, immLow, immHigh, imm2, length } = f;
  const slots = { reg, rm, base, index, segment };
  return {
    slot: (which) => ({ offset: slots[which] }),
    number: (b, which) => b.i32(slots[which]),
    scale: (b) => (scale === 0 ? null : b.i32(scale)),
    immediate: (b, type) => (type === 'i64' ? b.i64(immLow) : b.i32(immLow)),
    immediate64: (b) => b.i64((BigInt(immHigh) << 32n) | BigInt(immLow >>> 0)),
    imm2: (b) => b.i32(imm2),
    displacement: (b, type) => (type === 'i64' ? b.i64(disp) : b.i32(disp)),
    nextOffset: (b) => b.i32(endOffset),
    length: (b) => b.i32(length),
    lacks: (which) => slots[which] === ZERO,
  };
}
