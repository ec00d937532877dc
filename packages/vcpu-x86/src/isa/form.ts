// A form is what stays fixed of a row once sizes and shape are chosen: row × operand size × register or memory × address
// size. Oracles test form by form, handlers are keyed by form, the coverage table lists forms.
import type { CodeBits } from './instruction.js';
import type { Operand } from './operand.js';
import { operandBitsOf, type SizeClass, sizeClassOf } from './operand-size.js';
import type { Row } from './row.js';

type Bits = 16 | 32 | 64;

export interface Form {
  readonly row: Row;
  /** Effective operand size; 32 where the row has none. */
  readonly operandBits: Bits;
  /** ModRM.rm is a register. False for rows without ModRM. */
  readonly isRegister: boolean;
  /** Effective address size; the mode's own where the form addresses no memory. */
  readonly addressBits: Bits;
}

/** The prefixes that give a row an operand size. */
export interface SizePrefixes {
  readonly has66: boolean;
  readonly rexW: boolean;
}

const sizeClasses = new WeakMap<Row, SizeClass>();

function classOf(row: Row): SizeClass {
  let sizes = sizeClasses.get(row);
  if (sizes === undefined) {
    sizes = sizeClassOf(row);
    sizeClasses.set(row, sizes);
  }
  return sizes;
}

const plain: SizePrefixes = { has66: false, rexW: false };
const with66: SizePrefixes = { has66: true, rexW: false };
const withRexW: SizePrefixes = { has66: false, rexW: true };
const withBoth: SizePrefixes = { has66: true, rexW: true };

/** The combinations of 66 and REX.W that a row can carry and keep its meaning, shortest first. */
export function sizePrefixesOf(row: Row, bits: CodeBits): readonly SizePrefixes[] {
  const isWide = row.attributes.has('rexw');
  const all =
    row.prefix === 'np'
      ? [plain, withRexW]
      : row.prefix === '66'
        ? [with66, withBoth]
        : [plain, with66, withRexW, withBoth];
  // CMPXCHG8B with REX.W is CMPXCHG16B.
  const isNarrow = row.mnemonic === 'CMPXCHG8B';
  return all.filter((p) => (p.rexW ? bits === 64 && !isNarrow : !isWide));
}

/** Whether the row exists in code of this size. */
export const isRowIn = (row: Row, bits: CodeBits): boolean =>
  !row.attributes.has(bits === 64 ? 'no64' : 'only64') &&
  (bits === 64 || !row.attributes.has('rexw'));

/** The shortest prefixes that give `row` this operand size, or null where none do. */
export function prefixesFor(row: Row, bits: CodeBits, operandBits: Bits): SizePrefixes | null {
  for (const p of sizePrefixesOf(row, bits))
    if (operandBitsOf(classOf(row), bits, p.has66, p.rexW) === operandBits) return p;
  return null;
}

export function operandSizesOf(row: Row, bits: CodeBits): readonly Bits[] {
  const sizes = new Set<Bits>();
  for (const p of sizePrefixesOf(row, bits))
    sizes.add(operandBitsOf(classOf(row), bits, p.has66, p.rexW));
  return [...sizes].sort((a, b) => a - b);
}

/** The operand is memory in a form of that shape. */
export function isMemoryOperand(operand: Operand, isRegister: boolean): boolean {
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
}

/** Memory is addressed, or rCX counts at the address size (LOOP, JCXZ). */
export const usesAddress = (row: Row, isRegister: boolean): boolean =>
  row.attributes.has('asize') || row.operands.some((o) => isMemoryOperand(o, isRegister));

export const addressSizes: Readonly<Record<CodeBits, readonly Bits[]>> = {
  16: [16, 32],
  32: [32, 16],
  64: [64, 32],
};

function shapesOf(row: Row): readonly boolean[] {
  if (row.modrm === 'none' || row.modrm === 'mem') return [false];
  // MOV to and from CR and DR ignore ModRM.mod.
  if (row.modrm === 'reg' || row.operands.some((o) => o.addressing === 'R')) return [true];
  return [true, false];
}

/** Every form of `row` in code of this size; empty where the row does not exist there. */
export function formsOf(row: Row, bits: CodeBits): readonly Form[] {
  if (!isRowIn(row, bits)) return [];
  const forms: Form[] = [];
  for (const operandBits of operandSizesOf(row, bits)) {
    for (const isRegister of shapesOf(row)) {
      const sizes = usesAddress(row, isRegister) ? addressSizes[bits] : [bits];
      for (const addressBits of sizes) forms.push({ row, operandBits, isRegister, addressBits });
    }
  }
  return forms;
}

/** A number that is equal exactly for equal forms. */
export const formKey = (form: Form): number =>
  ((form.row.id * 3 + (form.operandBits >> 5)) * 3 + (form.addressBits >> 5)) * 2 +
  (form.isRegister ? 1 : 0);

/**
 * Width of an operand in bits under an effective operand size: of the value, not of the register it sits in.
 * 0 for operands without a value of one size (LEA's and FXSAVE's memory).
 */
export function operandWidthBits(operand: Operand, operandBits: Bits): number {
  switch (operand.fixed) {
    case null:
      break;
    case 'AL':
    case 'AH':
    case 'CL':
    case '1':
    case '3':
      return 8;
    case 'rAX':
    case 'rDX':
      return operandBits;
    case 'eAX':
      return Math.min(operandBits, 32);
    case 'ST0':
      return 80;
    case 'XMM0':
      return 128;
    default:
      return 16;
  }
  // ST(i) whole, whatever letter.
  if (operand.addressing === 'T') return 80;
  switch (operand.width) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
      return 32;
    case 'q':
      return 64;
    case 'v':
    case 'bs':
      return operandBits;
    case 'z':
      return Math.min(operandBits, 32);
    case 'y':
      return operandBits === 64 ? 64 : 32;
    case 'n':
      return operandBits;
    case 'p':
      return operandBits + 16;
    case 'a':
      return operandBits * 2;
    case 's':
      return operandBits === 64 ? 80 : 48;
    case 'x':
      return 128;
    case 't':
      return 80;
    case 'm':
      return 0;
  }
}
