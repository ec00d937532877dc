// Programs of instructions, kept by what they are made of: hot code repeats itself, and most instructions mean the same wherever they
// stand. Measured over a kernel's boot, five of six are found here.
import { Builder } from '../ir/builder.js';
import type { Node } from '../ir/node.js';
import type { Instruction } from '../isa/instruction.js';
import { type Binding, boundBinding } from '../semantics/binding.js';
import { Operands, type Semantics } from '../semantics/operands.js';
import { bindFields, Fields, type Mode, shapeOf } from '../semantics/shape.js';
import { semantics } from '../semantics/table.js';
import { prepare } from './prepare.js';

/** Programs that are kept; some thousands make up most of a kernel's hot code. */
const ROOM = 4096;
/** The base of addresses relative to rIP. */
const RIP_BASE = 16;

/** What an instruction does, as a region runs it; null if it is the cold tier's. Shared: not to be changed. */
export type Program = readonly Node[] | null;

/** For one mode and one set of CPU features. */
export class Programs {
  private readonly mode: Mode;
  private readonly known = new Map<string, Program>();
  private readonly fields = new Fields();

  constructor(mode: Mode) {
    this.mode = mode;
  }

  /** Of a decoded instruction, whose bytes are the string's characters, and which ends `next` bytes behind its region's entry. */
  of(instruction: Instruction, bytes: string, next: number): Program {
    const { row, operandBits, addressBits } = instruction;
    // A region knows itself where relative jumps lead; only calls compute with their place.
    const isJump = row.operands[0]?.addressing === 'J' && row.mnemonic !== 'CALL';
    const key = isJump ? `${row.mnemonic} ${operandBits} ${addressBits}` : bytes;
    let program = this.known.get(key);
    if (program !== undefined) return program;
    const { mode, fields } = this;
    bindFields(instruction, mode, fields, next);
    const bound = boundBinding(fields, next);
    let isPlaced = instruction.base === RIP_BASE;
    const binding: Binding = {
      ...bound,
      nextOffset: (b) => {
        isPlaced = true;
        return bound.nextOffset(b);
      },
    };
    const b = new Builder(true);
    const meaning = (semantics as Readonly<Record<string, Semantics>>)[row.mnemonic];
    meaning(b, new Operands(b, shapeOf(instruction, mode), binding));
    program = prepare(b.statements);
    if (isPlaced && !isJump) return program;
    if (this.known.size >= ROOM) this.known.clear();
    this.known.set(key, program);
    return program;
  }
}
