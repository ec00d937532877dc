// What shifts and rotates leave undefined depends on their count, so the tables of the ISA cannot say it (SDM vol. 2B, SAL/SAR/SHL/SHR,
// RCL/RCR/ROL/ROR, SHLD, SHRD).
import type { OracleForm } from './forms.js';
import type { ExecutionResult, NativeCase } from './protocol.js';

const CF = 0x001;
const OF = 0x800;
const STATUS = 0x8d5;
const CL = 2;

/** The count as the instruction masks it. */
function countOf({ form }: OracleForm, input: NativeCase): number {
  const mask = form.operandBits === 64 && bitsOf(form.row.operands[0].width, 64) === 64 ? 63 : 31;
  const operand = form.row.operands[form.row.operands.length - 1];
  if (operand.addressing === 'I') return input.code[input.code.length - 1] & mask;
  return operand.fixed === '1' ? 1 : input.gpr[CL] & mask;
}

const bitsOf = (width: string | undefined, operandBits: number): number =>
  width === 'b' ? 8 : operandBits;

const withFlags = (native: ExecutionResult, emulated: ExecutionResult, undefinedFlags: number) => ({
  ...native,
  rflags: (native.rflags & ~undefinedFlags) | (emulated.rflags & undefinedFlags),
});

/** The native result with the emulated one's values in what the count leaves undefined. */
export function acceptShift(
  native: ExecutionResult,
  emulated: ExecutionResult,
  input: NativeCase,
  form: OracleForm,
): ExecutionResult {
  if (native.outcome === 'fault' || emulated.outcome === 'fault') return native;
  const { mnemonic, operands } = form.form.row;
  const bits = bitsOf(operands[0].width, form.form.operandBits);
  const count = countOf(form, input);
  if (count <= 1) return native;
  if (mnemonic.length === 4 && count > bits) {
    const { gpr, changes } = emulated;
    return { ...withFlags(native, emulated, STATUS), gpr, changes };
  }
  const losesCarry = mnemonic.startsWith('SH') && count >= bits;
  return withFlags(native, emulated, losesCarry ? OF | CF : OF);
}
