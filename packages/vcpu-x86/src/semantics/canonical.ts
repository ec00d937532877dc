// Canonical addresses (SDM vol. 1 §3.3.7.1), for accesses that routines make: the others are checked where memory is.
import type { Builder, Value } from '../ir/builder.js';
import { SEGMENT_STRIDE, SS } from '../state/layout.js';
import type { Operands } from './operands.js';

const GP = 13;
const SS_FAULT = 12;

/** i32 1 when bits 63–47 of an address (i64) differ. */
export const notCanonical = (b: Builder, v: Value): Value => b.ne(b.shrSc(b.shlc(v, 16), 16), v);

/** Number 0–5 of the segment that the memory operand uses (i32). */
export function segmentNumber(b: Builder, x: Operands): Value {
  const slot = x.binding.slot('segment');
  if ('offset' in slot) return b.i32(slot.offset / SEGMENT_STRIDE);
  return b.shrUc(b.field(slot.field, 'u8'), Math.log2(SEGMENT_STRIDE));
}

/** In 64-bit mode: #SS(0) for a non-canonical address relative to the stack or frame pointer, #GP(0) for any other. */
export function requireCanonical(b: Builder, x: Operands, linear: Value): void {
  if (x.mode.bits !== 64) return;
  b.if(notCanonical(b, linear), () => {
    b.raiseIf(b.eq(segmentNumber(b, x), b.i32(SS)), SS_FAULT, 0);
    b.raise(GP, b.i32(0));
  });
}
