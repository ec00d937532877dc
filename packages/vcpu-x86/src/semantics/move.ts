// Moves, widenings, address computation and the instructions that do nothing (SDM vol. 1 §7.3.1, §7.3.15). Byte swaps included.
import type { Builder, Value } from '../ir/builder.js';
import { condition } from '../ir/flags.js';
import type { Bits } from '../ir/node.js';
import { type Operands, RAX, RBX, RDX, type Semantics } from './operands.js';
import { source } from './source.js';

export const mov: Semantics = (_b, x) => x.result(source(x));
/** Zero-extends; MOV from a segment register does the same into a register and stores a word (SDM vol. 2B, MOV). */
export const movzx: Semantics = (b, x) => {
  const v = x.read(1);
  x.result(x.bits === 64 ? b.extendU(v) : v);
};
export const movsx: Semantics = (_b, x) => x.result(source(x));
export const lea: Semantics = (b, x) => {
  const at = x.effective(1);
  x.result(x.bits === 64 ? at : b.wrap(at));
};
export const xchg: Semantics = (_b, x) => {
  const c = x.read(1);
  const a = x.modify();
  x.result(c);
  x.write(1, a);
};
/** The source is read, and a 32-bit destination's upper half cleared, whatever the condition says. */
export const cmov: Semantics = (b, x) => {
  const v = x.read(1);
  const old = x.read(0);
  x.result(b.select(condition(b, x.shape.row.opcode & 15), v, old));
};
export const setcc: Semantics = (b, x) => x.result(condition(b, x.shape.row.opcode & 15));

/** The bytes of a 16-, 32- or 64-bit value in reverse; bits above 16 of a 16-bit result are undefined. */
function swapped(b: Builder, v: Value, bits: Bits): Value {
  if (bits === 16) return b.or(b.shlc(v, 8), b.shrUc(v, 8));
  if (bits === 32) {
    const even = b.andc(b.rotl(v, b.i32(8)), 0x00ff00ff);
    return b.or(even, b.andc(b.rotr(v, b.i32(8)), 0xff00ff00));
  }
  const mask = 0x00ff00ff00ff00ffn;
  const pairs = b.or(b.shlc(b.andc(v, mask), 8), b.andc(b.shrUc(v, 8), mask));
  const mask2 = 0x0000ffff0000ffffn;
  const quads = b.or(b.shlc(b.andc(pairs, mask2), 16), b.andc(b.shrUc(pairs, 16), mask2));
  return b.rotl(quads, b.i64(32));
}
/** Undefined for 16 bits; processors clear the register's low word. */
export const bswap: Semantics = (b, x) =>
  x.result(x.bits === 16 ? b.i32(0) : swapped(b, x.read(0), x.bits));
export const movbe: Semantics = (b, x) => x.result(swapped(b, x.read(1), x.bits));

export const xlat: Semantics = (b, x) => {
  const { addressBits } = x;
  const table = x.getRegister(RBX, addressBits);
  const index = x.getRegister(RAX, 8);
  const at = b.zeroExtend(b.add(table, addressBits === 64 ? b.extendU(index) : index), addressBits);
  const access = { bits: 8, segment: x.binding.slot('segment') } as const;
  const linear = x.linearAt(b.extendU(at), access, false, x.shape.segmented || !x.mode.flat);
  x.setRegister(RAX, 8, b.load(linear, access));
};

/** CBW, CWDE, CDQE. */
export const cbw: Semantics = (b, x) => {
  const bits = x.operandBits;
  const half = (bits / 2) as Bits;
  x.setRegister(RAX, bits, b.resizeS(x.getRegister(RAX, half), half, bits));
};
/** CWD, CDQ, CQO. */
export const cwd: Semantics = (b, x) => {
  const bits = x.operandBits;
  x.setRegister(
    RDX,
    bits,
    b.shrSc(b.signExtend(x.getRegister(RAX, bits), bits), bits === 64 ? 63 : 31),
  );
};
/** Caches, ordering and hints have nothing to act on. */
export const nothing: Semantics = (_b: Builder, _x: Operands) => {};

export const moveSemantics = {
  MOV: mov,
  MOV_FROM_SEG: movzx,
  MOVZX: movzx,
  MOVSX: movsx,
  MOVSXD: movsx,
  MOVNTI: mov,
  MOVBE: movbe,
  BSWAP: bswap,
  LEA: lea,
  XCHG: xchg,
  XLAT: xlat,
  CBW: cbw,
  CWD: cwd,
  CMOVO: cmov,
  CMOVNO: cmov,
  CMOVB: cmov,
  CMOVAE: cmov,
  CMOVE: cmov,
  CMOVNE: cmov,
  CMOVBE: cmov,
  CMOVA: cmov,
  CMOVS: cmov,
  CMOVNS: cmov,
  CMOVP: cmov,
  CMOVNP: cmov,
  CMOVL: cmov,
  CMOVGE: cmov,
  CMOVLE: cmov,
  CMOVG: cmov,
  SETO: setcc,
  SETNO: setcc,
  SETB: setcc,
  SETAE: setcc,
  SETE: setcc,
  SETNE: setcc,
  SETBE: setcc,
  SETA: setcc,
  SETS: setcc,
  SETNS: setcc,
  SETP: setcc,
  SETNP: setcc,
  SETL: setcc,
  SETGE: setcc,
  SETLE: setcc,
  SETG: setcc,
} as const satisfies Record<string, Semantics>;

/** Nothing is cached, but the line must be readable (SDM vol. 2A, CLFLUSH). */
const flushLine: Semantics = (_b, x) => {
  x.read(0);
};

export const hintSemantics = {
  NOP: nothing,
  PAUSE: nothing,
  ENDBR32: nothing,
  ENDBR64: nothing,
  PREFETCH: nothing,
  PREFETCHW: nothing,
  PREFETCHNTA: nothing,
  PREFETCHT0: nothing,
  PREFETCHT1: nothing,
  PREFETCHT2: nothing,
  LFENCE: nothing,
  MFENCE: nothing,
  SFENCE: nothing,
  CLFLUSH: flushLine,
} as const satisfies Record<string, Semantics>;
