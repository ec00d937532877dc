// The static half of an instruction: everything that handlers are specialised on. The other half (register numbers,
// immediates, displacements, the next rIP) comes through a Binding, now (hot, reference) or from the record (cold).
import type { CodeBits, Instruction } from '../isa/instruction.js';
import type { Operand } from '../isa/operand.js';
import type { Row } from '../isa/row.js';
import { BLOCK_RIP, CS, DS, FS, GPR, SEGMENT_STRIDE, ZERO } from '../state/layout.js';

/** What generated code may take as given about the machine's mode. */
export interface Mode {
  readonly bits: CodeBits;
  /** Width of the stack pointer: SS.B, 64 in 64-bit mode. */
  readonly stackBits: 16 | 32 | 64;
  /** ES, CS, SS and DS are flat: base 0, limit 4 GiB, readable and writable (always so in 64-bit mode). */
  readonly flat: boolean;
}

/** Row, sizes, register or memory: the key of a cold handler. */
export interface Shape {
  readonly mode: Mode;
  readonly row: Row;
  readonly operandBits: 16 | 32 | 64;
  readonly addressBits: 16 | 32 | 64;
  readonly isRegister: boolean;
  readonly repeat: 0 | 0xf2 | 0xf3;
  /** The memory operand has an index register. */
  readonly indexed: boolean;
  /** The memory operand goes through a segment's base and limit. */
  readonly segmented: boolean;
}

/** The dynamic half, resolved to state-page slots; what a decoded record holds. One reused object. */
export class Fields {
  /** Slot or number of the register in ModRM.reg, by the operand's kind. */
  reg = 0;
  /** Slot or number of the register in ModRM.rm or in the opcode. */
  rm = 0;
  base: number = ZERO;
  index: number = ZERO;
  scale = 0;
  /** Segment times SEGMENT_STRIDE. */
  segment: number = DS * SEGMENT_STRIDE;
  disp = 0;
  immLow = 0;
  immHigh = 0;
  imm2 = 0;
  length = 0;
}

/** Slot of general register `number` for an access of `bits`, from the state page's start. */
export const gprSlot = (number: number, bits: number, hasRex: boolean): number =>
  bits === 8 && !hasRex && number >= 4 && number < 8
    ? GPR + (number - 4) * 8 + 1
    : GPR + number * 8;

/** Width in bits of an operand under an operand size; 0 where the width has no meaning of its own. */
export function widthBits(operand: Operand, operandBits: 16 | 32 | 64, mode: Mode): number {
  switch (operand.fixed) {
    case 'AL':
    case 'AH':
    case 'CL':
      return 8;
    case 'AX':
    case 'DX':
      return 16;
    case 'rAX':
    case 'rDX':
      return operandBits;
    case 'eAX':
      return operandBits === 64 ? 32 : operandBits;
    case 'XMM0':
      return 128;
    case null:
      break;
    default:
      return operand.fixed.length === 2 && operand.fixed.endsWith('S') ? 16 : operandBits;
  }
  switch (operand.width) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
      return 32;
    case 'q':
      return 64;
    case 'bs':
    case 'v':
      return operandBits;
    case 'z':
      return operandBits === 64 ? 32 : operandBits;
    case 'y':
      return operandBits === 64 ? 64 : 32;
    case 'n':
      return mode.bits === 64 ? 64 : operandBits;
    case 'x':
      return 128;
    case 't':
      return 80;
    default:
      return 0;
  }
}

function slotOf(operand: Operand, number: number, i: Instruction, mode: Mode): number {
  switch (operand.addressing) {
    case 'G':
    case 'E':
    case 'R':
    case 'Z':
    case 'B':
      return gprSlot(number, widthBits(operand, i.operandBits, mode), i.hasRex);
    case 'V':
    case 'W':
    case 'U':
      return number * 16;
    case 'P':
    case 'Q':
    case 'N':
      return (number & 7) * 16;
    case 'S':
      return (number & 7) * SEGMENT_STRIDE;
    default:
      return number;
  }
}

