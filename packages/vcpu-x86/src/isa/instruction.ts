// The decoder's result: one reused record. Everything that the encoding says and nothing that the machine's state adds.
import type { Row } from './row.js';

/** Code size of the segment: real, virtual-8086 and 16-bit protected mode; 32-bit and compatibility mode; 64-bit mode. */
export type CodeBits = 16 | 32 | 64;

/** A decoded instruction. Fields that an encoding lacks keep their neutral value (register fields 0, `base`/`index` -1, `disp` 0). */
export class Instruction {
  row!: Row;
  /** Bytes, 1 to 15, prefixes included. */
  length = 0;
  /** Effective operand size in bits, after prefixes, REX.W and the row's default (d64, f64); 8 never appears here: byte operands say so by their width. */
  operandBits: 16 | 32 | 64 = 32;
  /** Effective address size in bits. */
  addressBits: 16 | 32 | 64 = 32;
  /** A REX prefix is present (then byte registers 4–7 are SPL, BPL, SIL, DIL). */
  hasRex = false;
  lock = false;
  /** 0xF2, 0xF3 or 0: the repeat prefix in effect (0 when it was the row's mandatory prefix). */
  repeat: 0 | 0xf2 | 0xf3 = 0;
  /** Segment that a memory operand uses, overrides and rBP/rSP defaults applied: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS. In 64-bit mode overrides other than FS and GS are ignored. */
  segment = 3;
  hasModrm = false;
  /** ModRM.mod = 3: `rm` is a register. */
  isRegister = false;
  /** ModRM.reg with REX.R, 0–15 (0–7 for segment, MMX and x87 registers). */
  reg = 0;
  /** ModRM.rm with REX.B when `isRegister`; the register in the opcode's low 3 bits (with REX.B) for a `Z` operand; i of ST(i). */
  rm = 0;
  /** Base register 0–15 of the memory operand, -1 none, 16 = rip (disp counts from the next instruction). 16-bit forms use base and index with scale 0. */
  base = -1;
  /** Index register 0–15, -1 none. */
  index = -1;
  /** Shift count 0–3 of the index. */
  scale = 0;
  /** Displacement, signed 32 bits; the address of a moffs operand goes to `immLow`/`immHigh` instead. */
  disp = 0;
  /** Immediate or branch displacement, sign-extended to 64 bits and split; far pointer: offset. */
  immLow = 0;
  immHigh = 0;
  /** Second immediate: the selector of a far pointer, ENTER's level, EXTRQ-like second bytes. */
  imm2 = 0;
}
