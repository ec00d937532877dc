// What surrounds every x87 instruction: the check for #NM and pending exceptions before, the record of instruction and operand
// pointers behind (SDM vol. 1 §8.1.8, §8.7). The instruction pointer is always recorded; operand pointer and opcode only with an
// unmasked exception, as CPUs with FDP_EXCPTN_ONLY and in fopcode compatibility mode do (SDM vol. 1 §8.1.8–8.1.9).
import { NM } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import type { Bits } from '../ir/node.js';
import {
  CS,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_STATUS,
  FPU_TRAP,
  SEGMENT_STRIDE,
  SELECTORS,
} from '../state/layout.js';
import type { Operands } from './operands.js';

/** Before a waiting instruction: #NM, or #MF for a pending unmasked exception. */
export function wait(b: Builder): void {
  const disabled = b.andc(b.get(FPU_TRAP, 32), 1);
  const pending = b.andc(b.get(FPU_STATUS, 32), 0x80);
  b.if(b.or(disabled, pending), () => b.call('x87Unavailable'));
}
/** Before FNINIT, FNCLEX, FNSTSW, FNSTCW, FNSTENV and FNSAVE: pending exceptions do not matter. */
export function noWait(b: Builder): void {
  b.raiseIf(b.andc(b.get(FPU_TRAP, 32), 1), NM);
}

/** Behind a non-control instruction. `raised` (i32): an unmasked exception is now pending; `memory`: operand of memory, or -1. */
export function record(b: Builder, x: Operands, raised: Value | null, memory: number): void {
  b.set(FPU_IP, 64, x.current());
  b.set(FPU_CS, 32, b.get(SELECTORS + CS * SEGMENT_STRIDE, 16));
  if (!raised) return;
  b.if(raised, () => {
    if (memory >= 0) {
      b.set(FPU_DP, 64, x.effective(memory));
      b.set(FPU_DS, 32, b.get(SELECTORS, 16, x.binding.slot('segment')));
    }
    b.call('x87RecordOpcode');
  });
}

/** i of ST(i). */
export const stackIndex = (b: Builder, x: Operands): Value => x.binding.number(b, 'rm');
export const lowHalf = (b: Builder, v: Value): Value => b.wrap(v);
export const highHalf = (b: Builder, v: Value): Value => b.wrap(b.shrUc(v, 32));

/** Linear address of `bits` at `offset` in memory operand `i` of more than 64 bits. Offsets do not wrap with the address size. */
export function part(
  b: Builder,
  x: Operands,
  i: number,
  offset: number,
  bits: Bits,
  write: boolean,
): Value {
  const access = { bits, segment: x.binding.slot('segment') } as const;
  const segmented = x.shape.segmented || !x.mode.flat;
  let at = x.effective(i);
  if (offset !== 0) {
    at = b.addc(at, offset);
    if (!segmented && x.mode.bits !== 64) at = b.andc(at, 0xffffffffn);
  }
  return x.linearAt(at, access, write, segmented);
}
