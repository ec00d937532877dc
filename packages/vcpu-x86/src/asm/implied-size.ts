// The operand size that an instruction has when nothing written says one.
import type { CodeBits } from '../isa/instruction.js';
import type { Row } from '../isa/row.js';
import { spellsSize } from './mnemonic-names.js';

/** The operand size that the row has without prefixes. */
export function plainSize(row: Row, bits: CodeBits): 16 | 32 | 64 {
  if (bits !== 64) return bits;
  return row.attributes.has('d64') || row.attributes.has('f64') ? 64 : 32;
}

/** Whether operands or the spelling tell the operand size. */
export function showsSize(row: Row): boolean {
  const { mnemonic } = row;
  if (mnemonic === 'PUSH_SEG' || mnemonic === 'POP_SEG' || mnemonic === 'RET_FAR') return false;
  if (spellsSize(row)) return true;
  // A descriptor-table register's image and an environment have no size keyword; an immediate's size is not written.
  return row.operands.some(
    (o) => !'IJ'.includes(o.addressing) && o.width !== 'm' && o.width !== 's',
  );
}
