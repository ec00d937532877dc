// Operand specifications in the SDM's letters (vol. 2D, appendix A.2): an addressing letter and a size letter, or a fixed
// register or constant. Facts only; imports nothing.

/**
 * How an operand is encoded.
 * A far pointer in the code · B GPR in VEX.vvvv · C control register · D debug register · E r/m, GPR or memory · G GPR in reg ·
 * I immediate · J relative branch · M memory only · N MMX register in rm · O absolute moffs · P MMX register in reg ·
 * Q MMX register or memory · R GPR in rm (register only) · S segment register in reg · U XMM register in rm ·
 * V XMM register in reg · W XMM register or memory · X memory at DS:rSI · Y memory at ES:rDI · Z GPR in the opcode's low 3 bits ·
 * T x87 register ST(i) in rm · fixed: a register or constant named by the row itself.
 */
export type Addressing =
  | 'A'
  | 'B'
  | 'C'
  | 'D'
  | 'E'
  | 'G'
  | 'I'
  | 'J'
  | 'M'
  | 'N'
  | 'O'
  | 'P'
  | 'Q'
  | 'R'
  | 'S'
  | 'T'
  | 'U'
  | 'V'
  | 'W'
  | 'X'
  | 'Y'
  | 'Z'
  | 'fixed';

/**
 * The width of an operand.
 * b byte · w word · d dword · q qword · v operand size (16/32/64) · z operand size but at most 32 · y 32, or 64 with REX.W ·
 * p far pointer 16:v · s descriptor-table register image · x 128-bit vector · t 80-bit real · a BOUND's pair · m no access or special
 * (LEA, INVLPG, FXSAVE…) · n the stack's natural width (16/32/64, 64 in long mode) · bs a byte sign-extended to the operand size.
 */
export type Width =
  | 'b'
  | 'bs'
  | 'w'
  | 'd'
  | 'q'
  | 'v'
  | 'z'
  | 'y'
  | 'p'
  | 's'
  | 'x'
  | 't'
  | 'a'
  | 'm'
  | 'n';

/** A register or constant that a row names itself: `AL`, `rAX` (by operand size), `CL`, `DX`, `1`, `ST0`, a segment register. */
export type FixedOperand =
  | 'AL'
  | 'AH'
  | 'CL'
  | 'DX'
  | 'AX'
  | 'rAX'
  | 'eAX'
  | 'rDX'
  | '1'
  | '3'
  | 'ST0'
  | 'XMM0'
  | 'ES'
  | 'CS'
  | 'SS'
  | 'DS'
  | 'FS'
  | 'GS';

/** One operand of a row. */
export interface Operand {
  readonly addressing: Addressing;
  readonly width: Width;
  /** Set when `addressing` is `fixed`. */
  readonly fixed: FixedOperand | null;
}
