// What MMX and SSE instructions share: the checks before them, their operands as 128-bit vectors whatever register file they
// sit in, and what an MMX write does to the x87 state (SDM vol. 1 §9.5, vol. 3A §13.1). An MMX operand is its 64 bits in both
// halves of a vector, so that lane-wise operations need no case of their own.
import type { Builder, Value } from '../ir/builder.js';
import {
  CR0,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  FPU_TRAP,
  SCRATCH,
  XMM,
} from '../state/layout.js';
import type { Operands, Semantics } from './operands.js';

const UD = 6;
const NM = 7;
const GP = 13;
const MF = 16;
const MMX_NM = 1;
const SSE_NM = 4;
const MMX_UD = 8;
const SSE_UD = 16;
const STATUS_ES = 0x80;
const STATUS_TOP = 0x3800;
const CR0_NE = 0x20;

const mmxAddressing = new Set(['P', 'Q', 'N']);
const xmmAddressing = new Set(['V', 'W', 'U']);

/** Does the instruction use an MMX register? CVTPI2PS and CVTPI2PD do not when their source is memory. */
export const isMmx = (x: Operands): boolean =>
  x.shape.row.operands.some((o, i) => mmxAddressing.has(o.addressing) && !x.isMemory(i)) ||
  x.mnemonic === 'EMMS';
const isXmm = (x: Operands): boolean =>
  x.shape.row.operands.some((o) => xmmAddressing.has(o.addressing));

/** #UD by CR0.EM and CR4.OSFXSR, then #NM by CR0.TS. */
export function checkSse(b: Builder): void {
  const trap = b.andc(b.get(FPU_TRAP, 32), SSE_UD | SSE_NM);
  b.if(trap, () => {
    b.raiseIf(b.andc(b.get(FPU_TRAP, 32), SSE_UD), UD);
    b.raise(NM);
  });
}

/** #UD by CR0.EM, #NM by CR0.TS, then #MF for an x87 exception that waits (SDM vol. 1 §9.6.1). */
export function checkMmx(b: Builder): void {
  b.if(b.andc(b.get(FPU_TRAP, 32), MMX_UD | MMX_NM), () => {
    b.raiseIf(b.andc(b.get(FPU_TRAP, 32), MMX_UD), UD);
    b.raise(NM);
  });
  // Without CR0.NE the exception goes to the interrupt controller instead, and the instruction goes on.
  const pending = b.andc(b.get(FPU_STATUS, 32), STATUS_ES);
  b.if(pending, () => b.raiseIf(b.andc(b.get(CR0, 32), CR0_NE), MF));
}

/** The checks of the registers that the instruction names. */
export function check(b: Builder, x: Operands): void {
  if (isXmm(x)) checkSse(b);
  if (isMmx(x)) checkMmx(b);
}

/** Every MMX instruction (EMMS then empties them) leaves all x87 registers valid and the top of the stack at 0. Call when nothing can fault any more. */
export function enterMmx(b: Builder): void {
  b.set(FPU_TAG, 32, b.i32(0));
  b.set(FPU_STATUS, 32, b.andc(b.get(FPU_STATUS, 32), ~STATUS_TOP));
}

/** A vector with `v` (i32 or i64) in its low bits and zeros above. */
export function widen(b: Builder, v: Value): Value {
  const zero = b.v128(0n);
  const name = v.type === 'i64' ? 'i64x2.replace_lane' : 'i32x4.replace_lane';
  return b.pure('v128', name, [zero, v], [0]);
}
export const splat64 = (b: Builder, v: Value): Value =>
  b.pure('v128', 'i64x2.splat', [b.extendU(v)]);
export const low64 = (b: Builder, v: Value): Value => b.pure('i64', 'i64x2.extract_lane', [v], [0]);
export const high64 = (b: Builder, v: Value): Value =>
  b.pure('i64', 'i64x2.extract_lane', [v], [1]);
export const low32 = (b: Builder, v: Value): Value => b.pure('i32', 'i32x4.extract_lane', [v], [0]);

/** #GP(0) for a 16-byte memory operand off its boundary, unless the row allows it (SDM vol. 1 §10.4.1). */
export function checkAlignment(b: Builder, x: Operands, i: number, write: boolean): void {
  if (!x.isMemory(i) || x.bitsOf(i) !== 128 || x.shape.row.attributes.has('unaligned')) return;
  const linear = b.wrap(x.linear(i, 128, write));
  b.raiseIf(b.andc(linear, 15), GP, 0);
}

/** Operand `i` as a vector: MMX operands in both halves, narrower ones zero-extended. */
export function vector(b: Builder, x: Operands, i: number): Value {
  checkAlignment(b, x, i, false);
  const v = x.read(i);
  if (mmxAddressing.has(x.operand(i).addressing)) return splat64(b, v);
  return v.type === 'v128' ? v : widen(b, v);
}

/** Writes a vector (its low half, for MMX) to operand `i`. */
export function setVector(b: Builder, x: Operands, i: number, v: Value): void {
  const { addressing } = x.operand(i);
  if (mmxAddressing.has(addressing)) return setMmx(b, x, i, low64(b, v));
  checkAlignment(b, x, i, true);
  x.write(i, x.bitsOf(i) === 128 ? v : x.bitsOf(i) === 64 ? low64(b, v) : low32(b, v));
}
/** Writes 64 bits to the MMX register or memory that operand `i` names; sign and exponent become all ones (SDM vol. 1 §9.2.3). */
export function setMmx(b: Builder, x: Operands, i: number, v: Value): void {
  x.write(i, v);
  if (x.isMemory(i)) return;
  const slot = x.binding.slot(x.operand(i).addressing === 'P' ? 'reg' : 'rm');
  b.set(FPU_REGISTERS + 8, 16, b.i32(0xffff), slot);
}

/** Checks, `body`, then the MMX state. */
export const guarded =
  (body: Semantics): Semantics =>
  (b, x) => {
    check(b, x);
    body(b, x);
    if (isMmx(x)) enterMmx(b);
  };

export type VectorOperation = (b: Builder, a: Value, c: Value, x: Operands) => Value;
/** Destination = operation(destination, source). */
export const packed = (operation: VectorOperation): Semantics =>
  guarded((b, x) => {
    const c = vector(b, x, 1);
    const a = vector(b, x, 0);
    setVector(b, x, 0, operation(b, a, c, x));
  });
/** Destination = operation(source). */
export const packedUnary = (operation: (b: Builder, c: Value, x: Operands) => Value): Semantics =>
  guarded((b, x) => setVector(b, x, 0, operation(b, vector(b, x, 1), x)));

/** Both sources of a horizontal or narrowing MMX operation in one vector; else two vectors as they are. */
export function joined(b: Builder, a: Value, c: Value, x: Operands): readonly [Value, Value] {
  if (!isMmx(x)) return [a, c];
  const both = b.pure('v128', 'i64x2.replace_lane', [a, low64(b, c)], [1]);
  return [both, both];
}

/** Offset in the state page of operand `i` for a routine: its register, or SCRATCH with the memory operand in it. */
export function routineOperand(b: Builder, x: Operands, i: number): Value {
  if (x.isMemory(i)) {
    checkAlignment(b, x, i, false);
    b.set(SCRATCH, x.bitsOf(i), x.read(i));
    return b.i32(SCRATCH);
  }
  const { addressing } = x.operand(i);
  const which = addressing === 'V' || addressing === 'P' ? 'reg' : 'rm';
  const file = mmxAddressing.has(addressing) ? FPU_REGISTERS : XMM;
  return b.addc(x.binding.number(b, which), file);
}
