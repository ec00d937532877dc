// Assembler, decoder and disassembler against each other, on every form of every row.
import { describe, expect, it } from 'vitest';
import { decode } from '../isa/decode.js';
import { type Form, formsOf, prefixesFor } from '../isa/form.js';
import { type CodeBits, Instruction } from '../isa/instruction.js';
import { rows } from '../isa/table.js';
import { assemble } from './assembler.js';
import { formatInstruction } from './disassemble.js';

/** Bytes of a form with some registers and a displacement, written from the encoding rules alone. */
function bytesOf(form: Form, bits: CodeBits, variant: number): number[] {
  const { row, operandBits, addressBits, isRegister } = form;
  const sizes = prefixesFor(row, bits, operandBits);
  if (!sizes) throw new Error('no prefixes');
  const bytes: number[] = [];
  if (addressBits !== bits) bytes.push(0x67);
  if (sizes.has66 || row.prefix === '66') bytes.push(0x66);
  if (row.prefix === 'f3') bytes.push(0xf3);
  if (row.prefix === 'f2') bytes.push(0xf2);
  if (sizes.rexW) bytes.push(0x48);
  if (row.map > 0) bytes.push(0x0f);
  if (row.map > 1) bytes.push(row.map === 2 ? 0x38 : 0x3a);
  bytes.push(row.registerInOpcode ? row.opcode + 3 : row.opcode);
  if (row.modrm !== 'none') {
    const reg = row.extension >= 0 ? row.extension : row.map === 1 && row.opcode === 0x18 ? 5 : 2;
    if (isRegister) bytes.push(0xc0 | (reg << 3) | (row.fixedRm >= 0 ? row.fixedRm : 3));
    else if (variant === 0) bytes.push((reg << 3) | 7);
    else bytes.push(0x40 | (reg << 3) | 5, 0x12);
  }
  for (let i = 0; i < 10; i++) bytes.push(0x21 + i);
  return bytes;
}

const modes: readonly CodeBits[] = [16, 32, 64];

describe('disassembled text', () => {
  for (const bits of modes) {
    it(`assembles to an instruction of the same text in ${bits}-bit code, for every form`, () => {
      const instruction = new Instruction();
      const faults: string[] = [];
      let count = 0;
      for (const row of rows) {
        for (const form of formsOf(row, bits)) {
          for (let variant = 0; variant < 2; variant++) {
            const bytes = Uint8Array.from(bytesOf(form, bits, variant));
            const length = decode(bytes, 0, bytes.length, bits, null, instruction);
            const text =
              length > 0 ? formatInstruction(instruction, bits, 0x1000) : `decode says ${length}`;
            count++;
            if (
              length <= 0 ||
              instruction.row !== row ||
              instruction.operandBits !== form.operandBits
            ) {
              faults.push(`${row.source[0]} ${row.source[1]}: ${text}, not o${form.operandBits}`);
              continue;
            }
            try {
              const again = assemble(text, { bits, origin: 0x1000 }).bytes;
              const decoded = decode(again, 0, again.length, bits, null, instruction);
              const other =
                decoded === again.length
                  ? formatInstruction(instruction, bits, 0x1000)
                  : `decode says ${decoded}`;
              if (other !== text) faults.push(`${row.source[1]}: ${text} became ${other}`);
              else if (again.length > length)
                faults.push(
                  `${row.source[1]}: ${text} grew to ${again.length} bytes from ${length}`,
                );
            } catch (error) {
              faults.push(`${row.source[1]}: ${text}: ${(error as Error).message}`);
            }
          }
        }
      }
      expect(count).toBeGreaterThan(4000);
      expect(faults).toEqual([]);
    });
  }
});
