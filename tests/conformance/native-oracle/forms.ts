// Every form of every row of the instruction tables, in every mode of the oracle: what a case of it is made of.
import { decode } from '../../../packages/vcpu-x86/src/isa/decode.js';
import { type Form, formsOf } from '../../../packages/vcpu-x86/src/isa/form.js';
import { Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import { rows } from '../../../packages/vcpu-x86/src/isa/table.js';
import type { EncodedInstruction, InstructionForm } from './case-generator.js';
import { coverageOf } from './coverage.js';
import { forbiddenReason } from './forbidden.js';
import { FormDraft } from './form-draft.js';
import {
  drawImmediates,
  drawOperands,
  drawPrefixes,
  drawSegment,
  shufflePrefixes,
} from './form-encoder.js';
import { addImplied } from './implied-operands.js';
import type { OracleMode } from './oracle-modes.js';
import type { Random } from './random.js';

export interface OracleForm extends InstructionForm {
  readonly form: Form;
  readonly mode: OracleMode;
}

const AC = 0x4_0000;
const instruction = new Instruction();

/** Draws until the bytes mean the form: prefixes and REX bits can make another row of some (90 with REX.B). */
function encode(form: Form, mode: OracleMode, random: Random): EncodedInstruction {
  for (let attempt = 0; attempt < 50; attempt++) {
    const encoded = encodeOnce(form, mode, random);
    const { code } = encoded;
    if (code.length > 15 || forbiddenReason(code, mode.harness)) continue;
    const length = decode(code, 0, code.length, mode.bits, null, instruction);
    const { row, operandBits, isRegister, addressBits } = instruction;
    if (length !== code.length || row !== form.row || operandBits !== form.operandBits) continue;
    if (row.modrm !== 'none' && isRegister !== form.isRegister) continue;
    if (addressBits === form.addressBits) return encoded;
  }
  throw new Error(`${nameOf(form, mode)}: no encoding decodes as this form`);
}

function encodeOnce(form: Form, mode: OracleMode, random: Random): EncodedInstruction {
  const d = new FormDraft(form, mode, random);
  const { row, isRegister } = form;
  drawPrefixes(d);
  const usesMemory =
    !isRegister || row.operands.some((o) => 'XO'.includes(o.addressing)) || row.mnemonic === 'XLAT';
  drawSegment(d, usesMemory ? (form.addressBits === 16 && mode.bits === 32 ? 2 : 5) : 40);
  shufflePrefixes(d);
  drawOperands(d);
  drawImmediates(d);
  addImplied(d);
  // What an alignment check makes of unaligned 16-byte operands and of images differs (SDM vol. 2A §2.4.4).
  if (random.oneIn(32) && row.operands.every((o) => o.width !== 'x' && o.width !== 'm')) {
    d.adjusts.push((draft) => {
      draft.rflags |= AC;
    });
  }
  return d.finish();
}

/** Encoding, template, sizes and shape, as reports and documents name a form. */
export function nameOf(form: Form, mode: OracleMode): string {
  const { row, operandBits, addressBits, isRegister } = form;
  const shape = row.modrm === 'none' ? '' : isRegister ? ' r' : ' m';
  return `${row.source[0]} ${row.source[1]} o${operandBits} a${addressBits}${shape}, ${mode.name}`;
}

/** The forms of a mode that the oracle can judge. */
export function oracleForms(mode: OracleMode): readonly OracleForm[] {
  return rows
    .filter((row) => coverageOf(row).kind !== 'not compared')
    .flatMap((row) => formsOf(row, mode.bits))
    .map((form) => ({
      form,
      mode,
      name: nameOf(form, mode),
      encode: (random) => encode(form, mode, random),
    }));
}
