// Does an operand that a program wrote fit a row's operand at some operand size?
import { isMemoryOperand, operandWidthBits } from '../isa/form.js';
import type { CodeBits } from '../isa/instruction.js';
import type { Operand } from '../isa/operand.js';
import type { Row } from '../isa/row.js';
import type { Scope } from './expression.js';
import { plainSize } from './implied-size.js';
import type { FarValue, ImmediateValue, MemoryValue, OperandValue } from './operand-value.js';
import type { Register } from './register-names.js';

type Bits = 16 | 32 | 64;

/** Whether `value` is a number of `bits`, signed or unsigned. */
export const fits = (value: bigint, bits: number): boolean =>
  value >= -(1n << BigInt(bits - 1)) && value < 1n << BigInt(bits);

const isSigned = (value: bigint, bits: number): boolean => value === BigInt.asIntN(bits, value);

function matchesFixed(o: Operand, value: OperandValue, operandBits: Bits): boolean {
  if (o.fixed === '1' || o.fixed === '3')
    return (
      value.kind === 'immediate' &&
      !value.value.isSymbolic &&
      value.value.evaluate({ here: 0n, valueOf: () => 0n }) === BigInt(o.fixed)
    );
  if (value.kind !== 'register') return false;
  const { register } = value;
  if (o.fixed === 'rAX' || o.fixed === 'eAX' || o.fixed === 'rDX') {
    const number = o.fixed === 'rDX' ? 2 : 0;
    return (
      register.kind === 'gpr' &&
      register.number === number &&
      register.bits === operandWidthBits(o, operandBits)
    );
  }
  return register.name === o.fixed?.toLowerCase();
}

function matchesRegister(o: Operand, register: Register, row: Row, operandBits: Bits): boolean {
  switch (o.addressing) {
    case 'G':
    case 'E':
    case 'R':
    case 'Z':
      if (register.kind !== 'gpr') return false;
      // Only 16 bits of the source count, so any width may name it.
      if (row.mnemonic === 'MOV_TO_SEG') return register.bits >= 16;
      return register.bits === operandWidthBits(o, operandBits);
    case 'S':
      return (
        register.kind === 'segment' && !(register.name === 'cs' && row.mnemonic === 'MOV_TO_SEG')
      );
    case 'C':
      return register.kind === 'control';
    case 'D':
      return register.kind === 'debug';
    case 'P':
    case 'Q':
    case 'N':
      return register.kind === 'mmx';
    case 'V':
    case 'W':
    case 'U':
      return register.kind === 'xmm';
    case 'T':
      return register.kind === 'x87';
    default:
      return false;
  }
}

function matchesMemory(o: Operand, m: MemoryValue, row: Row, operandBits: Bits): boolean {
  if (!isMemoryOperand(o, false) || o.addressing === 'X' || o.addressing === 'Y') return false;
  if (o.addressing === 'O' && (m.base || m.index || m.isRelative)) return false;
  if (o.width === 'p') {
    const isBranch = row.mnemonic === 'CALL_FAR' || row.mnemonic === 'JMP_FAR';
    return (m.isFar || !isBranch) && (m.bits === 0 || m.bits === operandBits || !isBranch);
  }
  const width = operandWidthBits(o, operandBits);
  return (
    !m.isFar &&
    (m.bits === 0 || m.bits === width || width === 0 || o.width === 's' || o.width === 'a')
  );
}

/** An immediate as its encoding holds it, or null when it does not fit the row's operand. */
export function immediateBytesOf(
  o: Operand,
  v: ImmediateValue,
  operandBits: Bits,
  scope: Scope,
): { value: bigint; bytes: number } | null {
  const value = v.value.evaluate(scope);
  const width = o.width === 'z' ? operandBits : operandWidthBits(o, operandBits);
  if (v.bits !== 0 && v.bits !== width && !(v.bits === 32 && width === 64)) return null;
  if (!fits(value, width)) return null;
  const signed = BigInt.asIntN(width, value);
  if (o.width === 'bs')
    return !v.value.isSymbolic && isSigned(signed, 8) ? { value: signed, bytes: 1 } : null;
  if (o.width === 'z' && operandBits === 64)
    return isSigned(signed, 32) ? { value: signed, bytes: 4 } : null;
  return { value: signed, bytes: width / 8 };
}

/** `plain`: the mode's own operand size. */
function matchesFar(o: Operand, v: FarValue, operandBits: Bits, plain: Bits): boolean {
  return o.addressing === 'A' && operandBits === (v.bits || plain);
}

/** Immediates and branch distances are checked when their bytes are made. */
export function matches(
  o: Operand,
  value: OperandValue,
  row: Row,
  operandBits: Bits,
  bits: CodeBits,
): boolean {
  if (o.addressing === 'fixed') return matchesFixed(o, value, operandBits);
  if (row.modrm === 'reg' && value.kind === 'memory') return false;
  switch (value.kind) {
    case 'register':
      return row.modrm !== 'mem' || !'EQW'.includes(o.addressing)
        ? matchesRegister(o, value.register, row, operandBits)
        : false;
    case 'memory':
      return matchesMemory(o, value, row, operandBits);
    case 'immediate':
      if (o.addressing === 'J')
        return value.distance === null || (o.width === 'b') === (value.distance === 'short');
      return o.addressing === 'I' && value.distance === null;
    case 'far':
      return matchesFar(o, value, operandBits, plainSize(row, bits));
  }
}