const inReg = new Set(['G', 'V', 'P', 'S', 'C', 'D']);
const inRm = new Set(['E', 'R', 'Z', 'W', 'U', 'Q', 'N', 'T']);

/** The operands of a row that its two register fields name. */
interface NamedOperands {
  readonly reg: Operand | null;
  readonly rm: Operand | null;
  readonly isPop: boolean;
}
/** By the row's id: translation asks for each instruction. */
const namedOperands: NamedOperands[] = [];
function namedBy({ id, operands, mnemonic }: Row): NamedOperands {
  const last = (names: ReadonlySet<string>): Operand | null =>
    operands.findLast((operand) => names.has(operand.addressing)) ?? null;
  const named = { reg: last(inReg), rm: last(inRm), isPop: mnemonic === 'POP' };
  namedOperands[id] = named;
  return named;
}

/** Does this operand mean memory in an instruction of that ModRM form? */
export const isMemoryOperand = (operand: Operand, isRegister: boolean): boolean => {
  switch (operand.addressing) {
    case 'M':
    case 'O':
    case 'X':
    case 'Y':
      return true;
    case 'E':
    case 'Q':
    case 'W':
      return !isRegister;
    default:
      return false;
  }
};

/** Resolves a decoded instruction's dynamic half into `f`; `endOffset`: bytes from its block's start to its end. */
export function bindFields(i: Instruction, mode: Mode, f: Fields, endOffset: number): void {
  const { reg, rm, isPop } = namedOperands[i.row.id] ?? namedBy(i.row);
  f.reg = reg ? slotOf(reg, i.reg, i, mode) : i.reg;
  f.rm = rm ? slotOf(rm, i.rm, i, mode) : i.rm;
  f.base = i.base < 0 ? ZERO : i.base === 16 ? BLOCK_RIP : GPR + i.base * 8;
  f.index = i.index < 0 ? ZERO : GPR + i.index * 8;
  f.scale = i.scale;
  f.segment = i.segment * SEGMENT_STRIDE;
  // BLOCK_RIP is the base of rip-relative operands, which count from the next instruction.
  f.disp = i.base === 16 ? (i.disp + endOffset) | 0 : i.disp;
  // POP m addresses memory with the incremented stack pointer (SDM vol. 2B, POP).
  if (isPop && i.base === 4) f.disp += widthBits(i.row.operands[0], i.operandBits, mode) / 8;
  f.immLow = i.immLow;
  f.immHigh = i.immHigh;
  f.imm2 = i.imm2;
  f.length = i.length;
}

/** FS and GS are flat in no mode, and CS may not be written however flat it is (64-bit code has no CS override). */
const isSegmented = (segment: number, mode: Mode): boolean =>
  !mode.flat || segment >= FS || (segment === CS && mode.bits !== 64);

/** The static half of a decoded instruction. */
export function shapeOf(i: Instruction, mode: Mode): Shape {
  return {
    mode,
    row: i.row,
    operandBits: i.operandBits,
    addressBits: i.addressBits,
    isRegister: i.isRegister,
    repeat: i.repeat,
    indexed: i.index >= 0,
    segmented: isSegmented(i.segment, mode),
  };
}

/** A key that is equal exactly for equal shapes of one mode. */
export const shapeKey = (i: Instruction, mode: Mode): number =>
  key(
    i.row.id,
    i.operandBits,
    i.addressBits,
    i.isRegister,
    i.repeat,
    i.index >= 0,
    isSegmented(i.segment, mode),
  );
export const keyOfShape = (s: Shape): number =>
  key(s.row.id, s.operandBits, s.addressBits, s.isRegister, s.repeat, s.indexed, s.segmented);

const key = (
  row: number,
  operandBits: number,
  addressBits: number,
  isRegister: boolean,
  repeat: number,
  indexed: boolean,
  segmented: boolean,
): number =>
  ((((row * 4 + (operandBits >> 5)) * 4 + (addressBits >> 5)) * 2 + (isRegister ? 1 : 0)) * 4 +
    (repeat === 0 ? 0 : repeat - 0xf1)) *
    4 +
  (indexed ? 2 : 0) +
  (segmented ? 1 : 0);
