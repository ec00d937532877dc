// Assembler, disassembler and the decoder beneath them. Needs nothing else of the CPU.
export { DECODE_INVALID, DECODE_TOO_LONG, DECODE_TRUNCATED, decode } from '../isa/decode.js';
export { FeatureGate } from '../isa/feature-gate.js';
export { type Form, formsOf, isMemoryOperand, operandWidthBits } from '../isa/form.js';
export { type CodeBits, Instruction } from '../isa/instruction.js';
export type { Addressing, FixedOperand, Operand, Width } from '../isa/operand.js';
export type { Row } from '../isa/row.js';
export { type CpuFeature, cpuFeatures } from '../isa/row-parser.js';
export { type Mnemonic, rows } from '../isa/table.js';
export { type Assembled, Assembler, type AssemblerOptions, asm, assemble } from './assembler.js';
export { type DisassembledLine, disassemble, formatInstruction } from './disassemble.js';
export { AsmError } from './expression.js';
export type {
  FarValue,
  ImmediateValue,
  MemoryValue,
  OperandValue,
  RegisterValue,
} from './operand-value.js';
export { type Register, registers } from './register-names.js';
